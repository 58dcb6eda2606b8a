"""How a listing's health is known, what follows from it, and what its seller is told.

Nothing is asked of an endpoint that its seller did not allow: a health address they gave, or the
example they said is safe to repeat. Otherwise buyers' own calls say how it is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments.audit_log import SYSTEM
from payments.database.old_rows import drop_rows
from sellers import listings
from sellers.addresses import callable_url
from sellers.health.drift import Drift
from sellers.jobs.due_rows import spread
from sellers.models import Listing, Seller
from sellers.models.health import Health, ProbeResult
from sellers.notices import notify
from sellers.refusals import ListingRefused, bad
from sellers.site import Site, health_limits
from sellers.webhooks.outbox import announce

Way = Health.Way
SPREAD = 0.2  # probes of many listings come apart by themselves
SOON_SECONDS = 60  # after a failure, to tell a hiccup from an end
ROWS_AT_ONCE = 1_000
_NO_DRIFT: Final[dict[str, Any]] = {"drift": "", "drift_since": None, "drifts": 0}


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look saw."""

    ok: bool
    status: int | None = None
    ms: int | None = None
    why: str = ""
    drift: Drift | None = None  # None when no answer was compared


def choose_way(listing: Listing, way: str, url: str, site: Site) -> Health:
    """How this listing's health is to be known from now on."""
    if way not in Way.values:
        raise bad("way", "one of " + ", ".join(Way.values))
    kept = callable_url(url, site) if way == Way.URL else ""
    row, _ = Health.objects.get_or_create(listing=listing)
    known = Health.objects.filter(pk=row.pk)
    if listing.state == Listing.State.LIVE:
        known.update(way=way, url=kept, **_begun_anew())
    else:
        known.update(way=way, url=kept, failures=0, next_probe_at=None, **_NO_DRIFT)
    row.refresh_from_db()
    return row


def enroll(most: int = ROWS_AT_ONCE) -> int:
    """Give every live listing its row and its time; those that are not live are let alone."""
    live = Listing.objects.filter(state=Listing.State.LIVE)
    new = list(live.filter(health__isnull=True).values_list("pk", flat=True)[:most])
    Health.objects.bulk_create(
        (Health(listing_id=pk, next_probe_at=_first()) for pk in new), ignore_conflicts=True
    )
    idle = Health.objects.filter(listing__state=Listing.State.LIVE, next_probe_at__isnull=True)
    back = list(idle.values_list("pk", flat=True)[:most])
    Health.objects.filter(pk__in=back).update(**_begun_anew())
    return len(new) + len(back)


@transaction.atomic
def record(listing_id: UUID, seen: Seen) -> Health | None:
    """Write down what was seen; stop the listing when it failed too often in a row."""
    row = (
        Health.objects.select_for_update(of=("self",))
        .select_related("listing__seller", "listing__live_revision")
        .filter(pk=listing_id)
        .first()
    )
    if row is None:
        return None
    now = timezone.now()
    ProbeResult.objects.create(
        listing_id=listing_id, way=row.way, ok=seen.ok, status=seen.status, ms=seen.ms,
        why=seen.why, drift=seen.drift.differs if seen.drift else "",
    )  # fmt: skip
    row.failures = 0 if seen.ok else row.failures + 1
    row.seen_at, row.well_at = now, now if seen.ok else row.well_at
    row.claimed_until, row.next_probe_at = None, next_look(row.failures, now)
    if seen.drift is not None:
        _note_drift(row, seen.drift, now)
    limits = health_limits()
    if row.failures >= limits.failures_max:
        _stop(row, f"{row.failures} looks in a row failed; the last: {seen.why}", now)
    elif 0 < limits.drifts_max <= row.drifts:
        why = f"its answers did not keep its output schema, {row.drifts} looks in a row"
        _stop(row, f"{why}; the last: {row.drift}", now)
    row.save()
    return row


def is_last_straw(row: Health) -> bool:
    """Whether one more failure pauses the listing."""
    return row.failures + 1 >= health_limits().failures_max


def put_off(listing_id: UUID) -> None:
    """Nothing new was to be seen: look again at the usual time."""
    later = next_look(0, timezone.now())
    Health.objects.filter(pk=listing_id).update(claimed_until=None, next_probe_at=later)


def next_look(failures: int, now: datetime) -> datetime:
    """The usual time, spread; sooner after a failure."""
    usual = health_limits().probe_seconds
    seconds = usual if failures == 0 else min(usual, SOON_SECONDS * failures)
    return now + spread(seconds, SPREAD)


def health_of(seller: Seller) -> QuerySet[Listing]:
    """A seller's listings with their health, in the order of their names."""
    return (
        Listing.objects.select_related("health", "live_revision", "seller")
        .filter(seller=seller, live_revision__isnull=False)
        .exclude(state=Listing.State.RETIRED)
        .order_by("slug")
    )


def forget_probes() -> int:
    """Drop what was seen long ago."""
    since = Now() - timedelta(days=health_limits().keep_days)
    return drop_rows(ProbeResult.objects.filter(at__lt=since).order_by("at"))


def _begun_anew() -> dict[str, Any]:
    """What is known of a listing that is live again: nothing, whatever it was paused for."""
    return {
        "next_probe_at": timezone.now(),
        "failures": 0,
        "paused_at": None,
        "paused_why": "",
        **_NO_DRIFT,
    }


def _first() -> datetime:
    """Somewhere in the first interval, so that an upgrade does not ask everybody at once."""
    return timezone.now() + timedelta(
        seconds=random.uniform(0, health_limits().probe_seconds)  # noqa: S311
    )


def _stop(row: Health, why: str, now: datetime) -> None:
    """Pause what only fails: nobody should be quoted what cannot be delivered."""
    row.next_probe_at = None
    try:
        listing = listings.pause(row.listing_id, by=SYSTEM, why=why)
    except ListingRefused:  # its seller or the marketplace stopped it meanwhile
        return
    row.paused_at, row.paused_why = now, why
    announce(listing, "listing.paused", why)
    notify(
        listing.seller_id,
        f"{listing.path} is paused",
        f"Nobody can buy it any more: {why}. Resume it when its endpoint is well.",
        href=f"/sell/health/{listing.pk}",
        mail_at=now,
    )


def _note_drift(row: Health, drift: Drift, now: datetime) -> None:
    """Its seller is told when answers begin to differ; what goes on is counted."""
    if not drift.differs:
        row.drift, row.drift_since, row.drifts = "", None, 0
        return
    if not row.drift:
        row.drift_since = now
        _tell_drift(row, drift.differs)
    row.drift = drift.differs
    row.drifts = row.drifts + 1 if drift.mostly else 0


def _tell_drift(row: Health, differs: str) -> None:
    announce(row.listing, "listing.drifted", differs)
    most = health_limits().drifts_max
    after = f" It is paused when {most} looks in a row find most answers so." if most else ""
    notify(
        row.listing.seller_id,
        f"{row.listing.path} answers otherwise than it says",
        f"Its answers do not keep its output schema: {differs}. It is still sold.{after}",
        href=f"/sell/health/{row.listing_id}",
        mail_at=timezone.now(),
    )
