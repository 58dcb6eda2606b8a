"""Letters about disputes: to whoever is on the other side, where their address is confirmed.

A letter says where a case stands and where to look, and none of what the other side wrote: a
stranger's words do not go out under this site's name.
"""

from __future__ import annotations

import logging
import smtplib
from collections.abc import Iterator
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from marketplace.accounts import mail
from marketplace.accounts.models import Wallet
from payments.amounts import Amount
from payments.dispute_outbox import mailed, may_try_again, take_unmailed
from payments.dispute_states import words
from payments.models import Case, DisputeStep, Side
from sellers.models import Seller

AT_ONCE: Final = 50

log = logging.getLogger(__name__)


def send_due() -> int:
    """Write to the sides of every step nobody was written to about; returns how many steps."""
    done = 0
    for _ in range(AT_ONCE):
        step = take_unmailed()
        if step is None:
            break
        done += _written(step)
    return done


def _written(step: DisputeStep) -> bool:
    try:
        for user, page in _sides(step) if settings.SENDS_MAIL else ():
            _send(user, page, step)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("A letter about a dispute could not be sent: %s", type(error).__name__)
        if may_try_again(step):
            return False
    mailed(step)
    return True


def _sides(step: DisputeStep) -> Iterator[tuple[User, str]]:
    """Whom it is news to, and the page on which each of them sees it."""
    dispute = step.dispute
    reachable = mail.with_confirmed_mail().filter(is_active=True)
    if step.by != Side.SELLER:
        owners = Seller.objects.filter(pk=dispute.seller_id).values("owner")
        yield from ((user, "sell-dispute") for user in reachable.filter(pk__in=owners))
    if step.by != Side.PAYER:
        wallets = Wallet.objects.filter(
            address=dispute.payer, network__in=("", dispute.payment.network)
        )
        holders = reachable.filter(pk__in=wallets.values("user"))
        yield from ((user, "buy-dispute") for user in holders)


def _send(user: User, page: str, step: DisputeStep) -> None:
    dispute, payment = step.dispute, step.dispute.payment
    amount = Amount.of(payment.network, payment.asset, int(dispute.asked_atomic))
    context = {
        "name": user.username,
        "site_name": settings.SITE_NAME,
        "amount": amount.text,
        "title": payment.title,
        "words": words(Case(step.state)).text,
        "is_move": step.is_move,
        "deadline": dispute.deadline_at,
        "link": settings.PUBLIC_BASE_URL + reverse(page, args=(dispute.pk,)),
    }
    text = render_to_string("accounts/letters/dispute.txt", context)
    send_mail(f"A dispute about {amount.text} at {settings.SITE_NAME}", text, None, [user.email])
