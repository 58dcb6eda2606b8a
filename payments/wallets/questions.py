"""What a wallet is asked to sign so that it proves itself: one text, in EIP-4361's exact words.

Nothing is stored when we ask: the nonce carries its time and our seal, so that only a question
of ours, for the very address of ours that it names, can come back answered.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from payments.x402.networks import chain_id_of

EXTENSION = "sign-in-with-x"
GOOD_SECONDS = 300  # the default age limit of the official servers
STATEMENT = "Prove that you are the payer. This costs nothing and moves no money."
ANSWER_FIELDS = (
    "domain", "address", "uri", "version", "chainId", "type", "nonce", "issuedAt", "signature",
)  # fmt: skip

_NONCE = re.compile(r"([0-9a-f]{8})[0-9a-f]{24}([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class Question:
    """What a wallet is asked to sign: for which address of ours, on which network, and when.

    The nonce carries its time and our seal over time and address, so nothing is stored before
    a proof has been accepted.
    """

    uri: str
    network: str
    nonce: str
    issued: int

    @property
    def domain(self) -> str:
        return urlsplit(self.uri).netloc

    @property
    def issued_at(self) -> str:
        return _utc(self.issued)

    @property
    def expiration_time(self) -> str:
        return _utc(self.issued + GOOD_SECONDS)

    def text(self, address: str) -> str:
        """The exact text a wallet shows and signs (EIP-4361)."""
        return (
            f"{self.domain} wants you to sign in with your Ethereum account:\n{address}\n\n"
            f"{STATEMENT}\n\n"
            f"URI: {self.uri}\nVersion: 1\nChain ID: {chain_id_of(self.network)}\n"
            f"Nonce: {self.nonce}\nIssued At: {self.issued_at}\n"
            f"Expiration Time: {self.expiration_time}"
        )


def challenge(secret: bytes, *, uri: str, network: str, now: int) -> dict[str, Any]:
    """Ask a wallet to prove itself: the value of a `sign-in-with-x` extension."""
    entropy = now.to_bytes(4, "big") + os.urandom(12)
    nonce = entropy.hex() + _seal(secret, entropy, uri).hex()
    question = Question(uri, network, nonce, now)
    return {
        "info": {
            "domain": question.domain,
            "uri": uri,
            "version": "1",
            "nonce": nonce,
            "issuedAt": question.issued_at,
            "expirationTime": question.expiration_time,
            "statement": STATEMENT,
        },
        "supportedChains": [{"chainId": network, "type": "eip191"}],
        "schema": _SCHEMA,
    }


def issued_when(nonce: str, *, uri: str, secret: bytes) -> int | None:
    """When we asked with this nonce about this address; None when we never did."""
    match = _NONCE.fullmatch(nonce)
    if match is None:
        return None
    raw = bytes.fromhex(nonce)
    if not hmac.compare_digest(raw[16:], _seal(secret, raw[:16], uri)):
        return None
    return int(match[1], 16)


def _seal(secret: bytes, entropy: bytes, uri: str) -> bytes:
    sealed = b"souk sign-in-with-x\x00" + entropy + uri.encode("utf-8")
    return hmac.digest(secret, sealed, hashlib.sha256)[:16]


def _utc(unix: int) -> str:
    """With milliseconds, as JavaScript rewrites every time it is given."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _text(format_name: str = "") -> dict[str, str]:
    return {"type": "string", **({"format": format_name} if format_name else {})}


_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "domain": _text(),
        "address": _text(),
        "statement": _text(),
        "uri": _text("uri"),
        "version": _text(),
        "chainId": _text(),
        "type": _text(),
        "nonce": _text(),
        "issuedAt": _text("date-time"),
        "expirationTime": _text("date-time"),
        "signature": _text(),
    },
    "required": list(ANSWER_FIELDS),
}
