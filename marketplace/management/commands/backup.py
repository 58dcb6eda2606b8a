"""`manage.py backup`: the whole database in one file, with a manifest beside it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.backups.archive import back_up, could_back_up, manifest_of
from marketplace.backups.tools import BackupRefused
from marketplace.management.manners import alone, rehearses, speaks_json, tell

ONE_AT_A_TIME = "backup or restore"  # the lock of both


class Command(BaseCommand):
    help = (
        "Write the database into a file (pg_dump's custom format). Calls go on meanwhile; it may"
        " be stopped at any time. The secrets are not in it: keep them elsewhere."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            default=".",
            help="a new file; or a folder (this one if not said), for souk-<date and time>.dump",
        )
        rehearses(parser)
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        path = _file_at(Path(options["file"]).absolute())
        document: dict[str, Any] = {"file": str(path), "dry_run": options["dry_run"]}
        try:
            with alone(ONE_AT_A_TIME) as asking:
                if options["dry_run"]:
                    pg_dump = could_back_up(asking, path)
                    words = [f"{pg_dump} would write {path}; nothing was written."]
                else:
                    document |= back_up(asking, path)
                    words = _words(path, document["bytes"])
        except BackupRefused as refused:
            raise CommandError(str(refused)) from None
        except OSError as error:  # a full disk, or a folder that was closed meanwhile
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
        tell(self.stdout, document, words, as_json=options["json"])


def _file_at(named: Path) -> Path:
    """In a folder every run has a file of its own, so that one line does for every night."""
    if not named.is_dir():
        return named
    return named / f"souk-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump"


def _words(path: Path, size: int) -> list[str]:
    return [
        f"{path}: {size / 1_000_000:,.1f} MB",
        f"{manifest_of(path)}: what is in it, and its SHA-256",
    ]
