"""Letters. The page that asks for a way back in does the same work for every address.

What was asked for is a row, whether or not anybody has that address; the worker looks for the
account, writes the letter and takes the row away. So neither words nor time tell who is here.
"""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from typing import Any, TypeAlias

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from marketplace.accounts import mail
from marketplace.accounts.models import ConfirmRequest, Letter, ResetRequest
from payments.wiring.site import public_url

AGAIN_AFTER = timedelta(minutes=5)
TRIES_MAX = 5
AT_ONCE = 50

Request: TypeAlias = ResetRequest | ConfirmRequest | Letter
_KINDS: tuple[type[Request], ...] = (ResetRequest, ConfirmRequest, Letter)

log = logging.getLogger(__name__)


def ask_for_reset(email: str) -> None:
    """Write down that somebody asked for a way back in."""
    ResetRequest.objects.create(email=email, next_check_at=timezone.now())


def write(user: User, subject: str, text: str) -> None:
    """Have something sent to somebody whose address is confirmed; others see it on their pages."""
    if settings.SENDS_MAIL and mail.is_confirmed(user):
        Letter.objects.create(user=user, subject=subject, text=text, next_check_at=timezone.now())


def worded(template: str, user: User, path: str, **more: Any) -> str:
    """A letter's text: whom it greets, from which site it comes, where to look, and the rest."""
    said = {"name": user.username, "site_name": settings.SITE_NAME, "link": public_url(path)}
    return render_to_string(template, {**said, **more})


def send_due() -> int:
    """Send the letters that were asked for; returns how many requests are done with."""
    done = 0
    for kind in _KINDS:
        for _ in range(AT_ONCE):
            asked = _take_due(kind)
            if asked is None:
                break
            done += _answered(asked)
    return done


def person_with(email: str) -> list[User]:
    """Who showed this address to be theirs and has a password to replace; a wallet's account
    needs no letter."""
    found = mail.with_confirmed_mail().filter(email__iexact=email, is_active=True)
    return [user for user in found if user.has_usable_password()]


def _take_due(kind: type[Request]) -> Request | None:
    with transaction.atomic():
        due = kind._default_manager.select_for_update(skip_locked=True).filter(
            next_check_at__lte=timezone.now()
        )
        asked = due.order_by("next_check_at").first()
        if asked is not None:
            asked.next_check_at, asked.tries = timezone.now() + AGAIN_AFTER, asked.tries + 1
            asked.save(update_fields=("next_check_at", "tries"))
        return asked


def _answered(asked: Request) -> bool:
    try:
        if isinstance(asked, ConfirmRequest):
            _send_question(asked)
        elif isinstance(asked, Letter):
            if mail.is_confirmed(asked.user) and asked.user.is_active:
                send_mail(asked.subject, asked.text, None, [asked.user.email])
        else:
            for user in person_with(asked.email):
                _send(user)
    except (smtplib.SMTPException, OSError) as error:
        log.warning("A letter could not be sent (try %d): %s", asked.tries, type(error).__name__)
        if asked.tries < TRIES_MAX:
            return False
    asked.delete()
    return True


def _send_question(asked: ConfirmRequest) -> None:
    """Whether the account is theirs who read this; not when the address is another by now."""
    user = asked.user
    if user.email != asked.email or not user.is_active:
        return
    text = worded(
        "accounts/letters/confirm.txt",
        user,
        reverse("account-mail-link", args=(mail.token_of(user),)),
        days=settings.MAIL_CONFIRM_SECONDS // 86_400,
    )
    send_mail(f"Your address at {settings.SITE_NAME}", text, None, [user.email])


def _send(user: User) -> None:
    """To the address that the account has, not to the one that was typed."""
    token = default_token_generator.make_token(user)
    place = urlsafe_base64_encode(force_bytes(user.pk))
    text = worded(
        "accounts/letters/reset.txt",
        user,
        reverse("account-reset-link", args=(place, token)),
        minutes=settings.PASSWORD_RESET_TIMEOUT // 60,
    )
    send_mail(f"A new password at {settings.SITE_NAME}", text, None, [user.email])
