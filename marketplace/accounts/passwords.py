"""A password that is set: never without a line in the audit log, which holds none of it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from payments import audit_log


@transaction.atomic
def set_password(user: User, password: str, *, by: str) -> None:
    """Give somebody this password, instead of the one they had."""
    user.set_password(password)
    user.save(update_fields=("password",))
    note(user, by=by)


def note(user: User, *, by: str) -> None:
    """Write down that it was set, in the transaction that sets it."""
    audit_log.record(by, "account.password_set", audit_log.user(user.pk))
