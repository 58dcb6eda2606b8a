"""Terms written down for good: a revision and the searchable copy of its prices."""

from __future__ import annotations

from django.db.models import Max

from sellers.models import Listing, Price, Revision
from sellers.terms import Terms


def write_revision(listing: Listing, terms: Terms) -> Revision:
    """The revision of these terms: one content has one hash, and one row in a listing."""
    content_hash = terms.content_hash()
    known = listing.revisions.filter(hash=content_hash).first()
    if known is not None:
        return known
    last = listing.revisions.aggregate(last=Max("number"))["last"] or 0
    revision = Revision.objects.create(
        listing=listing, number=last + 1, terms=terms.to_json(), hash=content_hash
    )
    Price.objects.bulk_create(
        Price(
            revision=revision,
            network=price.network,
            scheme=price.scheme,
            asset=price.asset,
            amount_atomic=price.amount_atomic,
            pay_to=price.pay_to,
        )
        for price in terms.prices
    )
    return revision
