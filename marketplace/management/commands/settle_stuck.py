"""`manage.py settle_stuck`: answers whose money does not move; tried at once, or told why not."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from marketplace.management.manners import alone, speaks_json, tell
from payments import audit_log
from payments.amounts import Amount
from payments.settling.stuck import Stuck, stuck, try_now

LOOK_SECONDS = 0.5


class Command(BaseCommand):
    help = (
        "List answers that wait for their money for too long, or whose buyer's signature runs"
        " out, each with what keeps it. Changes nothing unless told to try. Exit code 0: none"
        " are left. 1: some are."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--now", action="store_true", help="have the worker try them at once")
        parser.add_argument(
            "--waits", type=float, default=settings.STUCK_SECONDS, metavar="SECONDS",
            help="how long an answer may wait; default: SOUK_STUCK_SECONDS",
        )  # fmt: skip
        parser.add_argument(
            "--wait", type=float, default=20.0, metavar="SECONDS",
            help="with --now: how long to watch what becomes of them",
        )  # fmt: skip
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        with alone("settle_stuck"):
            found = _found(options["waits"])
            left = _tried(found, options) if options["now"] and found else found
        stale = settings.HEAD_STALE_SECONDS
        document = {
            "tried": len(found) if options["now"] else 0,
            "moved": len(found) - len(left),
            "stuck": [each.to_json(stale_seconds=stale) for each in left],
        }
        tell(self.stdout, document, _words(found, left, options), as_json=options["json"])
        if left:
            raise SystemExit(1)


def _found(waits: float) -> list[Stuck]:
    return stuck(waits_seconds=waits, margin_seconds=settings.SETTLE_MARGIN_SECONDS)


def _tried(found: list[Stuck], options: dict[str, Any]) -> list[Stuck]:
    """Those that have not moved when the time to watch is over."""
    try_now([each.id for each in found], by=audit_log.command("settle_stuck"))
    versions = {each.id: each.version for each in found}
    end = time.monotonic() + options["wait"]
    while True:
        left = [each for each in _found(options["waits"]) if versions.get(each.id) == each.version]
        if not left or time.monotonic() >= end:
            return left
        time.sleep(LOOK_SECONDS)


def _words(found: list[Stuck], left: list[Stuck], options: dict[str, Any]) -> list[str]:
    if not found:
        return ["nothing is stuck"]
    lines = []
    for each in left:
        amount = Amount.of(each.network, each.asset, each.amount_atomic).text
        why = each.why(stale_seconds=settings.HEAD_STALE_SECONDS)
        lines.append(f"{each.id}  {each.listing}  {amount}, {each.seconds_left():,.0f} s left")
        lines.append(f"  {why}")
    if options["now"]:
        return [*lines, f"{len(found) - len(left)} of {len(found)} have moved"]
    return [*lines, f"{len(found)} are stuck; --now has the worker try them at once"]
