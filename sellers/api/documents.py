"""Rows as the API shows them. Secrets are in none of these."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet
from django.http import Http404

from payments.amounts import token
from payments.written import utc
from payments.x402.networks import NETWORKS
from sellers.health.breakers import NotSold, not_sold
from sellers.models import Delivery, Health, Listing, Notice, Revision, Seller, Webhook
from sellers.offers import resource_url
from sellers.prices import in_dollars
from sellers.site import Accepted, Site, health_limits

_SOLD_APART = frozenset({"prices"})


def listings_of(seller: Seller) -> QuerySet[Listing]:
    """A seller's own listings, with what their documents need."""
    return Listing.objects.select_related("seller", "live_revision", "proposed_revision").filter(
        seller=seller
    )


def own_listing(seller: Seller, listing_id: UUID) -> Listing:
    """The seller's own listing; of others not even that they exist."""
    found = listings_of(seller).filter(pk=listing_id).first()
    if found is None:
        raise Http404
    return found


def listing_document(listing: Listing, site: Site, *, whole: bool) -> dict[str, Any]:
    """A listing as it stands; `whole` with all its terms."""
    show = whole_revision if whole else revision_document
    return {
        "id": str(listing.pk),
        "slug": listing.slug,
        "path": listing.path,
        "url": resource_url(site.call_base_url, listing.path),
        "state": listing.state,
        "reason": listing.reason,
        "submitted_at": stamp(listing.submitted_at),
        "created_at": stamp(listing.created_at),
        "live": show(listing.live_revision) if listing.live_revision else None,
        "proposed": show(listing.proposed_revision) if listing.proposed_revision else None,
    }


def revision_document(revision: Revision) -> dict[str, Any]:
    """What one glance wants to know of a revision."""
    return {
        "number": revision.number,
        "hash": bytes(revision.hash).hex(),
        "created_at": stamp(revision.created_at),
        "title": revision.terms["title"],
        "prices": [_price(each) for each in revision.terms["prices"]],
    }


def whole_revision(revision: Revision) -> dict[str, Any]:
    """A revision with everything it fixes."""
    terms = {name: value for name, value in revision.terms.items() if name not in _SOLD_APART}
    return {**revision_document(revision), "terms": terms}


def history(listing: Listing) -> list[dict[str, Any]]:
    """Every revision, newest first, with what each changed of the one before."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for revision in listing.revisions.order_by("number"):
        terms = revision.terms
        found.append(
            {
                **revision_document(revision),
                "live": revision == listing.live_revision,
                "proposed": revision == listing.proposed_revision,
                "changed": sorted(
                    name for name in terms if before and terms[name] != before.get(name)
                ),
            }
        )
        before = terms
    return found[::-1]


def webhook_document(hook: Webhook) -> dict[str, Any]:
    return {
        "id": str(hook.pk),
        "url": hook.url,
        "events": hook.events,
        "enabled": hook.disabled_at is None,
        "disabled_why": hook.disabled_why,
        "failing_since": stamp(hook.failing_since),
        "both_secrets_until": stamp(hook.before_until),
        "created_at": stamp(hook.created_at),
    }


def delivery_document(delivery: Delivery, *, whole: bool = False) -> dict[str, Any]:
    shown = {
        "id": str(delivery.pk),
        "webhook": str(delivery.webhook_id),
        "event_id": delivery.event_id,
        "event": delivery.event,
        "subject": delivery.subject,
        "state": delivery.state,
        "created_at": stamp(delivery.created_at),
        "next_attempt_at": stamp(delivery.next_attempt_at),
        "attempts": delivery.attempts,
    }
    return {**shown, "body": orjson.loads(delivery.body)} if whole else shown


def health_document(health: Health) -> dict[str, Any]:
    return {
        "way": health.way,
        "url": health.url,
        "failures": health.failures,
        "failures_max": health_limits().failures_max,
        "breaker": _breaker(not_sold([health.listing_id]).get(health.listing_id)),
        "drift": health.drift,
        "drift_since": stamp(health.drift_since),
        "seen_at": stamp(health.seen_at),
        "well_at": stamp(health.well_at),
        "paused_at": stamp(health.paused_at),
        "paused_why": health.paused_why,
        "next_probe_at": stamp(health.next_probe_at),
    }


def _breaker(shut: NotSold | None) -> dict[str, Any] | None:
    if shut is None:
        return None
    return {
        "since": stamp(shut.since),
        "until": stamp(shut.until),
        "failures": shut.failures,
        "why": shut.why,
    }


def notice_document(notice: Notice) -> dict[str, Any]:
    return {
        "id": str(notice.pk),
        "at": stamp(notice.at),
        "subject": notice.subject,
        "text": notice.text,
        "href": notice.href,
    }


def network_document(accepted: Accepted, site: Site) -> dict[str, Any]:
    asset, network = accepted.asset, NETWORKS[accepted.asset.network]
    return {
        "network": asset.network,
        "name": network.name,
        "testnet": network.testnet,
        "asset": asset.address,
        "symbol": asset.symbol,
        "decimals": asset.decimals,
        "price_floor": f"{accepted.price_floor:f}",
        "price_max": f"{site.price_max:f}",
    }


def _price(stored: dict[str, Any]) -> dict[str, str]:
    known = token(stored["network"], stored["asset"])
    atomic = int(stored["amount"])
    return {
        "dollars": f"{in_dollars(atomic, known.decimals).normalize():f}" if known else "",
        "amount_atomic": str(atomic),
        "network": stored["network"],
        "asset": stored["asset"],
        "pay_to": stored["pay_to"],
    }


def stamp(at: datetime | None) -> str | None:
    """A moment, to the millisecond."""
    return utc(at) if at else None
