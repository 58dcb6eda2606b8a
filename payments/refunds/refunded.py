"""How much of a payment was given back, as far as the chain shows it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Sum

from payments.models import Refund

_ON_CHAIN = (Refund.Found.SEEN, Refund.Found.CONFIRMED)


def refunded_atomic(payment_id: UUID) -> int:
    """What is on its way back or back already: no more than the rest can still be asked for."""
    found = Refund.objects.filter(payment_id=payment_id, state__in=_ON_CHAIN)
    return int(found.aggregate(sum=Sum("amount_atomic"))["sum"] or 0)
