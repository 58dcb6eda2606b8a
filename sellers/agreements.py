"""Which terms a seller accepted, and when: asked for before anything new is proposed."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.db import models

from sellers.refusals import ListingRefused, Why
from sellers.site import terms_date

if TYPE_CHECKING:
    from sellers.models import Seller


class Agreement(models.Model):
    """One seller's yes to the terms of one date. Never changed, and kept for good."""

    seller = models.ForeignKey(
        "sellers.Seller", on_delete=models.PROTECT, related_name="agreements"
    )
    terms = models.DateField()  # the terms as of this day
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("seller", "terms"), name="agreement_once"),)

    def __str__(self) -> str:
        return f"the terms of {self.terms}"


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
