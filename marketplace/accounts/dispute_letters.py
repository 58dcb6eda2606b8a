"""Letters about disputes: to whoever is on the other side, where their address is confirmed.

A letter says where a case stands and where to look, and none of what the other side wrote: a
stranger's words do not go out under this site's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.urls import reverse

from marketplace.accounts import letters
from marketplace.accounts.models import Wallet
from payments.amounts import Amount, grouped
from payments.disputes.outbox import take_unmailed
from payments.disputes.states import words
from payments.models import Case, DisputeStep, Side
from sellers.models import Seller

AT_ONCE: Final = 50


@transaction.atomic
def write_due() -> int:
    """Have the sides of every step written to, each by a letter of its own; how many steps."""
    steps = take_unmailed(AT_ONCE)
    for step in steps:
        for user, page in _sides(step):
            _write(user, page, step)
    return len(steps)


def _sides(step: DisputeStep) -> Iterator[tuple[User, str]]:
    """Whom it is news to, and the page on which each of them sees it."""
    dispute = step.dispute
    if step.by != Side.SELLER:
        owners = Seller.objects.filter(pk=dispute.seller_id).values("owner")
        yield from ((user, "sell-dispute") for user in User.objects.filter(pk__in=owners))
    if step.by != Side.PAYER:
        wallets = Wallet.objects.filter(
            address=dispute.payer, network__in=("", dispute.payment.network)
        )
        holders = User.objects.filter(pk__in=wallets.values("user"))
        yield from ((user, "buy-dispute") for user in holders)


def _write(user: User, page: str, step: DisputeStep) -> None:
    dispute, payment = step.dispute, step.dispute.payment
    asked = Amount.of(payment.network, payment.asset, int(dispute.asked_atomic))
    amount = grouped(asked.text)
    text = letters.worded(
        "accounts/letters/dispute.txt",
        user,
        reverse(page, args=(dispute.pk,)),
        amount=amount,
        title=payment.title,
        words=words(Case(step.state)).text,
        is_move=step.is_move,
        deadline=dispute.deadline_at,
    )
    letters.write(user, f"A dispute about {amount} at {settings.SITE_NAME}", text)
