"""SIGN-IN-WITH-X: a wallet proves that it is the payer, by signing one text of ours, once.

The header's fields are compared with what we asked, and the EIP-4361 text is built here from our
own values: nothing that a stranger wrote becomes part of what a signature is checked against.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from payments.chains import Chain, ChainUnavailable
from payments.database.pool import Pool, one
from payments.rates import MINUTE, Rate, add, key_of
from payments.wallets.nonces import BURN
from payments.wallets.questions import ANSWER_FIELDS, GOOD_SECONDS, Question, issued_when
from payments.wallets.signed_texts import read_signature, signed_by
from payments.x402.headers import decode_json
from payments.x402.networks import ADDRESS, address_bytes, chain_id_of, checksum
from payments.x402.reasons import PaymentRefused

HEADER_CHARACTERS_MAX = 8 * 1024
SKEW_SECONDS = 60  # between our own hosts: it is our time that comes back


class SiwxReason(StrEnum):
    """Why a proof was not accepted, in the words of the official servers."""

    HEADER = "invalid_siwx_header"  # ours: theirs fall silent when they cannot read it
    DOMAIN = "invalid_siwx_domain_mismatch"
    URI = "invalid_siwx_uri_mismatch"
    ISSUED_AT = "invalid_siwx_issued_at"
    TOO_OLD = "invalid_siwx_issued_at_too_old"
    IN_FUTURE = "invalid_siwx_issued_at_in_future"
    EXPIRATION_TIME = "invalid_siwx_expiration_time"
    NOT_BEFORE = "invalid_siwx_not_before"
    NONCE = "invalid_siwx_nonce"
    SIGNATURE = "invalid_siwx_signature"
    CHAIN_ID = "invalid_siwx_chain_id"
    UNSUPPORTED_CHAIN = "invalid_siwx_unsupported_chain"
    MALFORMED_SIGNATURE = "invalid_siwx_malformed_signature"
    VERIFIER_ERROR = "invalid_siwx_verifier_error"


class NotProven(Exception):
    """The header proves nothing; the reason says why."""

    def __init__(self, reason: SiwxReason) -> None:
        super().__init__(reason)
        self.reason = reason


class AsksTooOften(NotProven):
    """So many proofs came from there that no chain is asked about another one for a while."""

    def __init__(self, rate: Rate, most: int) -> None:
        super().__init__(SiwxReason.VERIFIER_ERROR)
        self.retry_seconds = rate.retry_seconds
        self.detail = (
            f"At most {most} proofs a minute from one network are looked up on the chain; wait"
            f" {rate.retry_seconds} s."
        )


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose proofs are counted once the wallet's chain has to be asked; a key costs nobody that."""

    network: str  # where the request comes from; empty where that is not known
    most: int  # a minute


async def proven_payer(
    header: str,
    *,
    payer: str,
    uri: str,
    network: str,
    secret: bytes,
    now: int,
    pool: Pool,
    chain: Chain | None,
    asker: Asker,
) -> str:
    """The payer's address, when this SIGN-IN-WITH-X header proves that it is theirs.

    `network` is the payment's own: a contract wallet's address may belong to somebody else on
    another chain. Without `chain` only wallets with a key of their own can prove themselves.
    """
    fields = _read(header)
    question = _question_answered(fields, uri=uri, network=network, secret=secret, now=now)
    address = fields["address"]
    if not ADDRESS.fullmatch(address) or address_bytes(address) != address_bytes(payer):
        raise NotProven(SiwxReason.SIGNATURE)
    signature = read_signature(fields["signature"])
    if signature is None:
        raise NotProven(SiwxReason.MALFORMED_SIGNATURE)
    text = question.text(address)
    signer = await signed_by(address, text, signature, None)
    if signer is None and chain is not None:
        await _take_turn(pool, asker)
        try:
            signer = await signed_by(address, text, signature, chain)
        except ChainUnavailable:
            raise NotProven(SiwxReason.VERIFIER_ERROR) from None
    if signer is None:
        raise NotProven(SiwxReason.SIGNATURE)
    if not await _burn(pool, question):
        raise NotProven(SiwxReason.NONCE)
    return checksum(address_bytes(address))


async def _take_turn(pool: Pool, asker: Asker) -> None:
    """A signature that fits no key may be anything, and one question serves for many of them."""
    if not asker.network:
        return
    key = key_of("wallet proof", asker.network)
    rate = (await add(pool, {key: 1}, MINUTE))[key]
    if rate.count > asker.most:
        raise AsksTooOften(rate, asker.most)


def _read(header: str) -> dict[str, Any]:
    if len(header) > HEADER_CHARACTERS_MAX:
        raise NotProven(SiwxReason.HEADER)
    try:
        padded = header + "=" * (-len(header) % 4)
        fields = decode_json(binascii.a2b_base64(padded.encode("ascii"), strict_mode=True))
    except (ValueError, PaymentRefused):
        raise NotProven(SiwxReason.HEADER) from None
    if not isinstance(fields, dict) or not all(
        isinstance(fields.get(n), str) for n in ANSWER_FIELDS
    ):
        raise NotProven(SiwxReason.HEADER)
    return fields


def _question_answered(
    fields: Mapping[str, Any], *, uri: str, network: str, secret: bytes, now: int
) -> Question:
    """Find the question of ours that this header answers; every other one is refused."""
    if fields["domain"] != urlsplit(uri).netloc:
        raise NotProven(SiwxReason.DOMAIN)
    if fields["uri"] != uri:
        raise NotProven(SiwxReason.URI)
    try:
        chain_id_of(fields["chainId"])
    except PaymentRefused:
        raise NotProven(SiwxReason.CHAIN_ID) from None
    if fields["chainId"] != network or fields["type"] != "eip191":
        raise NotProven(SiwxReason.UNSUPPORTED_CHAIN)
    issued = issued_when(fields["nonce"], uri=uri, secret=secret)
    if issued is None:
        raise NotProven(SiwxReason.NONCE)
    question = Question(uri, network, fields["nonce"], issued)
    if fields["issuedAt"] != question.issued_at:
        raise NotProven(SiwxReason.ISSUED_AT)
    if now > question.issued + GOOD_SECONDS:
        raise NotProven(SiwxReason.TOO_OLD)
    if now < question.issued - SKEW_SECONDS:
        raise NotProven(SiwxReason.IN_FUTURE)
    if fields.get("expirationTime") != question.expiration_time:
        raise NotProven(SiwxReason.EXPIRATION_TIME)
    if fields.get("notBefore") is not None:
        raise NotProven(SiwxReason.NOT_BEFORE)
    return question


async def _burn(pool: Pool, question: Question) -> bool:
    expires = question.issued + GOOD_SECONDS + SKEW_SECONDS
    return await one(pool, BURN, (bytes.fromhex(question.nonce), expires)) is not None
