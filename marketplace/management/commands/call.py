"""`manage.py call <listing>`: one paid call of a listing, with its own example."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from sellers.examples import body, body_media_type, suffix
from sellers.offers import resource_url
from sellers.profile.directory import find
from sellers.refusals import ListingRefused
from sellers.site import this_site
from sellers.terms import Terms


class Command(BaseCommand):
    help = (
        "Buy one call of a listing with its example, as an agent would: `buy` with the address"
        " filled in. In the demo its own wallet pays."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", help="seller/slug")
        parser.add_argument("--max", dest="max_dollars", help="dollars it may cost")
        parser.add_argument("--key-file", help="whose wallet pays; default: the demo's own buyer")
        parser.add_argument("--quiet", action="store_true", help="print the answer, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("buy", *_asked(options["path"], options))


def _asked(path: str, options: dict[str, Any]) -> list[str]:
    """What `buy` is told."""
    try:
        listing = find(path)
    except ListingRefused as refused:
        raise CommandError(str(refused), returncode=2) from None
    if listing.live_revision is None:
        raise CommandError(f"{path} is not for sale: it was never approved.", returncode=2)
    terms = Terms.from_json(listing.live_revision.terms)
    url = resource_url(this_site().call_base_url, listing.path)
    asked = [url + suffix(terms.example_input, terms.path_parameters), f"--method={terms.method}"]
    content_type, content = body(terms.example_input, body_media_type(terms.input_schema))
    if content:
        flag = "json" if content_type == "application/json" else "data"
        asked.append(f"--{flag}={content.decode()}")
    if options["max_dollars"] is not None:
        asked.append(f"--max={options['max_dollars']}")
    if options["key_file"] is not None:
        asked.append(f"--key-file={options['key_file']}")
    return [*asked, "--quiet"] if options["quiet"] else asked
