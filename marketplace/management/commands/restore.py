"""`manage.py restore`: an empty database filled from a backup, with every key held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from marketplace.backups.archive import could_restore, restore
from marketplace.backups.tools import BackupRefused
from marketplace.management.commands.backup import ONE_AT_A_TIME
from marketplace.management.manners import alone, rehearses, speaks_json, tell
from payments import audit_log
from payments.models import Relayer

NEXT = """\
Restored. No relayer signs until you have looked at what the chain did since, and no payment is
taken on any network until you have ended again what was ended since the backup:
  1. start the worker, and wait until its networks are some blocks further
  2. python3 manage.py relayer show
  3. python3 manage.py relayer adopt 0x…   (each one; says why if it is too early)
  4. python3 manage.py reconcile --fix     (names every payment that the backup does not know)
  5. python3 manage.py reopen              (says what to end again; with --redone it sells)"""


class Command(BaseCommand):
    help = (
        "Fill the empty database at DATABASE_URL from a file of `backup`, and bring its tables up"
        " to this version. A database that holds anything is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="what `backup` wrote")
        rehearses(parser)
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        path, dry = Path(options["file"]), options["dry_run"]
        document: dict[str, Any] = {"restored": None if dry else str(path), "dry_run": dry}
        try:
            with alone(ONE_AT_A_TIME) as asking:
                if dry:
                    could_restore(asking, path)
                    words = [f"{path} could be restored; nothing was changed."]
                else:
                    restore(asking, path)
                    document["held"] = held = _bring_up_to_date(path)
                    words = [*(f"held: {relayer}" for relayer in held), NEXT]
        except BackupRefused as refused:
            raise CommandError(str(refused)) from None
        tell(self.stdout, document, words, as_json=options["json"])


def _bring_up_to_date(path: Path) -> list[str]:
    """This version's tables, and a line in the log; gives the keys that are held."""
    connections.close_all()
    call_command("migrate", interactive=False, verbosity=0)
    held = [f"{each.network} {each.address}" for each in Relayer.objects.order_by("pk")]
    after = {"file": path.name, "relayers_held": len(held)}
    command = audit_log.command("restore")
    audit_log.record(command, audit_log.RESTORED, "site:database", after=after)
    return held
