"""What people and programs say is wrong with a listing; a report stops nothing by itself."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from payments import audit_log
from payments.database.old_rows import drop_rows
from sellers.models import Listing, Report
from sellers.models.reviews import REPORT_CHARACTERS_MAX
from sellers.on_sale import audited
from sellers.refusals import ListingRefused, Why, bad
from sellers.reviews.holds import Judge
from sellers.site import ReportLimits
from sellers.texts import clean

NOTE_CHARACTERS_MAX = 1_000
TEXT_CHARACTERS_LEAST = 10


def reportable(path: str) -> Listing | None:
    """A listing that is sold or was, and that somebody may have been hurt by."""
    seller, _, slug = path.partition("/")
    return (
        Listing.objects.select_related("seller", "live_revision")
        .filter(seller__slug=seller, slug=slug, live_revision__isnull=False)
        .exclude(state=Listing.State.RETIRED)
        .first()
    )


@transaction.atomic
def file(listing: Listing, about: str, text: str, limits: ReportLimits) -> Report:
    """Write down what somebody says is wrong."""
    if about not in Report.About.values:
        raise bad("about", f"one of {', '.join(Report.About.values)}")
    said = clean(text[: 4 * REPORT_CHARACTERS_MAX], REPORT_CHARACTERS_MAX)
    if len(said) < TEXT_CHARACTERS_LEAST:
        raise bad("text", f"say what happened, in {TEXT_CHARACTERS_LEAST} characters or more")
    Listing.objects.select_for_update().get(pk=listing.pk)  # many at once stay below the limit
    if listing.reports.filter(closed_at__isnull=True).count() >= limits.per_listing_max:
        message = "moderators have many reports about this listing already, and look at them"
        raise ListingRefused(Why.TOO_MANY, message)
    return Report.objects.create(listing=listing, about=about, text=said)


@transaction.atomic
def close(report_id: UUID, note: str, judge: Judge) -> Report:
    """Put a report away, with what was found; nobody closes one about a listing of their own."""
    report = Report.objects.select_related(
        "listing__seller", "listing__live_revision", "listing__proposed_revision"
    ).get(pk=report_id)
    if judge.owns(report.listing):
        raise ListingRefused(Why.OWN, "nobody closes a report about a listing of their own")
    found = clean(note[: 4 * NOTE_CHARACTERS_MAX], NOTE_CHARACTERS_MAX)
    if not found:
        raise bad("note", "say what you found: the next moderator reads it")
    closed = Report.objects.filter(pk=report_id, closed_at__isnull=True).update(
        closed_at=Now(), closed_by=judge.user_id, note=found
    )
    if not closed:
        raise ListingRefused(Why.TOO_LATE, "somebody has closed this report already")
    # The note is the moderators' own, and the log is shown to the seller.
    audit_log.record(judge.acting, "report.closed", audited.subject(report.listing_id))
    return report


def waiting() -> QuerySet[Report]:
    """The open reports, the oldest first."""
    still = Report.objects.filter(closed_at__isnull=True)
    return still.select_related("listing__seller", "listing__live_revision").order_by("at", "pk")


def forget(limits: ReportLimits) -> int:
    """Drop what was closed long ago."""
    long_ago = Now() - timedelta(days=limits.keep_days)
    return drop_rows(Report.objects.filter(closed_at__lt=long_ago).order_by("at"))
