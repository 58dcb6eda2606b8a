"""What moderators decide. A verdict is a row that takes effect ten seconds after it was given.

Until then nobody is told and nothing is sold, so an undone one never happened: no price was open
for a moment, no seller read a letter meant for another. A suspension alone takes effect at once;
taking it back makes the listing what it was.

    approve, refuse, ask, restore:  waiting → done | counted | undone | failed
    suspend:                        done → undone
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments import audit_log
from payments.audit_log import SYSTEM
from sellers.grace import grace_of
from sellers.happenings import went_on
from sellers.models import Listing, Verdict
from sellers.moderators import may_judge
from sellers.news.approvals import tell_approved
from sellers.notices import notify
from sellers.on_sale import audited
from sellers.on_sale.listing_states import hold
from sellers.refusals import ListingRefused, Why
from sellers.reviews import holds, judging
from sellers.reviews.holds import Judge
from sellers.reviews.two_people import yeses_missing
from sellers.site import ReviewRules, this_site

AT_ONCE = 50
SHOWN_FOR = timedelta(minutes=2)


@transaction.atomic
def approve(listing_id: UUID, revision_hash: bytes, judge: Judge, rules: ReviewRules) -> Verdict:
    """Say yes to exactly what was looked at."""
    listing = judging.refuse_unapprovable(listing_id, revision_hash, rules.cooldown_seconds)
    _refuse_unless_may(listing, judge)
    said = Verdict.objects.filter(
        listing=listing, became=Verdict.Became.COUNTED, revision_hash=revision_hash,
        moderator_id=judge.user_id, at__gte=listing.submitted_at,
    )  # fmt: skip
    if said.exists():
        raise ListingRefused(Why.SAID_ALREADY, "you have said yes; now somebody else has to")
    return _wait(listing, Verdict.Kind.APPROVE, judge, rules, revision_hash)


@transaction.atomic
def send_back(
    listing_id: UUID,
    revision_hash: bytes,
    reason: str,
    judge: Judge,
    rules: ReviewRules,
    *,
    asking: bool = False,
) -> Verdict:
    """Refuse it, or ask for changes; its seller reads the reason."""
    listing = judging.refuse_unjudged(listing_id, revision_hash, reason)
    _refuse_unless_may(listing, judge)
    kind = Verdict.Kind.ASK if asking else Verdict.Kind.REFUSE
    return _wait(listing, kind, judge, rules, revision_hash, reason)


@transaction.atomic
def suspend(listing_id: UUID, reason: str, judge: Judge) -> Verdict:
    """Stop it now, everywhere; nobody has to hold a listing for that.

    However it has changed since it was looked at: its seller could hold this off by changing it.
    """
    listing = hold(listing_id)
    _refuse_own(listing, judge)
    if listing.state == Listing.State.SUSPENDED:
        raise ListingRefused(Why.WRONG_STATE, f"{listing.path} is suspended already")
    before = listing.state
    listing = judging.suspend(listing_id, reason, by=judge.acting)
    # What waited would judge a listing that is no longer what was looked at.
    _end(
        listing.verdicts.filter(due_at__isnull=False),
        Verdict.Became.FAILED,
        "it was suspended meanwhile",
    )
    return Verdict.objects.create(
        listing=listing,
        kind=Verdict.Kind.SUSPEND,
        moderator_id=judge.user_id,
        reason=listing.reason,
        became=Verdict.Became.DONE,
        state_before=before,
        ended_at=timezone.now(),
    )


@transaction.atomic
def restore(listing_id: UUID, judge: Judge, rules: ReviewRules, seen_version: int) -> Verdict:
    """Lift a suspension that one has read; a newer one stays."""
    listing = _as_seen(listing_id, seen_version)
    _refuse_own(listing, judge)
    if listing.state != Listing.State.SUSPENDED:
        raise ListingRefused(Why.WRONG_STATE, f"{listing.path} is not suspended")
    return _wait(listing, Verdict.Kind.RESTORE, judge, rules)


@transaction.atomic
def undo(verdict_id: UUID, judge: Judge, rules: ReviewRules) -> Verdict:
    """Take back what one has just said."""
    verdict = Verdict.objects.select_related("listing").filter(
        pk=verdict_id, moderator_id=judge.user_id
    ).first()  # fmt: skip
    if verdict is None:
        raise ListingRefused(Why.NO_SUCH_LISTING, "you have said nothing like that")
    hold(verdict.listing_id)  # the listing first, as everybody holds them
    mine = Verdict.objects.filter(pk=verdict.pk)
    if verdict.kind == Verdict.Kind.SUSPEND:
        recent = timezone.now() - timedelta(seconds=rules.undo_seconds)
        undone = mine.filter(became=Verdict.Became.DONE, ended_at__gt=recent)
        if not _end(undone, Verdict.Became.UNDONE):
            raise _too_late()
        judging.unsuspend(verdict.listing_id, verdict.state_before, by=judge.acting)
    else:
        if not _end(mine.filter(due_at__gt=Now()), Verdict.Became.UNDONE):
            raise _too_late()
        if verdict.kind != Verdict.Kind.RESTORE:
            holds.take(verdict.listing_id, judge, rules.hold_seconds)
    verdict.refresh_from_db()
    return verdict


def carry_out_due(rules: ReviewRules) -> int:
    """Bring the verdicts into effect whose time has come; says how many."""
    due = Verdict.objects.filter(due_at__lte=Now()).order_by("due_at")
    return sum(carry_out(pk, rules) for pk in list(due.values_list("pk", flat=True)[:AT_ONCE]))


@transaction.atomic
def carry_out(verdict_id: UUID, rules: ReviewRules) -> bool:
    """Bring one verdict into effect, unless it was undone or another worker has done so."""
    due = Verdict.objects.filter(pk=verdict_id, due_at__lte=Now())
    listing_id = due.values_list("listing_id", flat=True).first()
    if listing_id is None:
        return False
    hold(listing_id)  # the listing first, as everybody holds them
    verdict = due.first()
    if verdict is None:
        return False
    try:
        with transaction.atomic():
            became, why = _done(verdict, rules), ""
    except ListingRefused as refused:
        became, why = Verdict.Became.FAILED, refused.message
    _end(Verdict.objects.filter(pk=verdict.pk), became, why)
    return True


def lately(judge: Judge) -> list[Verdict]:
    """What somebody said in the last minutes, the newest first, and what it came to."""
    mine = Verdict.objects.filter(moderator_id=judge.user_id, at__gt=timezone.now() - SHOWN_FOR)
    return list(mine.select_related("listing__seller").order_by("-at")[:5])


def can_undo(verdict: Verdict, rules: ReviewRules) -> bool:
    """Whether its ten seconds are not over."""
    now = timezone.now()
    if verdict.due_at is not None:
        return verdict.due_at > now
    if verdict.kind != Verdict.Kind.SUSPEND or verdict.became != Verdict.Became.DONE:
        return False
    assert verdict.ended_at is not None  # it took effect at once
    return now - verdict.ended_at < timedelta(seconds=rules.undo_seconds)


def _done(verdict: Verdict, rules: ReviewRules) -> Verdict.Became:
    """Do what was said; of two people who have to say yes, the first is only counted."""
    if verdict.moderator_id is not None and not may_judge(verdict.moderator_id):
        raise ListingRefused(Why.MAY_NOT, "whoever said it judges listings no more")
    by = SYSTEM if verdict.moderator_id is None else audit_log.user(verdict.moderator_id)
    listing_id, said = verdict.listing_id, bytes(verdict.revision_hash or b"")
    if verdict.kind == Verdict.Kind.APPROVE:
        listing = judging.refuse_unapprovable(listing_id, said, rules.cooldown_seconds)
        if not verdict.by_rules and yeses_missing(listing, rules, besides=verdict.moderator_id):
            subject = audited.subject(listing_id)
            audit_log.record(by, "listing.yes_counted", subject, after={"revision": said.hex()})
            return Verdict.Became.COUNTED
        approved = judging.approve(
            listing_id,
            said,
            grace_seconds=grace_of(listing, this_site()),
            cooldown_seconds=rules.cooldown_seconds,
            by=by,
        )
        tell_approved(approved)
    elif verdict.kind == Verdict.Kind.RESTORE:
        judging.restore(listing_id, by=by)
    else:
        asking = verdict.kind == Verdict.Kind.ASK
        listing = judging.refuse(listing_id, said, verdict.reason, asking=asking, by=by)
        subject = "Changes are asked for" if asking else "Refused"
        notify(
            listing.seller_id,
            f"{subject}: {listing.path}",
            listing.reason,
            f"/sell/listings/{listing.slug}/",
            mail_at=timezone.now(),
        )
    return Verdict.Became.DONE


def _wait(
    listing: Listing,
    kind: Verdict.Kind,
    judge: Judge,
    rules: ReviewRules,
    revision_hash: bytes | None = None,
    reason: str = "",
) -> Verdict:
    try:
        with transaction.atomic():
            verdict = Verdict.objects.create(
                listing=listing,
                kind=kind,
                revision_hash=revision_hash,
                moderator_id=judge.user_id,
                reason=reason,
                submitted_at=listing.submitted_at,
                due_at=timezone.now() + timedelta(seconds=rules.undo_seconds),
            )
    except IntegrityError:
        message = "something was decided about it a moment ago; wait until that is in effect"
        raise ListingRefused(Why.SAID_ALREADY, message) from None
    holds.let_go(listing.pk, judge)
    return verdict


def _refuse_unless_may(listing: Listing, judge: Judge) -> None:
    _refuse_own(listing, judge)
    holds.refuse_unheld(listing.pk, judge)


def _refuse_own(listing: Listing, judge: Judge) -> None:
    if judge.owns(listing):
        raise ListingRefused(Why.OWN, "nobody judges a listing of their own")


def _as_seen(listing_id: UUID, seen_version: int) -> Listing:
    """The listing, held, if it has neither been stopped nor gone on since it was looked at."""
    listing = hold(listing_id)
    if listing.shelf_version != seen_version:
        message = "it has changed since you opened this page; look again"
        raise ListingRefused(Why.CHANGED_MEANWHILE, message)
    return listing


def _too_late() -> ListingRefused:
    return ListingRefused(Why.TOO_LATE, "too late: it is in effect")


def _end(verdicts: QuerySet[Verdict], became: Verdict.Became, why: str = "") -> int:
    """The one move of a verdict, and only of one that fits the question."""
    ended = verdicts.update(became=became, why=why, due_at=None, ended_at=timezone.now())
    went_on()
    return ended
