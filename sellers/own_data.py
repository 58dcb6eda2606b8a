"""Everything of a seller that is kept here, for the seller: no secret, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q

from payments.own_data import receipts_of
from payments.reports.cases import told_of
from payments.reports.looks import FIRST_DAY, Look, Span
from payments.reports.sales import Wanted, all_sales
from payments.serving.archives import Entry, json_entry, lines_of
from payments.serving.spreadsheets import csv_parts
from sellers.earnings.sales_files import COLUMNS, cells
from sellers.models import Domain, Notice, Revision, Seller
from sellers.webhooks.webhooks import webhooks_of

_KEY = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")
_HOOK = ("id", "url", "events", "created_at", "disabled_at", "disabled_why", "failing_since")
_DOMAIN = ("name", "named_at", "verified_at", "seen_at", "trouble")
_NOTICE = ("at", "subject", "text", "seen_at")
_LISTING = ("id", "slug", "state", "reason", "submitted_at", "created_at")
_REVISION = ("listing__slug", "number", "created_at", "terms")
_ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}


def sold_by(seller: Seller) -> Iterator[Entry]:
    """Who they say they are, what they sell, what they earned and whom they tell of it."""
    yield json_entry("seller/profile.json", _profile(seller))
    domain = Domain.objects.filter(seller=seller)
    yield json_entry("seller/domain.json", list(domain.values(*_DOMAIN)))
    yield json_entry("seller/listings.json", list(seller.listings.order_by("id").values(*_LISTING)))
    revisions = Revision.objects.filter(listing__seller=seller).order_by("listing", "number")
    yield json_entry("seller/revisions.json", list(revisions.values(*_REVISION)))
    yield json_entry("seller/terms.json", list(seller.agreements.values("terms", "at")))
    drafts = seller.worksheets.order_by("created_at").values("typed", "created_at", "changed_at")
    yield json_entry("seller/drafts.json", list(drafts))
    payouts = seller.payouts.order_by("proven_at")
    yield json_entry(
        "seller/payouts.json",
        list(payouts.values("address", "network", "proven_at", "proof", "revoked_at")),
    )
    yield json_entry("seller/api_keys.json", list(seller.keys.order_by("id").values(*_KEY)))
    hooks = seller.webhooks.filter(removed_at__isnull=True).order_by("id")
    yield json_entry("seller/webhooks.json", list(hooks.values(*_HOOK)))
    notices = seller.notices.order_by("id").values(*_NOTICE)
    yield json_entry("seller/notices.json", list(notices))
    for logo in seller.logos.order_by("created_at"):
        yield f"seller/logos/{logo.hash}.{_ENDINGS[logo.content_type]}", [bytes(logo.picture)]
    yield "seller/disputes.jsonl", [lines_of(told_of(Q(seller_id=seller.pk)))]
    yield from _payments(seller)


def webhooks_of_buyer(user: User) -> list[Any]:
    """The addresses that are told of somebody's limits."""
    return list(webhooks_of(user).values(*_HOOK))


def notices_of_buyer(user: User) -> list[Any]:
    """What somebody was told of these addresses."""
    return list(Notice.objects.filter(buyer=user).order_by("id").values(*_NOTICE))


def _profile(seller: Seller) -> dict[str, Any]:
    names = ("id", "slug", "name", "about", "website", "contact", "logo", "created_at")
    return {name: getattr(seller, name) for name in names}


def _payments(seller: Seller) -> Iterator[Entry]:
    wanted = Wanted(Look(seller.pk, Span(FIRST_DAY, datetime.now(UTC).date())))
    yield "seller/payments.csv", csv_parts(COLUMNS, all_sales(wanted), cells)
    ids = ([sale.id for sale in page] for page in all_sales(wanted))
    yield "seller/receipts.jsonl", receipts_of(ids)
