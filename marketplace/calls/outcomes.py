"""How a paid call can end, in plain values: each transport writes them in its own way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from uuid import UUID

from payments.lookup import StoredAnswer
from payments.x402.reasons import Reason
from payments.x402.types import Settlement

BUSY_SECONDS: Final = 1
OWES_REFUND: Final = "refund_due"  # the word of a refusal whose payment was collected


@dataclass(frozen=True, slots=True)
class Challenged:
    """What was attached does not pay for this; a new payment would.

    One that was taken, and whose money could not be moved, is named with what became of it.
    """

    reason: Reason
    detail: str = ""
    settlement: Settlement | None = None
    payment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The request itself cannot be served, paid or not. Nothing was charged."""

    status: int
    error: str
    detail: str
    headers: tuple[tuple[str, str], ...] = ()
    payment_id: UUID | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)  # x402's, by name


def wait_first(error: str, detail: str, seconds: int) -> Refused:
    """Too often in too short a time; nothing is lost by waiting."""
    headers = (
        ("Retry-After", str(seconds)),
        ("RateLimit-Remaining", "0"),
        ("RateLimit-Reset", str(seconds)),
    )
    return Refused(429, error, detail, headers)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not now, or not known yet: never a reason to pay again."""

    error: str
    detail: str
    retry_after_seconds: int
    payment_id: UUID | None = None
    settlement: Settlement | None = None
    extensions: Mapping[str, Any] = field(default_factory=dict)  # x402's, by name


@dataclass(frozen=True, slots=True)
class NotCharged:
    """The seller's side failed; `answer` is the upstream's own refusal when it is passed on."""

    detail: ClassVar = "The seller's endpoint did not give an answer. Nothing was charged."
    status: int
    reason: str
    payment_id: UUID
    answer: StoredAnswer | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The answer and the proof of payment. `handed_over` is told whether it reached the buyer."""

    answer: StoredAnswer
    settlement: Settlement
    payment_id: UUID
    handed_over: Callable[[bool], Awaitable[None]]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class PaidUnanswered:
    """Paid upfront, and the seller's side failed: a refund is due."""

    detail: ClassVar = "The payment was settled and the seller gave no answer. A refund is due."
    status: int
    reason: str
    payment_id: UUID
    settlement: Settlement
    answer: StoredAnswer | None = None


@dataclass(frozen=True, slots=True)
class Streamed:
    """A paid answer that is passed on as it comes. Its pieces end in `Cut` when it is not whole.

    `handed_over` must be told in the end whether all of it reached the buyer.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    settlement: Settlement
    payment_id: UUID
    pieces: AsyncIterator[bytes]
    handed_over: Callable[[bool], Awaitable[None]]
    joined: bool = False


# Said where a claim was committed, or may have been: a commit that nothing came back from.
MAYBE_TAKEN: Final = (
    "Your payment may have been taken: if it was, status_url says what became of it."
    " Send the same payment again; it cannot be charged twice."
)

# Said before a payment that came along was looked up: it may have been taken by an earlier call.
TOO_MANY: Final = Unavailable(
    "busy",
    "Too many calls at once. This request charged nothing; send the same payment again.",
    BUSY_SECONDS,
)

Told = Challenged | Refused | Unavailable | NotCharged | PaidUnanswered | Delivered  # all at once
CallOutcome = Told | Streamed
