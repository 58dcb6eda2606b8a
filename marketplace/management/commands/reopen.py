"""`manage.py reopen`: after a restore, payments are taken again once the operator says so."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from marketplace.management.manners import alone, speaks_json, tell
from payments import audit_log, restored

REDO = (
    "payout wallets that were taken back: listing revoke-payout 0x… (who is paid now stands below)",
    "listings that were paused, suspended or retired, and sellers who left: listing list",
    "prices and terms that were changed: their sellers propose them again",
    "keys of the API, passwords and second factors that were given up because somebody had them",
    "what owners let their wallets spend, and wallets they paused: tell them, they set it again",
    "accounts that were erased: account erase",
)


class Command(BaseCommand):
    help = (
        "After a restore: say what to end again that was ended since the backup, and, with"
        " --redone, take payments again on every network."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--redone",
            action="store_true",
            help="what was ended since the backup is ended again: take payments; without it"
            " nothing is changed",
        )
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with alone("reopen"):
            held = restored.is_held()
            reopened = bool(options["redone"]) and restored.reopen(by=audit_log.command("reopen"))
        paid = restored.wallets_paid()
        document = {"held": held, "reopened": reopened, "redo": REDO, "wallets_paid": paid}
        tell(self.stdout, document, _words(held, reopened, paid), as_json=options["json"])


def _words(held: bool, reopened: bool, paid: dict[str, int]) -> list[str]:
    if reopened:
        return ["Payments are taken again, on each network whose settler is well."]
    if not held:
        return ["Nothing holds payments: no restore waits for you."]
    return [
        "The database was restored, and no payment is taken. Do again what was done since:",
        *(f"  - {each}" for each in REDO),
        "Open offers pay these wallets:",
        *(f"  {wallet}  {offers}" for wallet, offers in paid.items()),
        "Nothing was changed. Then: python3 manage.py reopen --redone",
    ]
