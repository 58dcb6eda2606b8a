"""Settle without a broker: every due row, in a loop or once."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from payments import engine


class Command(BaseCommand):
    help = "Take every due payment without Celery or a broker: in a loop, or once (for cron)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="take what is due now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            networks = asyncio.run(engine.settle_once())
            self.stdout.write(f"looked at everything due on {networks} network(s)")
            return
        self.stdout.write("settling; Ctrl-C stops")
        asyncio.run(_until_stopped())


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await engine.settle_until(stop)
