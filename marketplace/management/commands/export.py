"""`manage.py export payments`: the site's payments as a file, for its operator's books."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentTypeError
from datetime import UTC, date, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from payments.books import COLUMNS, cells
from payments.reports.looks import FIRST_DAY
from payments.reports.whole_site import Books, all_payments
from payments.serving.spreadsheets import csv_parts, json_parts
from payments.x402.networks import NETWORKS
from sellers.models import Seller


class Command(BaseCommand):
    help = (
        "Write every payment to standard output while it is read: CSV, harmless in a spreadsheet,"
        " or JSON. The columns are those of a buyer's own file of receipts. It changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["payments"], help="what is written")
        parser.add_argument(
            "--from", dest="first", type=_day, default=FIRST_DAY, metavar="YYYY-MM-DD",
            help="the first day, in UTC; by default the very first",
        )  # fmt: skip
        parser.add_argument(
            "--to", dest="last", type=_day, default=datetime.now(UTC).date(), metavar="YYYY-MM-DD",
            help="the last day, in UTC; by default today",
        )  # fmt: skip
        parser.add_argument("--seller", help="only what this seller sold, by the seller's slug")
        parser.add_argument("--network", help="only on this network, such as eip155:8453")
        parser.add_argument("--json", action="store_true", help="one JSON array instead of CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        parts = json_parts if options["json"] else csv_parts
        try:
            for part in parts(COLUMNS, all_payments(_books(options)), cells):
                self.stdout.write(part.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError:  # `… | head` has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _books(options: dict[str, Any]) -> Books:
    first, last, network = options["first"], options["last"], options["network"] or ""
    if first > last:
        raise CommandError(f"--from {first} is after --to {last}.", returncode=2)
    if network and network not in NETWORKS:
        raise CommandError(f"{network} is no network that is known here.", returncode=2)
    return Books(first, last, _seller(options["seller"]), network)


def _seller(slug: str | None) -> Any:
    if slug is None:
        return None
    known = Seller.objects.filter(slug=slug).values_list("pk", flat=True).first()
    if known is None:
        raise CommandError(f"Nobody sells here as {slug}.", returncode=2)
    return known


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is no day such as 2026-11-29") from None
