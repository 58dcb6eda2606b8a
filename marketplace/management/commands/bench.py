"""`manage.py bench`: Souk and its peers side by side. It runs before any setting is read."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    help = "Measure Souk beside its peers, in the same rounds, and write docs/benchmarks.md."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        from tests.benchmarks.run import describe

        describe(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from tests.benchmarks.run import run

        sys.exit(run(options))
