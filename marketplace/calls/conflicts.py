"""What is said of a payment that was shown before and buys nothing now."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from marketplace.calls.coming_back import proof_asked
from marketplace.calls.outcomes import OWES_REFUND, Refused
from payments.lookup import Held

RETRY_SECONDS = 1
NAMES_NOTHING = (
    "This payment was used before. If it was yours, send it again with the payment-identifier that"
    " was in it, or sign the text of the sign-in-with-x extension below with the paying wallet and"
    " add it as SIGN-IN-WITH-X."
)
REFUND_DUE = "This payment was collected and no answer came. The seller owes a refund."
NO_LONGER_SOLD = (
    "This payment was collected, and what it bought is no longer sold. The seller owes a refund."
)


def conflict(error: str, detail: str, payment_id: UUID | None = None) -> Refused:
    """A last word: buyers' programs ask again, for minutes, wherever they are told when to."""
    return Refused(409, error, detail, payment_id=payment_id)


def refund_due(held: Held, detail: str = REFUND_DUE) -> Refused:
    """Said to whoever proved to be the buyer."""
    return conflict(OWES_REFUND, detail, held.payment_id)


def in_flight(detail: str) -> Refused:
    """The one conflict that passes: the same payment is worth another try in a moment."""
    return Refused(409, "in_flight", detail, headers=(("Retry-After", str(RETRY_SECONDS)),))


def names_nothing(held: Held) -> Refused:
    """Say nothing of what was bought, and ask the wallet to prove that it is the payer's."""
    return replace(conflict("already_used", NAMES_NOTHING), extensions=proof_asked(held))
