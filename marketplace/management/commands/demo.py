"""`manage.py demo`: the whole marketplace in one command. It runs before any setting is read."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.embedded.demo import run_demo
from marketplace.embedded.stack import Wishes

PORT = 8402


class Command(BaseCommand):
    help = "Run the whole marketplace on this machine: database, chain, worker, web, first sales."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=PORT, help=f"default: {PORT}")
        parser.add_argument("--fresh", action="store_true", help="forget everything, start over")
        parser.add_argument(
            "--no-seed", dest="seed", action="store_false", help="without listings and sales"
        )
        parser.add_argument("--verbose", action="store_true", help="show the programs' logs live")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["port"] <= 65_535:
            raise CommandError("--port is a number from 1 to 65535.", returncode=2)
        names = ("port", "fresh", "seed", "verbose")
        sys.exit(run_demo(Wishes(**{name: options[name] for name in names})))
