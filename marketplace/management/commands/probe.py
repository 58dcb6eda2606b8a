"""`manage.py probe`: sellers' endpoints, looked at step by step as buyers' calls find them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.manners import speaks_json, tell
from sellers.models import Listing
from sellers.profile.directory import find
from sellers.refusals import ListingRefused
from sellers.secrets import SecretsUnavailable
from sellers.site import Site, this_site
from sellers.upstreams.probes import Step, Stopped, look
from sellers.upstreams.probing import example_call


class Command(BaseCommand):
    help = (
        "Call the endpoint of a listing, or of every live one, with its own example, and say how"
        " each step went. Nothing is paid, written down or changed. Exit code 0: all are well."
        " 1: some are not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", nargs="?", help="seller/slug; every live listing if not said")
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        site = this_site()
        seen = [(each, _steps(each, site)) for each in _chosen(options["path"])]
        document = [
            {"path": each.path, "well": _well(steps), "steps": [step.to_json() for step in steps]}
            for each, steps in seen
        ]
        tell(self.stdout, document, _words(seen), as_json=options["json"])
        if not all(_well(steps) for _, steps in seen):
            raise SystemExit(1)


def _chosen(path: str | None) -> list[Listing]:
    if path is None:
        live = Listing.objects.filter(state=Listing.State.LIVE)
        return list(live.select_related("seller", "live_revision").order_by("seller__slug", "slug"))
    try:
        listing = find(path)
    except ListingRefused as refused:
        raise CommandError(str(refused), returncode=2) from None
    if listing.live_revision is None:
        raise CommandError(f"{path} was never approved: its seller looks at it.", returncode=2)
    return [listing]


def _steps(listing: Listing, site: Site) -> list[Step]:
    try:
        call = example_call(listing, site)
    except SecretsUnavailable as error:
        return [Step("Secrets", False, str(error), "Give the site that key back.")]
    steps: list[Step] = []
    try:
        for step in look(site, call.method, call.url, call.headers, call.body):
            steps.append(step)  # noqa: PERF402 - those before it stands still are kept
    except Stopped:
        pass
    return steps


def _well(steps: list[Step]) -> bool:
    return all(step.good for step in steps)


def _words(seen: list[tuple[Listing, list[Step]]]) -> Iterator[str]:
    for listing, steps in seen:
        yield f"{'ok  ' if _well(steps) else 'FAIL'}  {listing.path}"
        for step in steps:
            yield f"      {step.name}: {step.said}"
            if step.fix and not step.good:
                yield f"      → {step.fix}"
    bad = sum(not _well(steps) for _, steps in seen)
    yield f"{len(seen)} looked at, {bad} not well"
