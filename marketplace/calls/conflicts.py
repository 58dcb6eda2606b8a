"""What is said of a payment that was shown before and buys nothing now."""

from __future__ import annotations

import time
from dataclasses import replace
from uuid import UUID

from django.conf import settings

from marketplace.calls.outcomes import Refused
from payments import questions, wiring
from payments.lookup import Held
from sellers.offers import resource_url

RETRY_SECONDS = 1
NAMES_NOTHING = (
    "This payment was used before. If it was yours, send it again with the payment-identifier that"
    " was in it, or sign the text of the sign-in-with-x extension below with the paying wallet and"
    " add it as SIGN-IN-WITH-X."
)
REFUND_DUE = "This payment was collected and no answer came. The seller owes a refund."


def conflict(error: str, detail: str, payment_id: UUID | None = None) -> Refused:
    """A last word: buyers' programs ask again, for minutes, wherever they are told when to."""
    return Refused(409, error, detail, payment_id=payment_id)


def in_flight(detail: str) -> Refused:
    """The one conflict that passes: the same payment is worth another try in a moment."""
    return Refused(409, "in_flight", detail, headers=(("Retry-After", str(RETRY_SECONDS)),))


def names_nothing(held: Held) -> Refused:
    """Say nothing of what was bought, and ask the wallet to prove that it is the payer's."""
    question = questions.challenge(
        wiring.sign_in_secret(),
        uri=address_of(held),
        network=held.network,
        now=int(time.time()),
    )
    refused = conflict("already_used", NAMES_NOTHING)
    return replace(refused, extensions={questions.EXTENSION: question})


def address_of(held: Held) -> str:
    """What a wallet proves itself to here: the listing, whichever way it is called."""
    return resource_url(settings.CALL_BASE_URL, held.listing_path)
