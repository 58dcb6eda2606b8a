"""What the demo needs in its database: the schema, somebody to administer it, a market.

Run as `python -m marketplace.embedded.preparation`, it may be repeated at every start.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import django


def main() -> None:
    """Bring the database up to date."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--admin-password-file", type=Path, required=True)
    arguments.add_argument("--seller-password-file", type=Path, required=True)
    arguments.add_argument("--upstream-url", help="put the demo's listings on sale, served there")
    given = arguments.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    django.setup()

    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=1)
    keep_admin(given.admin_password_file.read_text(encoding="utf-8"))
    if given.upstream_url:
        from marketplace.embedded.seed import keep_owners, seed

        seed(given.upstream_url)
        keep_owners(given.seller_password_file.read_text(encoding="utf-8"))


def keep_admin(password: str) -> None:
    """The demo's administrator exists and can sign in with the password that was printed."""
    from django.contrib.auth.models import User
    from django.db import transaction

    from payments import audit_log

    if User.objects.filter(username="admin").exists():
        return
    with transaction.atomic():
        admin = User.objects.create_superuser("admin", "admin@localhost", password)
        audit_log.record(audit_log.command("demo"), "role.admin_given", audit_log.user(admin.pk))


if __name__ == "__main__":
    main()
