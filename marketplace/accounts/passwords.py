"""A password that is set: never without a line in the audit log, which holds none of it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from payments import audit_log
from sellers.profile.directory import seller_of
from sellers.programs import keys


@transaction.atomic
def set_password(user: User, password: str, *, by: str) -> None:
    """Give somebody this password, instead of the one they had."""
    user.set_password(password)
    user.save(update_fields=("password",))
    note(user, by=by)


def note(user: User, *, by: str) -> None:
    """Write down that it was set, in the transaction that sets it."""
    audit_log.record(by, "account.password_set", audit_log.user(user.pk))


def tell_of_keys(request: HttpRequest, user: User) -> None:
    """Say that their API keys work on: programs sell by them, so a new password ends none."""
    seller = seller_of(user)
    count = keys.working_of(seller).count() if seller else 0
    if count:
        they = "Your API key works" if count == 1 else f"Your {count} API keys work"
        messages.warning(request, f"{they} on. Revoke what you do not know: Sell, API keys.")
