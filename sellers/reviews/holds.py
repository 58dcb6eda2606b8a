"""Who looks at which listing: one moderator at a time, for a while, by a row that runs out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from payments import audit_log
from sellers.models import Hold, Listing, Price, Verdict
from sellers.refusals import ListingRefused, Why

TRIES = 3  # somebody took what we saw free, in the very moment: look again
WAITING = (Listing.State.IN_REVIEW, Listing.State.LIVE, Listing.State.PAUSED)

_TAKE = """
    insert into sellers_hold as h (listing_id, moderator_id, until)
    values (%(listing)s, %(who)s, now() + make_interval(secs => %(seconds)s))
    on conflict (listing_id) do update
       set moderator_id = excluded.moderator_id, until = excluded.until
     where h.until <= now() or h.moderator_id = excluded.moderator_id
"""
# Two who ask at once get two listings: a row that the other one is taking is stepped over.
_TAKE_NEXT = """
    with free as (
        select l.id
          from sellers_listing l
          join sellers_seller s on s.id = l.seller_id
         where l.submitted_at is not null and l.state = any(%(waiting)s)
           and (%(after)s::uuid is null or (l.submitted_at, l.id) > (
                select this.submitted_at, this.id from sellers_listing this
                 where this.id = %(after)s))
           and s.owner_id is distinct from %(who)s
           and not exists (select from sellers_price p
                            where p.revision_id = l.proposed_revision_id
                              and lower(p.pay_to) = any(%(wallets)s))
           and not exists (select from sellers_hold h
                            where h.listing_id = l.id and h.until > now()
                              and h.moderator_id <> %(who)s)
           and not exists (select from sellers_verdict v
                            where v.listing_id = l.id and v.due_at is not null)
           and not exists (select from sellers_verdict v
                            where v.listing_id = l.id and v.became = 'counted'
                              and v.moderator_id = %(who)s and v.at >= l.submitted_at)
         order by l.submitted_at, l.id
         limit 1
           for update of l skip locked)
    insert into sellers_hold as h (listing_id, moderator_id, until)
    select id, %(who)s, now() + make_interval(secs => %(seconds)s) from free
    on conflict (listing_id) do update
       set moderator_id = excluded.moderator_id, until = excluded.until
     where h.until <= now() or h.moderator_id = excluded.moderator_id
    returning listing_id
"""


@dataclass(frozen=True, slots=True)
class Judge:
    """Somebody who judges, and the wallets they sign in with."""

    user_id: int
    wallets: frozenset[str]

    @property
    def acting(self) -> str:
        """How the audit log names them."""
        return audit_log.user(self.user_id)

    def owns(self, listing: Listing) -> bool:
        """Whether it is theirs: they sell it, or they are paid for it."""
        if listing.seller.owner_id == self.user_id:
            return True
        mine = {wallet.lower() for wallet in self.wallets}
        revisions = (listing.live_revision, listing.proposed_revision)
        paid = {p["pay_to"].lower() for each in revisions if each for p in each.terms["prices"]}
        return not mine.isdisjoint(paid)


def waiting() -> QuerySet[Listing]:
    """What waits for a verdict, the oldest first."""
    return (
        Listing.objects.filter(submitted_at__isnull=False, state__in=WAITING)
        .select_related("seller", "live_revision", "proposed_revision")
        .order_by("submitted_at", "pk")
    )


def owned_by(judge: Judge) -> QuerySet[Listing]:
    """What this judge sells or is paid for: nobody judges that themselves."""
    mine = {wallet.lower() for wallet in judge.wallets}
    paid = Price.objects.annotate(wallet=Lower("pay_to")).filter(wallet__in=mine)
    revisions = paid.values("revision")
    return Listing.objects.filter(
        Q(seller__owner=judge.user_id)
        | Q(live_revision__in=revisions)
        | Q(proposed_revision__in=revisions)
    )


def waiting_for(judge: Judge) -> QuerySet[Listing]:
    """What waits for a verdict that this judge may give, and has not given yet."""
    said = Verdict.objects.filter(listing=OuterRef("pk"))
    counted = said.filter(
        became=Verdict.Became.COUNTED, moderator=judge.user_id, at__gte=OuterRef("submitted_at")
    )
    decided = said.filter(due_at__isnull=False)
    free = waiting().exclude(pk__in=owned_by(judge).values("pk"))
    return free.exclude(Exists(counted)).exclude(Exists(decided))


def take(listing_id: UUID, judge: Judge, seconds: int) -> None:
    """Hold a listing, or hold it longer; refused while somebody else has it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"listing": listing_id, "who": judge.user_id, "seconds": seconds})
        if cursor.rowcount:
            return
    held = of([listing_id]).get(listing_id)
    until = f" until {held.until:%H:%M} UTC" if held else ""
    raise ListingRefused(Why.HELD, f"somebody else looks at it{until}")


def take_next(judge: Judge, seconds: int, after: UUID | None = None) -> UUID | None:
    """Hold the oldest listing that waits and is free, or the first such one after another."""
    asked: dict[str, Any] = {
        "who": judge.user_id,
        "wallets": [wallet.lower() for wallet in judge.wallets],
        "waiting": [state.value for state in WAITING],
        "after": after,
        "seconds": seconds,
    }
    for _ in range(TRIES):
        with connection.cursor() as cursor:
            cursor.execute(_TAKE_NEXT, asked)
            if row := cursor.fetchone():
                return UUID(str(row[0]))
    return None


def let_go(listing_id: UUID, judge: Judge) -> None:
    """Leave a listing to the others."""
    Hold.objects.filter(listing_id=listing_id, moderator_id=judge.user_id).delete()


def of(listing_ids: Collection[UUID]) -> dict[UUID, Hold]:
    """Who holds which of these now."""
    held = Hold.objects.filter(listing_id__in=listing_ids, until__gt=timezone.now())
    return {hold.listing_id: hold for hold in held.select_related("moderator")}


def until(listing_id: UUID, judge: Judge) -> datetime | None:
    """Until when somebody holds a listing; None when they do not."""
    held = of([listing_id]).get(listing_id)
    return held.until if held and held.moderator_id == judge.user_id else None


def refuse_unheld(listing_id: UUID, judge: Judge) -> None:
    """Refuse a verdict of somebody who does not hold what they judge."""
    held = of([listing_id]).get(listing_id)
    if held is None:
        raise ListingRefused(Why.HELD, "you hold it no longer; take it once more, then judge it")
    if held.moderator_id != judge.user_id:
        raise ListingRefused(Why.HELD, f"somebody else looks at it until {held.until:%H:%M} UTC")
