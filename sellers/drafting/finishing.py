"""From a worksheet to a listing that waits for review."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from payments.audit_log import SYSTEM
from sellers import listings, upstream_secrets
from sellers.drafting.steps import STEPS, lacks
from sellers.drafting.typed import draft_of
from sellers.drafting.worksheets import given_here, gone, held
from sellers.drafts import finish
from sellers.models import Listing, Worksheet
from sellers.on_sale.listing_states import hold
from sellers.profile.directory import refuse_odd_slug
from sellers.refusals import ListingRefused, Why
from sellers.site import Site
from sellers.terms import Terms


def terms_of(worksheet: Worksheet, site: Site) -> Terms:
    """The terms that a worksheet makes, once no step lacks anything."""
    for step in STEPS:
        if (refused := lacks(worksheet, step, site)) is not None:
            raise refused
    return finish(draft_of(worksheet.typed, site), site)


def submit(worksheet: Worksheet, site: Site, *, by: str = SYSTEM) -> Listing:
    """Turn a worksheet into a proposal and ask for its review; what sells meanwhile stays.

    What is sold already is no proposal: it takes back the one that there is.
    """
    with transaction.atomic():
        sheet = held(worksheet)
        terms = terms_of(sheet, site)
        sealed = _sealed(sheet, terms)
        listing = _proposed(sheet, terms, by, sealed)
        if listing.proposed_revision is not None:
            upstream_secrets.take_over(listing.pk, sealed, by=by)
            listing = listings.submit(listing.pk, by=by)
        sheet.delete()
    return listing


def became(worksheet: Worksheet) -> Listing:
    """The listing of a sheet that somebody else has handed in a moment ago."""
    known = Listing.objects.select_related("seller", "live_revision", "proposed_revision")
    listing = known.filter(pk=worksheet.listing_id, seller=worksheet.seller_id).first()
    if listing is None:
        raise gone()
    return listing


def withdraws(worksheet: Worksheet, terms: Terms) -> bool:
    """Whether handing this in takes back what is proposed, as it is what is sold already."""
    known = Listing.objects.select_related("live_revision")
    listing = known.filter(pk=worksheet.listing_id, proposed_revision__isnull=False).first()
    is_sold = listing is not None and listings.is_sold_on(listing, terms)
    return is_sold and not _sealed(worksheet, terms)


def _sealed(sheet: Worksheet, terms: Terms) -> dict[str, str]:
    given = given_here(sheet, terms.upstream_url)
    return {name: value for name, value in given.items() if name in terms.secret_headers}


def _proposed(sheet: Worksheet, terms: Terms, by: str, sealed: Mapping[str, str]) -> Listing:
    if not sheet.of_listing:
        slug = str(sheet.typed.get("slug", ""))
        refuse_odd_slug(slug)
        return listings.create_draft(sheet.seller, slug, terms, sheet.listing_id)
    if sealed and listings.is_sold_on(hold(sheet.listing_id), terms):
        message = (
            f"only the value of {min(sealed)} is new: replace it on the listing's own page,"
            " where it needs no review"
        )
        raise ListingRefused(Why.UNCHANGED, message)
    return listings.propose(sheet.listing_id, terms, by=by)
