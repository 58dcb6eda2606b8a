"""Whether what is sold passes what graders check: asked of our own public face, day by day."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from sellers.grading.checklist import checks_of_listing
from sellers.grading.checks import REQUIRED, Check, preflight
from sellers.grading.face import look_at
from sellers.jobs import due_rows
from sellers.jobs.turns import goes_on
from sellers.models import Listing, Verification
from sellers.notices import notify
from sellers.offers import resource_url
from sellers.site import Site, VerifyLimits, verify_limits
from sellers.terms import Terms
from sellers.webhooks.outbox import announce

AT_ONCE = 10
RUN_MAX = 60  # in one ring of the bell, which comes each minute: other work waits for the worker
LEASE_SECONDS = 300
SPREAD = 0.2  # the listings' times come apart by themselves
AGAIN_SECONDS = 3_600  # when our own face gave no answer that can be judged
ROWS_AT_ONCE = 1_000

_CLAIM_ONE = """
    update sellers_verification
       set claimed_until = now() + make_interval(secs => %(lease)s)
     where listing_id = %(listing)s and (claimed_until is null or claimed_until <= now())
"""


def of_listing(listing: Listing, site: Site) -> list[Check] | None:
    """Every check of what is sold; None where our own face gives no answer that can be judged."""
    assert listing.live_revision is not None  # only what is sold is asked for
    terms = Terms.from_json(listing.live_revision.terms)
    face = look_at(resource_url(site.call_base_url, listing.path), terms, site)
    return checks_of_listing(listing, terms, site, face) if face.is_known else None


def verify_due(site: Site) -> int:
    """Go through the checklist of what is due, so many at most; says of how many."""
    limits, seen = verify_limits(), 0
    if not limits.asks_itself:
        return 0
    enroll(limits)
    while goes_on() and seen < RUN_MAX and (due := claim(min(AT_ONCE, RUN_MAX - seen))):
        for row in takewhile(lambda _: goes_on(), due):
            _verify(row, site, limits)
            seen += 1
    return seen


def enroll(limits: VerifyLimits, most: int = ROWS_AT_ONCE) -> int:
    """Give every live listing its row and its time, a new one soon."""
    live = Listing.objects.filter(state=Listing.State.LIVE)
    new = list(live.filter(verification__isnull=True).values_list("pk", flat=True)[:most])
    now = timezone.now()
    Verification.objects.bulk_create(
        (Verification(listing_id=pk, next_at=now) for pk in new), ignore_conflicts=True
    )
    idle = Verification.objects.filter(listing__state=Listing.State.LIVE, next_at__isnull=True)
    back = list(idle.values_list("pk", flat=True)[:most])
    Verification.objects.filter(pk__in=back).update(next_at=now)
    return len(new) + len(back)


def claim(most: int = AT_ONCE) -> list[Verification]:
    """Take listings whose time has come; nobody else asks about them for a while."""
    return due_rows.take(Verification, "next_at", most=most, lease_seconds=LEASE_SECONDS)


def claim_one(listing: Listing) -> bool:
    """Take this listing whether or not its time has come, unless somebody asks about it now."""
    row, _ = Verification.objects.get_or_create(listing=listing)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM_ONE, {"lease": LEASE_SECONDS, "listing": row.pk})
        return int(cursor.rowcount) == 1


@transaction.atomic
def record(listing_id: UUID, checks: Sequence[Check]) -> Verification:
    """Write down what was seen; tell the seller when something required fails anew."""
    row = (
        Verification.objects.select_for_update(of=("self",))
        .select_related("listing__seller", "listing__live_revision")
        .get(pk=listing_id)
    )
    failed = [check for check in checks if check.severity == REQUIRED and not check.passed]
    known = {each["check"] for each in row.checks if not each["passed"]}
    now = timezone.now()
    row.checks, row.valid = [check.to_json() for check in checks], not failed
    row.verified_at, row.good_at = now, row.good_at if failed else now
    live = row.listing.live_revision
    row.revision_hash = bytes(live.hash) if live else None
    row.claimed_until, row.next_at = None, now + due_rows.spread(verify_limits().seconds, SPREAD)
    row.save()
    if fresh := [check for check in failed if check.check not in known]:
        _tell(row.listing, fresh)
    return row


def keep(listing: Listing, checks: Sequence[Check]) -> None:
    """What was seen of a draft when it was submitted stays with the listing it became."""
    if listing.live_revision_id is not None:
        return  # what is sold has its own
    valid = preflight(checks)["valid"]
    Verification.objects.update_or_create(
        listing=listing,
        defaults={
            "checks": [check.to_json() for check in checks],
            "valid": valid,
            "verified_at": timezone.now(),
        },
    )


def _verify(row: Verification, site: Site, limits: VerifyLimits) -> None:
    listing = row.listing
    if listing.state != Listing.State.LIVE or listing.live_revision is None:
        Verification.objects.filter(pk=row.pk).update(next_at=None, claimed_until=None)
        return
    checks = of_listing(listing, site)
    if checks is None:
        wait = due_rows.spread(min(AGAIN_SECONDS, limits.seconds), SPREAD)
        Verification.objects.filter(pk=row.pk).update(
            next_at=timezone.now() + wait, claimed_until=None
        )
        return
    record(listing.pk, checks)


def _tell(listing: Listing, failed: Sequence[Check]) -> None:
    named = ", ".join(check.check for check in failed)
    first = failed[0]
    why = f"{first.check}: {first.detail}; expected {first.expected}, found {first.actual}"
    announce(listing, "listing.check_failed", why)
    notify(
        listing.seller_id,
        f"{listing.path} fails a check that agents make",
        f"Failing: {named}. {why}. {first.fix} It is still sold.",
        href=f"/sell/listings/{listing.slug}/",
        mail_at=timezone.now(),
    )
