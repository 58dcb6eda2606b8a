"""From a worksheet to a listing that waits for review."""

from __future__ import annotations

from django.db import transaction

from payments.audit_log import SYSTEM
from sellers import listings, upstream_secrets
from sellers.agreements import refuse_unagreed
from sellers.directory import refuse_odd_slug
from sellers.drafts import finish
from sellers.models import Listing, Worksheet
from sellers.site import Site
from sellers.steps import STEPS, lacks
from sellers.terms import Terms
from sellers.typed import draft_of


def terms_of(worksheet: Worksheet, site: Site) -> Terms:
    """The terms that a worksheet makes, once no step lacks anything."""
    for step in STEPS:
        if (refused := lacks(worksheet, step, site)) is not None:
            raise refused
    return finish(draft_of(worksheet.typed, site), site)


def submit(worksheet: Worksheet, site: Site, *, by: str = SYSTEM) -> Listing:
    """Turn a worksheet into a proposal and ask for its review; what sells meanwhile stays."""
    with transaction.atomic():
        sheet = Worksheet.objects.select_for_update().select_related("seller").get(pk=worksheet.pk)
        refuse_unagreed(sheet.seller)
        terms = terms_of(sheet, site)
        listing = _proposed(sheet, terms, by)
        names = set(terms.secret_headers) - _sold_names(listing)
        sealed = {name: value for name, value in sheet.sealed.items() if name in names}
        upstream_secrets.take_over(listing.pk, sealed, by=by)
        listing = listings.submit(listing.pk, by=by)
        sheet.delete()
    return listing


def _proposed(sheet: Worksheet, terms: Terms, by: str) -> Listing:
    if sheet.of_listing:
        return listings.propose(sheet.listing_id, terms, by=by)
    slug = str(sheet.typed.get("slug", ""))
    refuse_odd_slug(slug)
    return listings.create_draft(sheet.seller, slug, terms, sheet.listing_id)


def _sold_names(listing: Listing) -> set[str]:
    """Headers that live calls carry now: their values change on the listing's page only."""
    live = listing.live_revision
    return set(live.terms["secret_headers"]) if live else set()
