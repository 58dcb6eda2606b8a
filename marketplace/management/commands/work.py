"""Work without a broker: every due row, in a loop or once."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from marketplace import alerts
from marketplace.accounts import erasure
from marketplace.accounts.tasks import send_letters
from marketplace.management.manners import alone, speaks_json, tell
from payments import engine, wiring
from sellers import sending
from sellers.probing import probe_due
from sellers.site import this_site
from sellers.tasks import look_at_upstreams, tell_and_send, tend_and_tell

RING_SECONDS = 2.0
TOLD = (
    ("networks", "looked at everything due on", "network(s)"),
    ("limits", "told of", "limit(s)"),
    ("disputes", "looked at", "dispute(s) and refund(s)"),
    ("letters", "wrote", "letter(s)"),
    ("webhooks", "sent", "webhook message(s)"),
    ("listings", "looked at", "listing(s)"),
    ("accounts", "erased", "account(s)"),
)


class Command(BaseCommand):
    help = (
        "Take every due payment, dispute, webhook message and probe without Celery or a broker:"
        " in a loop, or once (for cron)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="take what is due now, and end")
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            with alone("work --once"):
                taken = _take_all_once()
            words = [f"{said} {taken[name]} {what}" for name, said, what in TOLD]
            tell(self.stdout, taken, words, as_json=options["json"])
            return
        networks = wiring.networks()
        tell(
            self.stdout, {"settling": networks}, ["settling; Ctrl-C stops"], as_json=options["json"]
        )
        self.stdout.flush()
        asyncio.run(_until_stopped())


def _take_all_once() -> dict[str, int]:
    """How much of each was due."""
    taken = {
        "networks": asyncio.run(engine.settle_once()),
        "limits": alerts.note_and_tell(),
        "disputes": tend_and_tell(),
        "letters": send_letters(),
        "webhooks": tell_and_send(),
        "listings": probe_due(this_site()),
    }
    look_at_upstreams()
    return {**taken, "accounts": erasure.run_due()}


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    ringing = asyncio.create_task(_ring_until(stop))
    await engine.settle_until(stop)
    sending.stop()
    await ringing


async def _ring_until(stop: asyncio.Event) -> None:
    """What beat and a worker do otherwise, in a thread beside the settling."""
    while not stop.is_set():
        await asyncio.to_thread(_take_due_and_close)
        try:
            await asyncio.wait_for(stop.wait(), RING_SECONDS)
        except TimeoutError:
            continue


def _take_due_and_close() -> None:
    try:
        alerts.note_and_tell()
        tend_and_tell()
        send_letters()
        tell_and_send()
        look_at_upstreams()
        erasure.run_due()
    finally:
        connections.close_all()
