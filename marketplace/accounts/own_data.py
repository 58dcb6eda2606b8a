"""Everything that is kept of an account, as one archive for whoever it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.utils import timezone

from marketplace.accounts import mail, second_factor, sessions
from marketplace.accounts.models import (
    ConfirmRequest,
    DutyLetter,
    Erasure,
    ResetRequest,
    Wallet,
)
from payments.own_data import bought_by, groups_kept_of
from payments.serving.archives import Entry, json_entry, zipped
from payments.wallets.payers import payers_of
from sellers.own_data import notices_of_buyer, sold_by, webhooks_of_buyer
from sellers.profile.directory import seller_of

CONTENT_TYPE: Final = "application/zip"


def archive_of(user: User) -> Iterator[bytes]:
    """The archive's parts, made while it is sent; nothing of it is stored here."""
    return zipped(_entries(user))


def file_name_of(user: User) -> str:
    return f"account-{user.pk}-{timezone.now():%Y-%m-%d}.zip"


def _entries(user: User) -> Iterator[Entry]:
    context = {"site_name": settings.SITE_NAME, "made_at": timezone.now(), "name": user.username}
    yield "README.txt", [render_to_string("accounts/archive.txt", context).encode()]
    yield json_entry("account.json", _account(user))
    yield from bought_by(payers_of(user))
    yield json_entry("bought/groups.json", groups_kept_of(user.pk))
    yield json_entry("bought/webhooks.json", webhooks_of_buyer(user))
    yield json_entry("bought/notices.json", notices_of_buyer(user))
    if seller := seller_of(user):
        yield from sold_by(seller)


def _account(user: User) -> dict[str, Any]:
    wallets = Wallet.objects.filter(user=user).order_by("linked_at")
    erasure = Erasure.objects.filter(user=user)
    duties = DutyLetter.objects.filter(user=user)
    return {
        "number": user.pk,
        "name": user.username,
        "email": user.email,
        "email_confirmed": mail.is_confirmed(user),
        "joined_at": user.date_joined,
        "last_signed_in_at": user.last_login,
        "has_password": user.has_usable_password(),
        "has_second_factor": second_factor.is_enrolled(user),
        "recovery_codes_left": second_factor.codes_left(user),
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "wallets": list(wallets.values("address", "network", "linked_at", "pays_only")),
        "sessions": sessions.kept_of(user),
        "letters_waiting": _letters(user),
        "letters_about_duties": list(duties.values("wanted", "written_at")),
        "erasure": list(erasure.values("asked_at", "due_at")),
    }


def _letters(user: User) -> list[dict[str, Any]]:
    questions = ConfirmRequest.objects.filter(user=user).values("email", "next_check_at")
    resets = ResetRequest.objects.filter(email__iexact=user.email) if user.email else None
    return [*questions, *(resets.values("email", "next_check_at") if resets is not None else ())]
