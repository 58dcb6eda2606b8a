"""`manage.py listing`: put an upstream on sale from the command line, and look after listings."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from typing import Any, TypeAlias

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.listing_document import describe_document, drafts_of
from marketplace.management.listing_draft import describe_draft, draft_of, secret_headers
from marketplace.management.manners import alone, rehearsed, rehearses, speaks_json, tell
from payments.amounts import Amount
from payments.wiring.keys import upstream_signing_key
from sellers import listings, payout_ends
from sellers.drafts import finish
from sellers.examples import body, body_media_type, suffix
from sellers.models import Listing
from sellers.offers import challenge, resource_url
from sellers.offers import quote as quoted
from sellers.profile.directory import find
from sellers.publishing import OPERATOR, publish, review, write_draft
from sellers.refusals import ListingRefused, bad
from sellers.reviews import judging
from sellers.secrets import SecretsUnavailable
from sellers.signed_offers import last_signed
from sellers.site import Site, this_site
from sellers.terms import BODY_METHODS, Terms
from sellers.upstreams.targets import UnsafeTarget

Found: TypeAlias = dict[str, Any] | list[dict[str, Any]]
READS = frozenset({"list", "key"})
MOVES = {
    "pause": (listings.pause, "stop selling until resumed"),
    "resume": (listings.resume, "sell again"),
    "restore": (judging.restore, "lift a suspension"),
    "retire": (listings.retire, "end it for good"),
}


class Command(BaseCommand):
    help = (
        "Add, create, list, pause, resume, suspend, restore and retire listings;"
        " show a signing key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        describe_draft(actions.add_parser("add", help="publish an upstream behind a price"))
        describe_document(
            actions.add_parser("create", help="make drafts of an OpenAPI document's operations")
        )
        actions.add_parser("list", help="show what is for sale")
        for name, (_, words) in MOVES.items():
            actions.add_parser(name, help=words).add_argument("path", help="seller/slug")
        suspend = actions.add_parser("suspend", help="stop it by the marketplace's decision")
        suspend.add_argument("path", help="seller/slug")
        suspend.add_argument("--reason", required=True, help="the seller is told")
        key = actions.add_parser("key", help="show the key that signs calls to its upstream")
        key.add_argument("path", help="seller/slug")
        revoke = actions.add_parser("revoke-payout", help="pause all that pays into a wallet")
        revoke.add_argument("wallet", help="0x…")
        for name, action in actions.choices.items():
            if name not in READS:
                rehearses(action)
            speaks_json(action)

    def handle(self, *args: object, **options: Any) -> None:
        asked, dry = argparse.Namespace(**options), bool(options.get("dry_run"))
        try:
            if asked.action in READS:
                found = _look(asked, this_site())
            else:
                with alone("listing"):
                    found = _act(asked, this_site())
        except (ListingRefused, SecretsUnavailable, UnsafeTarget) as refused:
            raise CommandError(str(refused)) from refused
        words = [_in_words(entry) for entry in (found if isinstance(found, list) else [found])]
        if dry:
            words.append("Nothing was changed: this was a rehearsal.")
        tell(self.stdout, found, words, as_json=options["json"])


def _look(options: argparse.Namespace, site: Site) -> Found:
    if options.action == "list":
        known = Listing.objects.select_related("seller", "live_revision")
        return [_entry(one, site) for one in known.order_by("seller__slug", "slug")]
    listing = find(options.path)
    return {"path": listing.path, "key": upstream_signing_key(str(listing.pk)).hex()}


def _act(options: argparse.Namespace, site: Site) -> Found:
    if options.action == "add":
        return _add(options, site)
    if options.action == "create":
        return _create(options, site)
    with rehearsed(dry=options.dry_run):
        if options.action == "revoke-payout":
            stopped = payout_ends.revoke(options.wallet, by=OPERATOR)
            return [_entry(one, site) for one in stopped]
        listing = find(options.path)
        if options.action == "suspend":
            return _entry(judging.suspend(listing.pk, options.reason, by=OPERATOR), site)
        return _entry(MOVES[options.action][0](listing.pk, by=OPERATOR), site)


def _add(options: argparse.Namespace, site: Site) -> dict[str, Any]:
    if not site.accepted:
        raise bad("network", "CHAINS configures no network to be paid on")
    secrets = secret_headers(options)
    draft = draft_of(options, site, secrets)
    terms = finish(draft, site)
    # What the network is asked for comes before the transaction.
    with rehearsed(dry=options.dry_run):
        return _entry(publish(options.seller, options.slug, terms, site, secrets), site)


def _create(options: argparse.Namespace, site: Site) -> list[dict[str, Any]]:
    """All of the document's operations that were chosen, or none."""
    if not site.accepted:
        raise bad("network", "CHAINS configures no network to be paid on")
    secrets = secret_headers(options)
    finished = [(slug, finish(draft, site)) for slug, draft in drafts_of(options, site)]
    made = []
    with rehearsed(dry=options.dry_run):
        for slug, terms in finished:
            draft = write_draft(options.seller, slug, terms, site, secrets)
            made.append(_entry(review(draft, terms, site) if options.publish else draft, site))
    return made


def _entry(listing: Listing, site: Site) -> dict[str, Any]:
    """A listing as this command shows it."""
    url = resource_url(site.call_base_url, listing.path)
    entry: dict[str, Any] = {"path": listing.path, "state": listing.state, "url": url}
    revision = listing.live_revision
    if revision is not None:
        terms = Terms.from_json(revision.terms)
        offers = quoted(terms, revision.prices.all(), site)
        entry["title"], entry["method"] = terms.title, terms.method
        entry["revision"] = bytes(revision.hash).hex()
        entry["prices"] = [
            {
                "price": Amount.of(asked.network, asked.asset, asked.amount_atomic).dollars,
                "network": asked.network,
                "pay_to": asked.pay_to,
            }
            for asked in (offer.requirements for offer in offers)
        ]
        entry["example"] = url + suffix(terms.example_input, terms.path_parameters)
        content_type, content = body(terms.example_input, body_media_type(terms.input_schema))
        entry["content_type"], entry["body"] = content_type, content.decode()
        quote = challenge(terms, offers, url, site, last_signed(revision))
        entry["left_out_of_the_402"] = list(quote.shed)
    if listing.reason:
        entry["reason"] = listing.reason
    return entry


def _in_words(entry: Mapping[str, Any]) -> str:
    if "key" in entry:
        return str(entry["key"])
    prices = ", ".join(
        f"{price['price']} on {price['network']}" for price in entry.get("prices", ())
    )
    lines = [f"{entry['path']}  {entry['state']}  {prices or 'no price'}"]
    if entry["state"] == "live":
        call = shlex.quote(entry["example"])
        lines += [
            f"  what it costs:  curl -i {call}",
            f"  a free sample:  curl -i {shlex.quote(entry['url'] + '?demo=true')}",
            f"  buy one call:   python3 manage.py buy {call}{_how_to_send(entry)}",
        ]
    if entry.get("left_out_of_the_402"):
        lines.append(f"  too long for the 402, left out: {', '.join(entry['left_out_of_the_402'])}")
    if entry.get("reason"):
        lines.append(f"  reason: {entry['reason']}")
    return "\n".join(lines)


def _how_to_send(entry: Mapping[str, Any]) -> str:
    if entry["method"] in BODY_METHODS:
        kind = "--json" if entry["content_type"] == "application/json" else "--data"
        body = f" {kind} {shlex.quote(entry['body'])}"
        return body if entry["method"] == "POST" else f" --method {entry['method']}{body}"
    return "" if entry["method"] == "GET" else f" --method {entry['method']}"
