"""An account that goes: asked for, thought over, and then taken apart by the worker.

Until the time to think again is over nothing is lost, but nothing new is sold. Then the account is
shut, its listings are retired, and once every payment of its wallets and listings has come to its
end, all that says who they were is let go. Each step may be interrupted and is simply done again.

A dispute that is open holds all of that up: its two sides have to be there to answer, and the one
may owe the other money. It ends by a deadline or an admin, so this is held up and never refused.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from marketplace.access import is_moderator
from marketplace.accounts import second_factor, sessions
from marketplace.accounts.models import (
    ConfirmedMail,
    ConfirmRequest,
    DutyLetter,
    Erasure,
    Letter,
    ResetRequest,
    Wallet,
)
from payments.audit_log import SYSTEM, record
from payments.audit_log import user as audited
from payments.erasing import erase_bought, is_moving, open_disputes
from payments.limits.groups import forget_owner
from payments.wallets.payers import payers_of
from sellers import erasing, notices
from sellers.profile.directory import seller_of
from sellers.webhooks import webhooks

log = logging.getLogger(__name__)

AGAIN_AFTER: Final = timedelta(minutes=5)  # where a worker died on it
LOOK_AFTER: Final = timedelta(seconds=30)  # while a payment is on its way, or a dispute open
AT_ONCE: Final = 20


class HasDuties(Exception):
    """Whoever judges listings or runs the site gives that up first."""


def asked_of(user: User) -> Erasure | None:
    """The erasure that this person asked for, if they did."""
    return Erasure.objects.filter(user=user).first()


@transaction.atomic
def ask(user: User, *, after_seconds: int | None = None, by: str = SYSTEM) -> Erasure:
    """Let an account go, after a time to think again; what it sells is paused at once."""
    if is_moderator(user):
        raise HasDuties
    seconds = settings.ERASE_AFTER_SECONDS if after_seconds is None else after_seconds
    now = timezone.now()
    due = now + timedelta(seconds=seconds)
    asked, _ = Erasure.objects.get_or_create(
        user=user, defaults={"asked_at": now, "due_at": due, "next_check_at": due}
    )
    if asked.started_at is None and due < asked.due_at:
        asked.due_at = asked.next_check_at = due
        asked.save(update_fields=("due_at", "next_check_at"))
    if seller := seller_of(user):
        erasing.pause_all(seller, by=by)
    record(by, "account.erasure_asked", audited(user.pk), after={"due_at": asked.due_at})
    return asked


@transaction.atomic
def take_back(user: User, *, by: str = SYSTEM) -> bool:
    """Keep the account after all; false once it is too late, or where nobody asked."""
    waiting = Erasure.objects.filter(user=user, started_at__isnull=True)
    if not waiting.delete()[0]:
        return False
    record(by, "account.erasure_taken_back", audited(user.pk))
    return True


def run_due() -> int:
    """Take the accounts apart whose time has come; returns how many are gone."""
    done = 0
    for _ in range(AT_ONCE):
        asked = _take_due()
        if asked is None:
            break
        try:
            done += _carried_out(asked)
        except DatabaseError:  # it is taken again later, and the others do not wait for it
            log.exception("The account %s could not be erased", asked.user_id)
    return done


def disputes_of(user: User) -> int:
    """How many open disputes hold up the erasure of this account."""
    seller = seller_of(user)
    return open_disputes(payers_of(user), seller.pk if seller else None)


@transaction.atomic
def _take_due() -> Erasure | None:
    """The next one whose time has come; one that a dispute holds up is not begun."""
    due = Erasure.objects.select_for_update(skip_locked=True).filter(
        next_check_at__lte=timezone.now()
    )
    asked = due.select_related("user").order_by("next_check_at").first()
    if asked is not None:
        held_up = asked.started_at is None and disputes_of(asked.user) > 0
        if not held_up:
            asked.started_at = asked.started_at or timezone.now()
        asked.next_check_at = timezone.now() + (LOOK_AFTER if held_up else AGAIN_AFTER)
        asked.save(update_fields=("started_at", "next_check_at"))
    return asked


def _carried_out(asked: Erasure) -> bool:
    """One look at an account that goes: false while a dispute or a payment keeps it."""
    if asked.started_at is None:
        return False
    user = asked.user
    _shut(user)
    seller, payers = seller_of(user), payers_of(user)
    if seller is not None:
        erasing.retire_all(seller)
    if is_moving(payers, seller.pk if seller else None) or disputes_of(user):
        asked.next_check_at = timezone.now() + LOOK_AFTER
        asked.save(update_fields=("next_check_at",))
        return False
    erase_bought(payers)
    if seller is not None:
        erasing.erase_seller(seller)
    _forget_person(asked)
    return True


def _shut(user: User) -> None:
    """Nobody comes in any more: not by wallet, password, key or open browser."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    sessions.end_all(user)


@transaction.atomic
def _forget_person(asked: Erasure) -> None:
    """What is left is a number that is nobody's, for the books to refer to."""
    user = asked.user
    mails = Q(email__iexact=user.email) if user.email else Q(pk__in=())
    ResetRequest.objects.filter(mails).delete()
    forget_owner(user.pk, by=SYSTEM)
    webhooks.remove_all(user)
    notices.forget_all(user.pk)
    for rows in (Wallet, ConfirmedMail, ConfirmRequest, Letter, DutyLetter):
        rows._default_manager.filter(user=user).delete()
    second_factor.remove(user, by=SYSTEM)
    user.groups.clear()
    user.user_permissions.clear()
    user.username = f"erased:{user.pk}"  # with a colon, so nobody can have signed up with it
    user.email = user.first_name = user.last_name = ""
    user.is_active = False
    user.last_login = None
    user.date_joined = asked.asked_at
    user.set_unusable_password()
    user.save()
    asked.done_at, asked.next_check_at = timezone.now(), None
    asked.save(update_fields=("done_at", "next_check_at"))
    record(SYSTEM, "account.erased", audited(user.pk))
