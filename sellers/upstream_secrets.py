"""The headers that only a listing's upstream gets to see, kept sealed beside the listing."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from payments import audit_log
from payments.audit_log import SYSTEM
from sellers import audited
from sellers.listing_states import State, hold
from sellers.models import Listing, Revision, Seller, UpstreamSecret
from sellers.refusals import bad
from sellers.secrets import Vault, header_name, header_value
from sellers.shelving import publish


@transaction.atomic
def keep(listing_id: UUID, name: str, value: str, vault: Vault, *, by: str = SYSTEM) -> None:
    """Set the value of a header that only the listing's upstream gets to see."""
    listing = hold(listing_id)
    name = header_name(name, "header").lower()
    sealed = vault.seal(listing.pk, name, header_value(name, value))
    UpstreamSecret.objects.update_or_create(listing=listing, name=name, defaults={"sealed": sealed})
    publish(listing)
    _note(by, listing, [name])


@transaction.atomic
def take_over(listing_id: UUID, sealed: Mapping[str, str], *, by: str = SYSTEM) -> None:
    """Keep header values that were sealed for this listing while it was being typed."""
    listing = hold(listing_id)
    for name, value in sealed.items():
        UpstreamSecret.objects.update_or_create(
            listing=listing, name=name, defaults={"sealed": value.encode()}
        )
    if sealed:
        publish(listing)
        _note(by, listing, sorted(sealed))


def forget(seller: Seller) -> None:
    """Let go of every header value of a seller whose listings are all retired."""
    UpstreamSecret.objects.filter(listing__seller=seller, listing__state=State.RETIRED).delete()


def refuse_missing(listing: Listing, revision: Revision) -> None:
    """Refuse a revision that wants a header whose value nobody gave."""
    kept = set(listing.secrets.values_list("name", flat=True))
    if missing := sorted(set(revision.terms["secret_headers"]) - kept):
        raise bad("secret_headers", f"{missing[0]} has no value yet")


def _note(by: str, listing: Listing, names: list[str]) -> None:
    subject = audited.subject(listing.pk)
    audit_log.record(by, "listing.secrets_kept", subject, after={"headers": names})
