"""The headers that only a listing's upstream gets to see, kept sealed beside the listing.

A value was given for one host. Whoever gets into an account must not be able to have it sent to a
host of their own, so another host gets none until it is given again. What calls carry now is the
listing's and was given for the host that is live. Values that come with a change wait beside the
proposal: calls carry them from its approval on, in the same transaction, and never before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from payments import audit_log
from payments.audit_log import SYSTEM
from sellers.addresses import same_host
from sellers.header_names import header_name
from sellers.models import Listing, ProposedSecret, Revision, Seller, UpstreamSecret
from sellers.on_sale import audited
from sellers.on_sale.listing_states import State, hold
from sellers.on_sale.shelving import publish
from sellers.refusals import bad
from sellers.secrets import Vault, header_value


@transaction.atomic
def keep(listing_id: UUID, name: str, value: str, vault: Vault, *, by: str = SYSTEM) -> None:
    """Set the value of a header that only the listing's upstream gets to see.

    Calls that carry the header carry the new value at once.
    """
    listing = hold(listing_id)
    name = header_name(name, "header").lower()
    sealed = vault.seal(listing.pk, name, header_value(name, value))
    live, proposed = listing.live_revision, listing.proposed_revision
    if live and proposed and _comes_with(name, live, proposed):
        _lay_beside(proposed, {name: sealed})
    else:
        if live and proposed and _same_host(live, proposed):  # an older value must not come back
            ProposedSecret.objects.filter(revision=proposed, name=name).delete()
        _carry(listing, {name: sealed})
        publish(listing)
    _note(by, listing, [name])


@transaction.atomic
def take_over(listing_id: UUID, sealed: Mapping[str, str], *, by: str = SYSTEM) -> None:
    """Keep header values that were given with what is proposed, sealed for this listing.

    As long as something else is sold they wait; nothing that is live changes.
    """
    listing = hold(listing_id)
    if not sealed:
        return
    values = {name: value.encode() for name, value in sealed.items()}
    if listing.live_revision is not None and listing.proposed_revision is not None:
        _lay_beside(listing.proposed_revision, values)
    else:
        _carry(listing, values)
        publish(listing)
    _note(by, listing, sorted(sealed))


def kept(listing: Listing, url: str) -> dict[str, bytes]:
    """The sealed values that were given for the host of this address, by header."""
    live, proposed = listing.live_revision, listing.proposed_revision
    found: dict[str, bytes] = {}
    sold = live or proposed
    if sold and same_host(sold.terms["upstream_url"], url):
        found = {row.name: bytes(row.sealed) for row in listing.secrets.all()}
    if proposed and same_host(proposed.terms["upstream_url"], url):
        waiting = ProposedSecret.objects.filter(revision=proposed)
        found |= {row.name: bytes(row.sealed) for row in waiting}
    return found


def refuse_another_hosts(listing: Listing, names: Iterable[str], url: str) -> None:
    """Refuse to keep the values of these headers where they were given for another host."""
    here = kept(listing, url)
    for name in names:
        if name.lower() not in here and _is_known(listing, name.lower()):
            raise bad(f"secret_headers.{name}", _given_elsewhere(name))


def refuse_missing(listing: Listing, revision: Revision) -> None:
    """Refuse a revision that wants a header whose value nobody gave for its host."""
    here = kept(listing, revision.terms["upstream_url"])
    if missing := sorted(set(revision.terms["secret_headers"]) - set(here)):
        name = missing[0]
        message = _given_elsewhere(name) if _is_known(listing, name) else f"{name} has no value yet"
        raise bad("secret_headers", message)


def take_along(listing: Listing, revision: Revision) -> None:
    """Take along what waits beside a proposal to the one that replaces it, if its host is the same.

    Called before the listing names the new one.
    """
    before = listing.proposed_revision
    if before is None or before == revision:
        return
    stays = _same_host(before, revision)
    if listing.live_revision is None and not stays:
        UpstreamSecret.objects.filter(listing=listing).delete()
    waiting = ProposedSecret.objects.filter(revision__listing=listing)
    waiting.exclude(revision=before).delete()
    if stays:
        wanted = revision.terms["secret_headers"]
        waiting.filter(name__in=wanted).update(revision=revision)
    ProposedSecret.objects.filter(revision=before).delete()


def bring_in(listing: Listing, revision: Revision) -> None:
    """Have calls carry what was given with a revision, from its approval on."""
    if leaves_its_host(listing, revision):
        UpstreamSecret.objects.filter(listing=listing).delete()
    waits = ProposedSecret.objects.filter(revision=revision)
    _carry(listing, {row.name: bytes(row.sealed) for row in waits})
    drop_waiting(listing)


def drop_waiting(listing: Listing) -> None:
    """Let go of the values that wait beside a proposal; what calls carry now stays."""
    ProposedSecret.objects.filter(revision__listing=listing).delete()


def leaves_its_host(listing: Listing, revision: Revision) -> bool:
    """Whether the host that is live has secrets which end with this revision's approval."""
    live = listing.live_revision
    return live is not None and not _same_host(live, revision) and listing.secrets.exists()


def to_come(listing: Listing) -> list[str]:
    """The headers whose new values wait for the approval of what is proposed."""
    rows = ProposedSecret.objects.filter(revision=listing.proposed_revision_id)
    return sorted(rows.values_list("name", flat=True))


def forget(seller: Seller) -> None:
    """Let go of every header value of a seller whose listings are all retired."""
    UpstreamSecret.objects.filter(listing__seller=seller, listing__state=State.RETIRED).delete()
    retired = Q(revision__listing__seller=seller, revision__listing__state=State.RETIRED)
    ProposedSecret.objects.filter(retired).delete()


def _carry(listing: Listing, values: Mapping[str, bytes]) -> None:
    for name, sealed in values.items():
        UpstreamSecret.objects.update_or_create(
            listing=listing, name=name, defaults={"sealed": sealed}
        )


def _lay_beside(revision: Revision, values: Mapping[str, bytes]) -> None:
    for name, sealed in values.items():
        ProposedSecret.objects.update_or_create(
            revision=revision, name=name, defaults={"sealed": sealed}
        )


def _comes_with(name: str, live: Revision, proposed: Revision) -> bool:
    """Whether only what is proposed has this header."""
    sold = live.terms["secret_headers"]
    return name not in sold and name in proposed.terms["secret_headers"]


def _is_known(listing: Listing, name: str) -> bool:
    """Whether a value was ever given for this header, for whatever host."""
    waits = ProposedSecret.objects.filter(revision=listing.proposed_revision_id, name=name)
    return listing.secrets.filter(name=name).exists() or waits.exists()


def _given_elsewhere(name: str) -> str:
    return f"the value of {name} was given for another host; give the one that this host takes"


def _same_host(one: Revision, other: Revision) -> bool:
    return same_host(one.terms["upstream_url"], other.terms["upstream_url"])


def _note(by: str, listing: Listing, names: list[str]) -> None:
    subject = audited.subject(listing.pk)
    audit_log.record(by, "listing.secrets_kept", subject, after={"headers": names})
