"""Which terms a seller accepted, and when: asked for before anything new is proposed."""

from __future__ import annotations

from datetime import date

from sellers.models import Agreement, Seller
from sellers.refusals import ListingRefused, Why
from sellers.site import terms_date


def agree(seller: Seller, terms: date) -> bool:
    """Write a yes down; false when it was to terms that are not those of today any more."""
    if terms != terms_date():
        return False
    Agreement.objects.get_or_create(seller=seller, terms=terms)
    return True


def agreement_of(seller: Seller) -> Agreement | None:
    """The seller's yes to the present terms."""
    return Agreement.objects.filter(seller=seller, terms=terms_date()).first()


def refuse_unagreed(seller: Seller) -> None:
    """Refuse to propose anything under terms that were not accepted.

    Sellers whom the operator's commands opened have no owner: the operator's word is enough.
    """
    if seller.owner_id is not None and agreement_of(seller) is None:
        message = f"accept the terms of {terms_date():%-d %B %Y} at /sell/terms first"
        raise ListingRefused(Why.TERMS_CHANGED, message)
