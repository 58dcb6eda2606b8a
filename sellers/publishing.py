"""Publishing in one step, for an operator who is seller and moderator at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import transaction

from payments.audit_log import command
from sellers import listings, upstream_secrets
from sellers.grace import grace_of
from sellers.models import Listing
from sellers.on_sale.listing_states import hold
from sellers.profile.directory import open_seller
from sellers.reviews import judging
from sellers.secrets import Vault
from sellers.site import Site
from sellers.terms import Terms

OPERATOR: Final = command("listing")


@transaction.atomic
def publish(
    seller: str, slug: str, terms: Terms, site: Site, secrets: Mapping[str, str] | None = None
) -> Listing:
    """Put a new listing on sale through the same steps as everybody's: draft, submit, approve."""
    return review(write_draft(seller, slug, terms, site, secrets), terms, site)


@transaction.atomic
def write_draft(
    seller: str, slug: str, terms: Terms, site: Site, secrets: Mapping[str, str] | None = None
) -> Listing:
    """A new listing with the values of its secret headers, for nobody to buy yet."""
    listing = listings.create_draft(open_seller(seller), slug, terms)
    for name, value in (secrets or {}).items():
        upstream_secrets.keep(listing.pk, name, value, Vault(site.secrets_keys), by=OPERATOR)
    return listing


@transaction.atomic
def republish(listing: Listing, terms: Terms, site: Site) -> Listing:
    """Give a listing new terms; the same terms again change nothing."""
    if listings.is_sold_on(hold(listing.pk), terms):
        return listing  # and what its seller proposed meanwhile stays proposed
    listings.propose(listing.pk, terms, by=OPERATOR)
    return review(listing, terms, site)


def review(listing: Listing, terms: Terms, site: Site) -> Listing:
    """Submit and approve, by the same person."""
    submitted = listings.submit(listing.pk, by=OPERATOR, operators_word=True)
    return judging.approve(
        listing.pk,
        terms.content_hash(),
        grace_seconds=grace_of(submitted, site),
        by=OPERATOR,
    )
