"""Steps of disputes, told to both sides: on the seller's pages, and to the webhooks of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.urls import reverse

from payments.amounts import Amount, grouped
from payments.disputes.outbox import take_untold
from payments.models import Case, DisputeStep, Side
from sellers.models import Delivery, Seller, Webhook
from sellers.notices import notify
from sellers.webhooks.events import dispute_event
from sellers.webhooks.outbox import asking, asking_for, message

AT_ONCE: Final = 100
# What a seller did themselves is no news to them; their webhooks hear of it all the same.
_SUBJECTS: Final = {
    Case.OPEN: "A buyer wants {amount} back",
    Case.DUE: "You owe a buyer {amount}",
    Case.REVIEW: "An admin looks at a dispute about {amount}",
    Case.ORDERED: "An admin decided: pay {amount} back",
    Case.REFUNDED: "Your refund of {amount} arrived",
    Case.REJECTED: "A dispute about {amount} is closed in your favour",
    Case.WITHDRAWN: "A buyer took a dispute about {amount} back",
    Case.UNPAID: "A refund of {amount} was not paid in time",
}
_SAID: Final = "News in a dispute about {amount}"


def tell(most: int = AT_ONCE) -> int:
    """Tell of the steps nobody was told of yet; says how many."""
    with transaction.atomic():
        steps = take_untold(most)
        for step in steps:
            _tell(step)
    return len(steps)


def _tell(step: DisputeStep) -> None:
    dispute = step.dispute
    _send(step, Side.PAYER, asking_for(dispute.payer, dispute.payment.network))
    if not Seller.objects.filter(pk=dispute.seller_id).exists():
        return
    _send(step, Side.SELLER, asking(dispute.seller_id).get(dispute.seller_id, ()))
    if step.by == Side.SELLER:
        return
    payment = dispute.payment
    amount = Amount.of(payment.network, payment.asset, int(dispute.asked_atomic))
    said = step.text.partition("\n")[0][:200]
    notify(
        dispute.seller_id,
        (_SUBJECTS[Case(step.state)] if step.is_move else _SAID).format(
            amount=grouped(amount.text)
        ),
        f"{payment.title}: {said}" if said else f"{payment.title}.",
        reverse("sell-dispute", args=[dispute.pk]),
    )


def _send(step: DisputeStep, side: Side, hooks: Iterable[Webhook]) -> None:
    event = dispute_event(step, side)
    told = [
        message(hook, event)
        for hook in hooks
        if event.name in hook.events and hook.asks_since <= step.at
    ]
    Delivery.objects.bulk_create(told, ignore_conflicts=True)
