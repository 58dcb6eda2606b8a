"""What a facilitator is asked, and what its answers say: the shop's side of that conversation.

Nothing a facilitator says is proof of anything; a word of it only tells where to look, and whether
another one may be asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from payments.x402.types import X402_VERSION, Requirements

PENDING_REASON = "settlement_pending"

# Refusals that say: I do not serve this kind of payment at all. They are decided by reading the
# request, before any transaction could be made, and they are about the facilitator, since we
# asked it about our own offer. Both official spellings. Every other refusal leaves it open
# whether something was sent.
NEVER_BEGAN = frozenset(
    {
        "unsupported_scheme", "invalid_scheme", "invalid_exact_evm_scheme",
        "invalid_network", "unsupported_network", "network_mismatch",
        "invalid_exact_evm_network_mismatch", "invalid_exact_evm_failed_to_get_network_config",
        "invalid_x402_version", "unsupported_payload_type", "invalid_payment_requirements",
        "missing_eip712_domain", "invalid_exact_evm_missing_eip712_domain",
    }
)  # fmt: skip

# The paths that the official clients have headers for. We ask the last two: what `verify` would
# say, the chain's own simulation says better.
PATHS = ("verify", "settle", "supported")

Headers = Mapping[str, Mapping[str, str]]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?")
_OURS = frozenset({"content-type", "content-length", "host", "accept-encoding", "connection"})
_TRANSACTION = re.compile(r"0x[0-9a-fA-F]{64}")
_KINDS_READ_MAX = 1_000


class Verdict(Enum):
    """What a facilitator's answer to a settlement comes to."""

    SETTLED = "settled"
    PENDING = "pending"
    REFUSED = "refused"
    NEVER_BEGAN = "never_began"


@dataclass(frozen=True, slots=True)
class Word:
    """A facilitator's answer as it reads; `transaction` is one it claims to have sent."""

    verdict: Verdict
    transaction: bytes | None
    reason: str


class NotAnAnswer(ValueError):
    """This is no answer to what was asked; it tells nothing, not even a failure."""


class BadHeaders(ValueError):
    """These are no headers for a facilitator; the text never quotes a value."""


def check_headers(value: object) -> Headers:
    """Read `{"settle": {"Authorization": "…"}, "supported": {…}}`, as the official clients do."""
    if not isinstance(value, dict) or not set(value) <= set(PATHS):
        raise BadHeaders(f"expected an object with some of {', '.join(PATHS)}")
    for path, headers in value.items():
        if not isinstance(headers, dict):
            raise BadHeaders(f"{path}: expected an object of header names and values")
        for name, text in headers.items():
            if not _HEADER_NAME.fullmatch(name) or name.lower() in _OURS:
                raise BadHeaders(f"{path}: {name[:40]!r} is no header that can be added")
            if not isinstance(text, str) or not _HEADER_VALUE.fullmatch(text):
                raise BadHeaders(f"{path}: the value of {name} is no header value")
    return value


def settlement_request(payload: Mapping[str, object], offer: Requirements) -> dict[str, object]:
    """Ask for the settlement of a payment, by our own offer and never by what a buyer echoed."""
    requirements = offer.to_wire()
    return {
        "x402Version": X402_VERSION,
        "paymentPayload": {
            "x402Version": X402_VERSION,
            "payload": dict(payload),
            "accepted": requirements,
        },
        "paymentRequirements": requirements,
    }


def read_settlement(document: object, *, network: str, payer: str) -> Word:
    """Read the answer to a settlement; about another network or payer it is none."""
    if not isinstance(document, dict) or type(document.get("success")) is not bool:
        raise NotAnAnswer("it is not a settlement response")
    if document.get("network") not in (None, "", network):
        raise NotAnAnswer("it speaks of another network")
    named = document.get("payer")
    if named and (not isinstance(named, str) or named.lower() != payer.lower()):
        raise NotAnAnswer("it speaks of another payer")
    transaction = _transaction(document.get("transaction"))
    if document["success"]:
        if transaction is None:
            raise NotAnAnswer("it claims success and names no transaction")
        return Word(Verdict.SETTLED, transaction, "success")
    reason = document.get("errorReason")
    said = reason if isinstance(reason, str) and reason else "no reason"
    if transaction is not None or said == PENDING_REASON:
        return Word(Verdict.PENDING, transaction, said)
    return Word(Verdict.NEVER_BEGAN if said in NEVER_BEGAN else Verdict.REFUSED, None, said)


def serves(document: object, *, network: str, scheme: str) -> bool | None:
    """Whether it says that it settles this very kind; None when it says nothing, for a moment."""
    kinds = document.get("kinds") if isinstance(document, dict) else None
    if not isinstance(kinds, list):
        raise NotAnAnswer("it is not a list of what is supported")
    wanted = (X402_VERSION, network, scheme)
    named = [
        (kind.get("x402Version"), kind.get("network"), kind.get("scheme"))
        for kind in kinds[:_KINDS_READ_MAX]
        if isinstance(kind, dict)
    ]
    return wanted in named if named else None


def _transaction(value: object) -> bytes | None:
    if not isinstance(value, str) or not _TRANSACTION.fullmatch(value):
        return None
    return bytes.fromhex(value[2:])
