"""`manage.py keys rotate`: every stored secret sealed anew with the newest key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.manners import alone, speaks_json, tell
from marketplace.management.rotation import Count, Rotation
from payments import audit_log


class Command(BaseCommand):
    help = "Look after the keys that stored secrets are sealed with."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        rotate = acts.add_parser(
            "rotate",
            help="seal every stored secret with the first of SELLER_SECRETS_KEYS; the others may"
            " be taken away afterwards. May be stopped and started again at any time. Exit code"
            " 0: all are. 1: some were sealed with a key that is not given",
        )
        rotate.add_argument("--dry-run", action="store_true", help="only count them")
        speaks_json(rotate)

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SELLER_SECRETS_KEYS:
            raise CommandError("SELLER_SECRETS_KEYS holds no key to seal with.", returncode=2)
        try:
            rotation = Rotation(settings.SELLER_SECRETS_KEYS)
        except ValueError:
            raise CommandError("SELLER_SECRETS_KEYS holds what is no key.", returncode=2) from None
        dry = options["dry_run"]
        with alone("keys rotate"):
            counts = list(rotation.run(by=audit_log.command("keys"), dry=dry))
        document = {"dry_run": dry, "places": [asdict(each) for each in counts]}
        tell(self.stdout, document, _words(counts, dry=dry), as_json=options["json"])
        if any(each.lost for each in counts):
            raise SystemExit(1)


def _words(counts: list[Count], *, dry: bool) -> Iterator[str]:
    for each in counts:
        turned = f"{each.turned} to turn" if dry else f"{each.turned} turned"
        lost = f", {each.lost} sealed with a key that is not given" if each.lost else ""
        yield f"{each.words}: {each.new} with the newest key already, {turned}{lost}"
    if any(each.lost for each in counts):
        yield "Give the missing key as one of SELLER_SECRETS_KEYS, and run it again."
    elif dry:
        yield "Nothing was changed."
    else:
        yield "Every secret is sealed with the newest key; older ones may be taken away."
