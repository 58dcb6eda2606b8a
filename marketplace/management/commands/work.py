"""Work without a broker: every due row, in a loop or once."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections

from payments import engine
from sellers import sending
from sellers.probing import probe_due
from sellers.site import this_site
from sellers.tasks import look_at_upstreams, tell_and_send

RING_SECONDS = 2.0


class Command(BaseCommand):
    help = (
        "Take every due payment, webhook message and probe without Celery or a broker:"
        " in a loop, or once (for cron)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="take what is due now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            networks = asyncio.run(engine.settle_once())
            self.stdout.write(f"looked at everything due on {networks} network(s)")
            self.stdout.write(f"sent {tell_and_send()} webhook message(s)")
            self.stdout.write(f"looked at {probe_due(this_site())} listing(s)")
            look_at_upstreams()
            return
        self.stdout.write("settling; Ctrl-C stops")
        asyncio.run(_until_stopped())


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
        tell_and_send()
        look_at_upstreams()
    finally:
        connections.close_all()
