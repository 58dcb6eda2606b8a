"""Rows as the API shows them. Secrets are in none of these."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from payments.amounts import token
from payments.x402.networks import NETWORKS
from sellers.models import Delivery, Health, Listing, Notice, Revision, Webhook
from sellers.offers import resource_url
from sellers.prices import in_dollars
from sellers.site import Accepted, Site, health_limits

_SOLD_APART = frozenset({"prices"})


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
        "submitted_at": _stamp(listing.submitted_at),
        "created_at": _stamp(listing.created_at),
        "live": show(listing.live_revision) if listing.live_revision else None,
        "proposed": show(listing.proposed_revision) if listing.proposed_revision else None,
    }


def revision_document(revision: Revision) -> dict[str, Any]:
    """What one glance wants to know of a revision."""
    return {
        "number": revision.number,
        "hash": bytes(revision.hash).hex(),
        "created_at": _stamp(revision.created_at),
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
        "failing_since": _stamp(hook.failing_since),
        "both_secrets_until": _stamp(hook.before_until),
        "created_at": _stamp(hook.created_at),
    }


def delivery_document(delivery: Delivery, *, whole: bool = False) -> dict[str, Any]:
    shown = {
        "id": str(delivery.pk),
        "webhook": str(delivery.webhook_id),
        "event_id": delivery.event_id,
        "event": delivery.event,
        "subject": delivery.subject,
        "state": delivery.state,
        "created_at": _stamp(delivery.created_at),
        "next_attempt_at": _stamp(delivery.next_attempt_at),
        "attempts": delivery.attempts,
    }
    return {**shown, "body": orjson.loads(delivery.body)} if whole else shown


def health_document(health: Health) -> dict[str, Any]:
    return {
        "way": health.way,
        "url": health.url,
        "failures": health.failures,
        "failures_max": health_limits().failures_max,
        "drift": health.drift,
        "seen_at": _stamp(health.seen_at),
        "well_at": _stamp(health.well_at),
        "paused_at": _stamp(health.paused_at),
        "next_probe_at": _stamp(health.next_probe_at),
    }


def notice_document(notice: Notice) -> dict[str, Any]:
    return {
        "id": str(notice.pk),
        "at": _stamp(notice.at),
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


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else None
