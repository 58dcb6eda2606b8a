"""`manage.py changepassword`: Django's own; it signs out everywhere, and the audit log knows."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.management.commands.changepassword import Command as ChangePassword
from django.contrib.auth.models import User
from django.db import transaction

from marketplace.accounts import passwords, sessions
from marketplace.management.manners import alone
from payments import audit_log


class Command(ChangePassword):
    help = "Set somebody's password. They are signed out, and it stands in the audit log."

    def handle(self, *args: Any, **options: Any) -> str | None:
        name = options["username"] or getpass.getuser()
        with alone("account"), transaction.atomic():
            said = super().handle(*args, **{**options, "username": name})
            user = User.objects.get(username=name)
            sessions.end_all(user)
            passwords.note(user, by=audit_log.command("changepassword"))
        return said
