"""A buyer's promise: the offer it takes up, what exactly is bought, and what was signed for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from uuid import UUID

from payments.exposure.exposure import PAYER_KEY, CapLimit
from payments.ids import new_id
from payments.x402.types import Authorization, Requirements


@dataclass(frozen=True, slots=True)
class Offer:
    """A price bound to a listing: what a 402 quotes and what a claim is checked against."""

    id: UUID
    requirements: Requirements
    decimals: int


def fingerprint(revision_hash: bytes, method: str, url: str, body_hash: bytes) -> bytes:
    """What exactly was bought: any other use of the same payment is refused."""
    digest = hashlib.sha256()
    for part in (revision_hash, method.encode(), url.encode(), body_hash):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


# Two that carry the same identifier come one after the other. A statement sees what was there when
# it began: this is one of its own, before it; in order, and before any counter is locked.
TAKE_NAMES = "select pg_advisory_xact_lock(name) from unnest(%s::bigint[]) name"


def name_lock(payer: str, identifier_hash: bytes) -> int:
    """A payer's name for a purchase as a number of 64 bits, as PostgreSQL takes it for a lock."""
    digest = hashlib.sha256(payer.encode() + identifier_hash).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Purchase:
    """The snapshot a payment keeps of what was bought."""

    seller_id: UUID
    listing_id: UUID
    listing_path: str
    title: str
    revision_hash: bytes
    method: str
    url: str
    body_hash: bytes
    release: str
    answer_keep_days: int

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self.revision_hash, self.method, self.url, self.body_hash)


@dataclass(frozen=True, slots=True)
class Claim:
    """One authorization that passed every check, about to become a payment."""

    offer: Offer
    purchase: Purchase
    authorization: Authorization
    identity: bytes
    payer_has_code: bool
    identifier_hash: bytes | None
    claimed_block: int
    caps: tuple[CapLimit, ...]
    joins: bool = True  # an abandoned payment for the same request, should there be one
    protocol_version: int = 2
    limits_version: int = 0  # of the owner's rules that were looked at; 0: there were none
    payment_id: UUID = field(default_factory=new_id)

    @property
    def name_lock(self) -> int | None:
        """What claims of the same payer under the same identifier wait for each other at."""
        if self.identifier_hash is None:
            return None
        return name_lock(self.authorization.payer, self.identifier_hash)

    @property
    def payer_key(self) -> str | None:
        """The payer's counter: how far they are trusted, and which rules of theirs hold."""
        return next((c.key for c in self.caps if c.key.startswith(PAYER_KEY)), None)
