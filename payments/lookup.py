"""Already ours? What we hold under an identity, whatever has become of the listing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from payments.database.pool import Pool, one, rows
from payments.ids import first_id
from payments.models import Money, Work
from payments.states import PAID, Standing, State, is_released, is_to_take_up, may_be_cut

CLOCKS_APART_SECONDS = 60.0  # ids carry the time of the process that made them


@dataclass(frozen=True, slots=True)
class Held:
    """One payment as it stands: its promise, what it bought, and how far it has come."""

    payment_id: UUID
    network: str
    scheme: str
    asset: str
    payer: str
    pay_to: str
    amount_atomic: int
    nonce: bytes
    valid_before: int
    identity: bytes
    fingerprint: bytes
    revision_hash: bytes
    listing_path: str
    listing_id: UUID
    identifier_hash: bytes | None
    release: str
    on_trust: bool
    work: Work
    money: Money
    version: int
    attempt: int
    definite_failures: int
    identifier_misses: int
    abandoned: bool
    collected: bool
    lease_left_seconds: float
    age_seconds: float
    transaction: bytes | None
    created_at: datetime

    @property
    def idempotency_key(self) -> str:
        """The upstream's key for the next attempt: a new one only after it answered the last."""
        failures = self.definite_failures
        return f"{self.payment_id}-{failures}" if failures else str(self.payment_id)

    @property
    def standing(self) -> Standing:
        return Standing(
            self.payment_id, self.version, State(self.work, self.money), self.release == "upfront"
        )

    @property
    def paid(self) -> bool:
        return self.money in PAID

    @property
    def to_take_up(self) -> bool:
        """Whether only this payment, sent again, gets the work done that it pays for."""
        return is_to_take_up(
            self.standing.state, self.lease_left_seconds, upfront=self.release == "upfront"
        )

    @property
    def may_be_cut(self) -> bool:
        """Whether only the beginning of its answer may have come."""
        return may_be_cut(
            self.standing.state, self.lease_left_seconds, upfront=self.release == "upfront"
        )

    @property
    def released(self) -> bool:
        """Whether the stored answer may leave."""
        return is_released(self.standing.state, on_trust=self.on_trust)


_HELD = """
    select p.id, p.network, p.scheme, p.asset, p.payer, p.pay_to, p.amount_atomic, p.nonce,
           p.valid_before, p.identity, p.fingerprint, p.revision_hash, p.listing_path, p.listing_id,
           p.identifier_hash, p.release, g.on_trust, g.work, g.money, g.version, g.attempt,
           g.definite_failures,
           g.identifier_misses, g.abandoned_at is not null, g.collected_at is not null,
           coalesce(extract(epoch from g.lease_until - clock_timestamp()), 0)::float8,
           extract(epoch from clock_timestamp() - p.created_at)::float8,
           coalesce(g.transaction, (
               select b.transaction from payments_broadcast b
                where b.relayer_id = g.relayer_id and b.nonce = g.relayer_nonce
                order by b.variant desc limit 1)),
           p.created_at
      from payments_payment p
      join payments_progress g on g.payment_id = p.id
"""


def _held(row: Sequence[Any]) -> Held:
    values = list(row)
    values[6] = int(values[6])
    values[17], values[18] = Work(values[17]), Money(values[18])
    return Held(*values)


async def by_identities(pool: Pool, identities: Sequence[bytes]) -> list[Held | None]:
    """What we hold under each of these, in their order; one look for all of them."""
    found = await rows(pool, _HELD + " where p.identity = any(%s)", (list(identities),))
    held = {each.identity: each for each in map(_held, found)}
    return [held.get(identity) for identity in identities]


async def by_id(pool: Pool, payment_id: UUID) -> Held | None:
    row = await one(pool, _HELD + " where p.id = %s", (payment_id,))
    return _held(row) if row else None


_CHANGED = f"""
    with changed as materialized (
        select g.payment_id
          from unnest(%s::uuid[], %s::int[]) as seen(id, version)
          join payments_progress g on g.payment_id = seen.id and g.version <> seen.version
    )
    {_HELD} where p.id in (select payment_id from changed)
"""  # noqa: S608 - composed of our own constants only


async def changed(pool: Pool, seen: Mapping[UUID, int]) -> list[Held]:
    """Those of these payments that moved on from the version they were seen at."""
    found = await rows(pool, _CHANGED, (list(seen), list(seen.values())))
    return [_held(row) for row in found]


@dataclass(frozen=True, slots=True)
class TwinTerms:
    """Which earlier payment for the same request a new one joins.

    It is not older than `within_seconds`, and its buyer went away from it: they were seen to, or
    its lease has less than `silent_lease_seconds` left. No living process lets one come so far
    down: the one that served the call is gone, and its buyer with it.
    """

    within_seconds: float
    silent_lease_seconds: float

    @property
    def values(self) -> dict[str, object]:
        """What `IS_LEFT` and `IS_RECENT` compare with."""
        return {
            "twin_within": self.within_seconds,
            "twin_silent": self.silent_lease_seconds,
            "twin_since": first_id(time.time() - self.within_seconds - CLOCKS_APART_SECONDS),
        }


# Of a payment's progress `g`: nobody waits for it any more. Payments whose answer was collected
# have left the index that finds it.
IS_LEFT = """
    g.payment_id > %(twin_since)s
    and g.collected_at is null and g.money <> 'failed' and g.work <> 'void'
    and (g.abandoned_at is not null
         or g.lease_until < clock_timestamp() + make_interval(secs => %(twin_silent)s))
"""
# Of the payment `p` itself.
IS_RECENT = "p.created_at > clock_timestamp() - make_interval(secs => %(twin_within)s)"


# Of a payment `p` and its progress `g`: it was charged, or will be as far as anybody knows, and
# its answer is kept.
HAS_BOUGHT = """
    p.created_at > clock_timestamp() - make_interval(days => p.answer_keep_days)
    and g.money <> 'failed' and (g.work <> 'void' or g.money <> 'none')
"""


def sought(payer: str, fingerprint: bytes) -> bytes:
    """What one buyer wants, in 16 bytes: the same request by the same payer is found by it."""
    return hashlib.sha256(payer.encode() + fingerprint).digest()[:16]


async def abandoned_twin(
    pool: Pool, terms: TwinTerms, *, payer: str, fingerprint: bytes
) -> Held | None:
    """The payment this buyer made for the same request and went away from, if there is one."""
    found = await one(
        pool,
        _HELD
        + " where g.sought = %(sought)s and p.payer = %(payer)s"
        + f" and p.fingerprint = %(fingerprint)s and {IS_LEFT} and {IS_RECENT}"
        + " order by g.payment_id limit 1",
        {
            "sought": sought(payer, fingerprint),
            "payer": payer,
            "fingerprint": fingerprint,
            **terms.values,
        },
    )
    return _held(found) if found else None


NAMESAKE = f"""{_HELD}
     where p.identifier_hash = %(identifier)s and p.payer = %(payer)s and p.identity <> %(identity)s
       and {HAS_BOUGHT} order by p.id limit 1
"""


async def namesake(
    pool: Pool, *, payer: str, identifier_hash: bytes, identity: bytes
) -> Held | None:
    """Another payment of this buyer under the same identifier, if it bought or is about to."""
    values = {"identifier": identifier_hash, "payer": payer, "identity": identity}
    found = await one(pool, NAMESAKE, values)
    return _held(found) if found else None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What the seller answered, as it was stored before anybody was charged."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes | None
    body_hash: bytes
    body_bytes: int
    # Whatever counts it as held in memory, for as long as it is.
    share: object = field(default=None, compare=False, repr=False)
    receipt: str | None = None  # the newest, where one was signed already


async def answer_bytes(pool: Pool, payment_id: UUID) -> int:
    """How much memory its body takes, to be asked before that is read."""
    row = await one(
        pool, "select body_bytes from payments_answer where payment_id = %s", (payment_id,)
    )
    return int(row[0]) if row else 0


async def stored_answer(pool: Pool, payment_id: UUID) -> StoredAnswer | None:
    row = await one(
        pool,
        """
        select a.status, a.headers, a.content_type, b.body, a.body_hash, a.body_bytes,
               (select r.jws from payments_receipt r
                 where r.payment_id = a.payment_id order by r.version desc limit 1)
          from payments_answer a
          left join payments_answerbody b
            on b.payment_id = a.payment_id and b.keep_until = a.keep_until
         where a.payment_id = %s
        """,
        (payment_id,),
    )
    if row is None:
        return None
    status, headers, content_type, body, body_hash, body_bytes, receipt = row
    pairs = tuple((str(name), str(value)) for name, value in headers)
    return StoredAnswer(status, pairs, content_type, body, body_hash, body_bytes, receipt=receipt)
