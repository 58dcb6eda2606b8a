"""`manage.py createsuperuser`: Django's own, with a line in the audit log for whom it makes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands.createsuperuser import Command as CreateSuperuser
from django.contrib.auth.models import User
from django.db import transaction

from marketplace.management.manners import alone
from payments import audit_log


class Command(CreateSuperuser):
    help = "Make an account that runs this site. It stands in the audit log."

    def handle(self, *args: Any, **options: Any) -> None:
        with alone("account"), transaction.atomic():
            before = list(_admins().values_list("pk", flat=True))
            super().handle(*args, **options)
            for made in _admins().exclude(pk__in=before):
                by, subject = audit_log.command("createsuperuser"), audit_log.user(made.pk)
                audit_log.record(by, "role.admin_given", subject, after={"created": True})


def _admins() -> Any:
    return User.objects.filter(is_superuser=True)
