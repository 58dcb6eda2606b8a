"""Which terms a seller accepted, and when. Only `sellers.agreements` writes this table."""

from __future__ import annotations

from django.db import models


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
