"""`manage.py audit`: whether anybody was at the audit log, and a copy of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments import audit_log
from payments.audit_chain import EMPTY, Entry, Head, faults

SHOWN_MAX = 50


class Command(BaseCommand):
    help = "Verify the log of who did what, or export it, an entry a line."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        verify = acts.add_parser(
            "verify",
            help="exit code 0: whole. 1: somebody was at it. 2: the question could not be asked",
        )
        verify.add_argument("--file", help="what `audit export` wrote, instead of the database")
        verify.add_argument(
            "--expect",
            action="append",
            default=[],
            metavar="NUMBER:HASH",
            help="an entry as it was written down elsewhere, to see an end that was cut off",
        )
        verify.add_argument(
            "--manifest",
            action="append",
            default=[],
            metavar="FILE",
            help="the same, as the manifest of a backup has it",
        )
        verify.add_argument("--json", action="store_true", help="answer in JSON")
        export = acts.add_parser("export", help="every entry as a line of JSON, to standard output")
        export.add_argument("--from", dest="first", type=int, default=1, help="the first entry")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["act"] == "export":
            for part in audit_log.export(max(1, options["first"])):
                self.stdout.write(part.decode(), ending="")
            return
        witnesses = [_head(said) for said in options["expect"]]
        witnesses += [_of_manifest(name) for name in options["manifest"]]
        if options["file"]:
            head, found = _verify_file(Path(options["file"]), witnesses)
        else:
            head, found = audit_log.verify(*witnesses)
        self._say(head, found, as_json=options["json"])
        if found:
            sys.exit(1)

    def _say(self, head: Head, found: list[str], *, as_json: bool) -> None:
        if as_json:
            said = {"entries": head.sequence, "head": str(head), "faults": found}
            self.stdout.write(json.dumps(said, indent=2))
            return
        for fault in found[:SHOWN_MAX]:
            self.stdout.write(f"  {fault}")
        if len(found) > SHOWN_MAX:
            self.stdout.write(f"  and {len(found) - SHOWN_MAX} more")
        verdict = "somebody was at the log" if found else "whole"
        self.stdout.write(f"{head.sequence} entries, {verdict}; it ends with {head}")


def _verify_file(path: Path, witnesses: list[Head]) -> tuple[Head, list[str]]:
    """A copy has no head of its own: it is as long as it is, and witnesses say more."""
    last = EMPTY

    def followed() -> Iterator[Entry]:
        nonlocal last
        for entry in _read(path):
            last = Head(entry.sequence, entry.hash)
            yield entry

    found = list(faults(followed(), None, witnesses))
    return last, found


def _read(path: Path) -> Iterator[Entry]:
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                yield Entry.from_json(json.loads(line))
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from None
    except (ValueError, TypeError):
        raise CommandError(f"{path} is no export of an audit log.", returncode=2) from None


def _of_manifest(name: str) -> Head:
    try:
        return _head(json.loads(Path(name).read_text(encoding="utf-8"))["audit_head"])
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}", returncode=2) from None
    except (ValueError, KeyError, TypeError):
        raise CommandError(f"{name} names no end of an audit log.", returncode=2) from None


def _head(said: str) -> Head:
    number, _, digest = said.partition(":")
    try:
        return Head(int(number), bytes.fromhex(digest).hex())
    except ValueError:
        raise CommandError(
            f"{said!r} is no NUMBER:HASH, as `audit verify` ends with.", returncode=2
        ) from None
