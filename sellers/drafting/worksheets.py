"""What a seller is typing for a listing: kept as typed, by field, and never lost between two tabs.

A save names the version its page was made from and the tab it came from. A field that another tab
has changed since is not overwritten: the save is turned down with both texts at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from sellers import upstream_secrets
from sellers.addresses import same_host
from sellers.drafting.typed import Typed, typed_of
from sellers.drafts import total_seconds_max
from sellers.header_names import secret_name
from sellers.models import Listing, Seller, Worksheet
from sellers.on_sale.preview_ends import close_of_listing
from sellers.refusals import ListingRefused, Why, bad
from sellers.secrets import Vault, header_value
from sellers.site import Site
from sellers.terms import Terms

WORKSHEETS_MAX = 100
FIELD_CHARACTERS_MAX = 100_000
UNTOUCHED_KEPT = timedelta(days=180)
DROPPED_AT_ONCE = 200
SERVER = "server"  # the tab name of what is filled in for the seller


@dataclass(frozen=True, slots=True)
class Saved:
    """The worksheet after a save; `conflicts` holds what another tab wrote, when it was not."""

    worksheet: Worksheet
    conflicts: Mapping[str, Any]


def start(seller: Seller, typed: Typed) -> Worksheet:
    """An empty sheet, or one with what an import found."""
    if seller.worksheets.count() >= WORKSHEETS_MAX:
        raise bad("upstream_url", f"you have {WORKSHEETS_MAX} unfinished drafts; finish some first")
    return Worksheet.objects.create(seller=seller, typed=_checked(typed))


def start_all(seller: Seller, several: Sequence[Typed]) -> list[Worksheet]:
    """A sheet for each of these, or none at all where not all of them fit."""
    with transaction.atomic():
        Seller.objects.select_for_update().get(pk=seller.pk)  # two tabs at once
        room = max(WORKSHEETS_MAX - seller.worksheets.count(), 0)
        if len(several) > room:
            message = (
                f"that would be {len(several)} drafts, and there is room for {room}: you may have"
                f" {WORKSHEETS_MAX} unfinished ones. Choose fewer, or finish some first"
            )
            raise bad("upstream_url", message)
        return [start(seller, typed) for typed in several]


def edit(listing: Listing, site: Site) -> Worksheet:
    """The sheet on which a listing is changed; it starts with what is proposed or sold now."""
    if listing.state == Listing.State.RETIRED:
        raise ListingRefused(Why.WRONG_STATE, "a retired listing cannot be changed")
    revision = listing.proposed_revision or listing.live_revision
    assert revision is not None  # every listing begins with a proposal
    seeded = typed_of(_allowed(Terms.from_json(revision.terms), site)) | {"slug": listing.slug}
    try:
        with transaction.atomic():
            sheet, _ = Worksheet.objects.get_or_create(
                listing_id=listing.pk,
                defaults={"seller": listing.seller, "of_listing": True, "typed": seeded},
            )
    except IntegrityError:  # two clicks at once
        sheet = Worksheet.objects.get(listing_id=listing.pk)
    return sheet


def find(seller: Seller, worksheet_id: UUID) -> Worksheet | None:
    """A seller's own sheet; another's is as good as none."""
    return seller.worksheets.filter(pk=worksheet_id).first()


def held(worksheet: Worksheet) -> Worksheet:
    """The sheet as it is now, and nobody else writing it before this transaction ends."""
    sheet = Worksheet.objects.select_for_update().filter(pk=worksheet.pk).first()
    if sheet is None:
        raise gone()
    return sheet


def gone() -> ListingRefused:
    """The refusal of whatever comes too late for a sheet."""
    message = "this draft is gone: it was submitted or thrown away in the meantime"
    return ListingRefused(Why.CHANGED_MEANWHILE, message)


@transaction.atomic
def discard(worksheet: Worksheet) -> None:
    """Throw a sheet away, and what it was tried out with."""
    close_of_listing(worksheet.listing_id)
    worksheet.delete()


def discard_of(listing: Listing) -> None:
    """A listing that ended is not changed any more: its sheet goes, too."""
    for sheet in listing.seller.worksheets.filter(listing_id=listing.pk):
        discard(sheet)


def discard_untouched(listing: Listing) -> None:
    """A sheet that began with what was withdrawn goes, unless something was typed on it since."""
    for sheet in listing.seller.worksheets.filter(listing_id=listing.pk, version=1):
        discard(sheet)


def save(worksheet: Worksheet, given: Typed, *, version: int, tab: str) -> Saved:
    """Keep what was typed, unless it would overwrite what another tab wrote meanwhile."""
    given = _checked(given)
    with transaction.atomic():
        sheet = held(worksheet)
        changed = {
            name: value
            for name, value in given.items()
            if sheet.typed.get(name, "") != value
            and not _filled_in_since(sheet, name, value, version)
        }
        conflicts = {
            name: sheet.typed.get(name, "")
            for name in changed
            if _written_elsewhere(sheet.stamps.get(name), version, tab)
        }
        if conflicts or not changed:
            return Saved(sheet, conflicts)
        sheet.version += 1
        sheet.typed |= changed
        sheet.stamps |= {name: [sheet.version, tab] for name in changed}
        sheet.save(update_fields=["typed", "stamps", "version", "changed_at"])
    return Saved(sheet, {})


def fill_in(worksheet: Worksheet, found: Typed) -> None:
    """Put what was found out into fields that nobody has typed anything in."""
    with transaction.atomic():
        sheet = Worksheet.objects.select_for_update().filter(pk=worksheet.pk).first()
        if sheet is None:
            return
        blank = {name: value for name, value in found.items() if not sheet.typed.get(name)}
        _write(sheet, blank)


def put(worksheet: Worksheet, values: Typed) -> None:
    """Write fields because the seller asked for exactly that, with a button."""
    with transaction.atomic():
        sheet = held(worksheet)
        _write(sheet, _checked(values))


def keep_secret(worksheet: Worksheet, name: str, value: str, vault: Vault) -> None:
    """Seal the value of a header for the listing that this sheet becomes."""
    name = secret_name(name.strip(), "secret_name")
    sealed = vault.seal(worksheet.listing_id, name, header_value("secret_value", value)).decode()
    with transaction.atomic():
        sheet = held(worksheet)
        names = sorted({*sheet.typed.get("secret_headers", []), name})
        url = str(sheet.typed.get("upstream_url", ""))
        if not same_host(sheet.sealed_for, url):
            sheet.sealed, sheet.sealed_for = {}, url  # the others were another host's
        sheet.sealed |= {name: sealed}
        sheet.save(update_fields=["sealed", "sealed_for"])
        _write(sheet, {"secret_headers": names})


def kept_secrets(worksheet: Worksheet, url: str) -> dict[str, bytes]:
    """Sealed header values that this host may get: kept before, or given on this sheet."""
    own = Listing.objects.select_related("live_revision", "proposed_revision")
    listing = own.filter(pk=worksheet.listing_id, seller=worksheet.seller_id).first()
    kept = upstream_secrets.kept(listing, url) if listing else {}
    return kept | {name: value.encode() for name, value in given_here(worksheet, url).items()}


def given_here(worksheet: Worksheet, url: str) -> dict[str, str]:
    """Sealed header values that were given on this sheet for the host of this address."""
    return dict(worksheet.sealed) if same_host(worksheet.sealed_for, url) else {}


def drop_secret(worksheet: Worksheet, name: str) -> None:
    """Leave a secret header out, and forget the value that was typed for it."""
    with transaction.atomic():
        sheet = held(worksheet)
        names = [kept for kept in sheet.typed.get("secret_headers", []) if kept != name]
        sheet.sealed.pop(name, None)
        sheet.save(update_fields=["sealed"])
        _write(sheet, {"secret_headers": names})


def forget_untouched() -> int:
    """Drop sheets that nobody touched for half a year, some at a time."""
    old = Worksheet.objects.filter(changed_at__lt=Now() - UNTOUCHED_KEPT).order_by("changed_at")
    return drop_rows(old, DROPPED_AT_ONCE)


def _allowed(terms: Terms, site: Site) -> Terms:
    """Without a time that its seller did not type and the operator takes no longer."""
    return replace(terms, total_seconds=min(terms.total_seconds, total_seconds_max(site)))


def _write(sheet: Worksheet, values: Typed) -> None:
    if not values:
        return
    sheet.version += 1
    sheet.typed |= values
    sheet.stamps |= {name: [sheet.version, SERVER] for name in values}
    sheet.save(update_fields=["typed", "stamps", "version", "changed_at"])


def _written_elsewhere(stamp: list[Any] | None, version: int, tab: str) -> bool:
    return stamp is not None and stamp[0] > version and stamp[1] != tab


def _filled_in_since(sheet: Worksheet, name: str, value: Any, version: int) -> bool:
    """True for a field that stood empty on the page and was filled in for the seller meanwhile."""
    stamp = sheet.stamps.get(name)
    return not value and stamp is not None and stamp[0] > version and stamp[1] == SERVER


def _checked(typed: Typed) -> dict[str, Any]:
    """What can be stored: texts of a bearable length, without the one character no row takes."""
    return {name: _storable(name, value) for name, value in typed.items()}


def _storable(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if len(value) > FIELD_CHARACTERS_MAX:
            raise bad(name, f"at most {FIELD_CHARACTERS_MAX} characters")
        return value.replace("\0", "").replace("\r\n", "\n")
    if isinstance(value, list):
        return [_storable(name, one) for one in value]
    if isinstance(value, dict):
        return {key: _storable(name, one) for key, one in value.items()}
    return value
