"""How a buyer whose money moves, or has moved, comes by the answer without paying twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

from payments.lookup import Held
from payments.wallets.proof import Subject
from sellers.offers import resource_url

_PROVEN: Final = (
    "the same payment with its payment-identifier, or with the sign-in-with-x extension below"
    " signed by the paying wallet, as SIGN-IN-WITH-X"
)


def how(held: Held) -> str:
    """A signature that is on chain proves nothing; one made afresh joins what its buyer left.

    While somebody still waits for this payment a new one would be a second purchase.
    """
    seconds = int(settings.JOIN_SECONDS - held.age_seconds)
    if seconds < 1 or held.collected or not (held.abandoned or held.to_take_up):
        return f"Do not sign another: send {_PROVEN}."
    return (
        f"It is not charged twice: send {_PROVEN}. Or send the same request, signed afresh by the"
        f" same wallet within {seconds} s: unless the answer has reached you meanwhile, that joins"
        " this payment, uncharged."
    )


def proof_asked(held: Held) -> Mapping[str, Any]:
    """What the paying wallet signs to show that it is the payer's: an extension of x402."""
    return payer_of(held).question()


def payer_of(held: Held) -> Subject:
    """Whoever proves it here does so to the listing, whichever way that is called."""
    address = resource_url(settings.CALL_BASE_URL, held.listing_path)
    return Subject(held.payer, held.network, address)
