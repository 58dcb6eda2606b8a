"""Whether what is sold passes what graders check: asked of our own public face, day by day."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from payments.audit_log import SYSTEM
from sellers import automatic, proposals
from sellers.checklist import checks_of, checks_of_listing, checks_of_proposal
from sellers.checks import REQUIRED, Check, preflight
from sellers.face import Face, look_at
from sellers.finishing import became, submit, terms_of
from sellers.listings import submit as submit_listing
from sellers.models import Listing, Seller, Verification, Worksheet
from sellers.notices import notify
from sellers.offers import resource_url
from sellers.outbox import announce
from sellers.previews import address_of, discard, open_for_checks
from sellers.refusals import ListingRefused, Why, bad
from sellers.site import Site, VerifyLimits, review_rules, this_site, verify_limits
from sellers.terms import Terms
from sellers.turns import goes_on

AT_ONCE = 10
RUN_MAX = 60  # in one ring of the bell, which comes each minute: other work waits for the worker
LEASE_SECONDS = 300
SPREAD = 0.2  # the listings' times come apart by themselves
AGAIN_SECONDS = 3_600  # when our own face gave no answer that can be judged
FRESH = timedelta(minutes=5)  # what programs are told again without being asked anew
ROWS_AT_ONCE = 1_000

# A worker that dies while it asks is followed by another when its claim is over. Chosen by a step
# of its own: inside the condition it may be asked again for each row, and take more than so many.
_CLAIM = """
    with due as materialized (
        select listing_id from sellers_verification
         where next_at <= now() and (claimed_until is null or claimed_until <= now())
         order by next_at limit %(most)s for update skip locked)
    update sellers_verification set claimed_until = now() + make_interval(secs => %(lease)s)
     where listing_id in (select listing_id from due) returning listing_id
"""


def of_draft(worksheet: Worksheet, site: Site) -> list[Check]:
    """Every check of a finished draft: a preview of it is asked as graders will ask."""
    terms = terms_of(worksheet, site)
    face = _face_of(worksheet.seller, worksheet.listing_id, terms, site)
    return checks_of(worksheet, terms, _slug(worksheet), site, face)


def by_terms(worksheet: Worksheet, site: Site) -> list[Check]:
    """Every check of a finished draft, as far as its terms say; nothing is asked."""
    return checks_of(worksheet, terms_of(worksheet, site), _slug(worksheet), site)


def submit_checked(
    worksheet: Worksheet, checks: Sequence[Check], site: Site, *, by: str = SYSTEM
) -> Listing:
    """Ask for the review of a draft whose required checks all passed; they stay with it.

    A draft that a twin of this call has handed in is the listing that came of it.
    """
    _refuse_failing(checks)
    with transaction.atomic():
        if not Worksheet.objects.select_for_update(of=("self",)).filter(pk=worksheet.pk).exists():
            return became(worksheet)
        look = proposals.newest_look(worksheet)
        listing = submit(worksheet, site, by=by)
        if listing.proposed_revision is None:
            return listing  # it only took back what was proposed
        keep(listing, checks)
        proposals.keep(listing, checks, look)
    automatic.consider(listing, checks, review_rules())  # takes a while: nothing is held for it
    return listing


def submit_proposed(listing_id: UUID, *, by: str = SYSTEM) -> Listing:
    """Ask for the review of what a program proposed whole, by the same checklist as a draft's."""
    known = Listing.objects.select_related("seller", "live_revision", "proposed_revision")
    listing = known.get(pk=listing_id)
    revision = listing.proposed_revision
    if revision is None or listing.submitted_at is not None:
        return submit_listing(listing_id, by=by)  # it refuses, or there is nothing to do
    site, terms = this_site(), Terms.from_json(revision.terms)
    face = _face_of(listing.seller, listing_id, terms, site)
    checks = checks_of_proposal(listing, terms, site, face)
    with transaction.atomic():
        listing = submit_listing(listing_id, by=by)
        if listing.proposed_revision != revision:
            message = "something else was proposed in the meantime; submit it again"
            raise ListingRefused(Why.CHANGED_MEANWHILE, message)
        _refuse_failing(checks)
        keep(listing, checks)
        proposals.keep(listing, checks, None)
    automatic.consider(listing, checks, review_rules())  # takes a while: nothing is held for it
    return listing


def of_listing(listing: Listing, site: Site) -> list[Check] | None:
    """Every check of what is sold; None where our own face gives no answer that can be judged."""
    assert listing.live_revision is not None  # only what is sold is asked for
    terms = Terms.from_json(listing.live_revision.terms)
    face = look_at(resource_url(site.call_base_url, listing.path), terms, site)
    return checks_of_listing(listing, terms, site, face) if face.is_known else None


def validate(path: str) -> list[Check]:
    """The checks of a listing that is sold, asked anew when they are old; none where none are."""
    seller, _, slug = path.partition("/")
    listing = (
        Listing.objects.select_related("seller", "live_revision")
        .filter(seller__slug=seller, slug=slug, state=Listing.State.LIVE)
        .first()
    )
    if listing is None:
        return []
    known = report(listing)
    if verify_limits().asks_itself and not (known and _is_fresh(known, listing)):
        # Whoever asks meanwhile is told what is known: one claims the row before it asks.
        row, _ = Verification.objects.get_or_create(listing=listing)
        if _claim_one(row.pk) and (checks := of_listing(listing, this_site())) is not None:
            known = record(listing.pk, checks)
    return [Check.from_json(each) for each in known.checks] if known else []


def report(listing: Listing) -> Verification | None:
    """What was last seen of a listing."""
    return Verification.objects.filter(pk=listing.pk).first()


def last_verified(listing_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each of these last passed every required check."""
    found = Verification.objects.filter(pk__in=listing_ids, good_at__isnull=False)
    return {pk: at for pk, at in found.values_list("pk", "good_at") if at is not None}


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
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"lease": LEASE_SECONDS, "most": most})
        ids = [row[0] for row in cursor.fetchall()]
    known = Verification.objects.select_related("listing__seller", "listing__live_revision")
    return list(known.filter(pk__in=ids))


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
    row.claimed_until, row.next_at = None, _next(verify_limits().seconds, now)
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


def _face_of(seller: Seller, listing_id: UUID, terms: Terms, site: Site) -> Face | None:
    """What a preview of these terms answers, asked as graders ask; None where nothing is asked."""
    if not verify_limits().asks_itself:
        return None
    preview = open_for_checks(seller, listing_id, terms)
    try:
        return look_at(address_of(preview, site), terms, site)
    finally:
        discard(preview)


def _refuse_failing(checks: Sequence[Check]) -> None:
    for check in checks:
        if check.severity == REQUIRED and not check.passed:
            raise bad("checklist", f"{check.check}: {check.detail}; found {check.actual}")


def _slug(worksheet: Worksheet) -> str:
    return str(worksheet.typed.get("slug", ""))


def _verify(row: Verification, site: Site, limits: VerifyLimits) -> None:
    listing = row.listing
    if listing.state != Listing.State.LIVE or listing.live_revision is None:
        Verification.objects.filter(pk=row.pk).update(next_at=None, claimed_until=None)
        return
    checks = of_listing(listing, site)
    if checks is None:
        again = _next(min(AGAIN_SECONDS, limits.seconds), timezone.now())
        Verification.objects.filter(pk=row.pk).update(next_at=again, claimed_until=None)
        return
    record(listing.pk, checks)


def _claim_one(listing_id: UUID) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLAIM_ONE, {"lease": LEASE_SECONDS, "listing": listing_id})
        return int(cursor.rowcount) == 1


_CLAIM_ONE = """
    update sellers_verification
       set claimed_until = now() + make_interval(secs => %(lease)s)
     where listing_id = %(listing)s and (claimed_until is null or claimed_until <= now())
"""


def _is_fresh(row: Verification, listing: Listing) -> bool:
    live = listing.live_revision
    same = live is not None and row.revision_hash == live.hash
    return same and row.verified_at is not None and timezone.now() - row.verified_at < FRESH


def _next(seconds: int, now: datetime) -> datetime:
    return now + timedelta(seconds=seconds * random.uniform(1 - SPREAD, 1 + SPREAD))  # noqa: S311


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
    )
