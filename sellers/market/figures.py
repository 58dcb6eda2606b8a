"""The figures of every listing, made anew when a seller's sums change, and now and then besides.

A seller is looked at once a minute at most. Nothing here is on the way of a paid call: days come
from the sums that the worker keeps, and of single calls the newest thousand are read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from payments.models import EarningsVersion
from payments.not_charged import SELLERS_FAULTS
from payments.reports.trade import (
    MONTH_DAYS,
    Bought,
    Lately,
    Outside,
    Served,
    bought,
    lately,
    served,
)
from payments.reports.turnover import Days, Newest, Token, moved, newest
from sellers.grading.verified import last_verified
from sellers.market import trade
from sellers.market.quality import CALLS_OF_ONE_PAYER_A_DAY_MAX, SAMPLE_CALLS_MAX, Quality, score
from sellers.models import Health, Listing, Seller
from sellers.models.catalog import UNKNOWN_MS, CatalogEntry, CatalogFigures
from sellers.on_sale import shelving
from sellers.payouts.own_wallets import own_wallets
from sellers.site import canary_addresses

SELLERS_AT_ONCE: Final = 200
LISTINGS_AT_ONCE: Final = 500
AGAIN: Final = timedelta(hours=1)  # days pass and probes come in without a sale


def keep() -> int:
    """Enter what is not in the catalog yet, and make the figures that are due; says how many."""
    enrol()
    now = timezone.now()
    changed = sum(_make(seller_id, now)[1] for seller_id in _due(now))
    _tell(changed)
    return changed


def make_anew(seller_id: UUID) -> int:
    """Make one seller's figures, due or not; says how many listings have some."""
    found, changed = _make(seller_id, timezone.now())
    _tell(changed)
    return found


def _tell(changed: int) -> None:
    """Have the catalog read again, if there is anything new in it."""
    if changed:
        with connection.cursor() as cursor:
            cursor.execute(_RAISE)


def enrol(most: int = LISTINGS_AT_ONCE) -> int:
    """Enter listings that were for sale before there was a catalog."""
    live = Listing.objects.filter(state=Listing.State.LIVE, entry__isnull=True)
    ids = list(live.values_list("pk", flat=True)[:most])
    for listing_id in ids:
        shelving.enter_again(listing_id)
    return len(ids)


def _due(now: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"now": now, "most": SELLERS_AT_ONCE})
        return [row[0] for row in cursor.fetchall()]


def _make(seller_id: UUID, now: datetime) -> tuple[int, int]:
    """Make one seller's figures; says of how many listings, and how many have others now."""
    seller = Seller.objects.get(pk=seller_id)
    # Read first: what is sold meanwhile is found the next time.
    version = EarningsVersion.objects.filter(seller_id=seller_id).values_list("version", flat=True)
    seen = version.first() or 0
    outside = _outside(seller)
    sums = _Sums.of(seller_id, now.date(), outside)
    entries = list(CatalogEntry.objects.filter(seller_slug=seller.slug).order_by("pk"))
    verified = _verified(seller, [entry.listing_id for entry in entries])
    changed = sum(
        _look_at(entry, sums, verified.get(entry.listing_id), now, outside) for entry in entries
    )
    CatalogFigures.objects.update_or_create(
        seller=seller,
        defaults={"earnings_version": seen, "made_at": now, "due_at": now + AGAIN},
    )
    return len(entries), changed


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the worker's sums hold of the last thirty days, by listing."""

    sales: Mapping[UUID, Bought]
    ends: Mapping[UUID, Served]
    money: Mapping[UUID, Mapping[Token, Days]]

    @classmethod
    def of(cls, seller_id: UUID, today: date, outside: Outside) -> _Sums:
        return cls(
            bought(seller_id, today, outside),
            served(seller_id, today, outside),
            moved(seller_id, today, outside),
        )


def _look_at(
    entry: CatalogEntry, sums: _Sums, verified: datetime | None, now: datetime, outside: Outside
) -> bool:
    """Make one listing's figures; says whether they are others now."""
    key = entry.listing_id
    recent, paid = Lately(), Newest()
    if key in sums.sales or key in sums.ends:
        recent, paid = lately(key, now, outside), newest(key, now, outside)
    sales, ends = sums.sales.get(key, Bought()), sums.ends.get(key, Served())
    quality = replace(
        _quality(sales, ends, recent),
        last_called_at=_last_bought(entry.last_called_at, sales, paid, now),
        last_verified_at=verified,
    )
    is_other = trade.keep(key, trade.counted(sums.money.get(key, {}), paid))
    return _kept(entry, replace(quality, score=score(quality, now))) or is_other


def _verified(seller: Seller, listing_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """When each was last seen to work, or to pass every check that agents make."""
    well = Health.objects.filter(listing__seller=seller, well_at__isnull=False)
    seen = {key: at for key, at in well.values_list("listing_id", "well_at") if at is not None}
    for key, at in last_verified(listing_ids).items():
        seen[key] = max(at, seen.get(key, at))
    return seen


def _quality(sales: Bought, ends: Served, newest: Lately) -> Quality:
    return Quality(**{**asdict(sales), **asdict(ends), **asdict(newest)})


def _last_bought(
    before: datetime | None, sales: Bought, paid: Newest, now: datetime
) -> datetime | None:
    """The newest payment's time, or what was known before of one that is not read any more: as
    it is older than the sums, or stands behind a thousand calls that did not settle."""
    if paid.paid:
        return paid.paid[0].at
    # A day less, as money moves later than its call comes.
    is_read = before is not None and before > now - timedelta(days=MONTH_DAYS - 1)
    return None if is_read and not sales.payers_30d else before


def _kept(entry: CatalogEntry, quality: Quality) -> bool:
    """Write figures down where they are others; row by row, so that nobody waits for two."""
    figures = asdict(quality)
    if all(getattr(entry, name) == value for name, value in figures.items()):
        return False
    latency = UNKNOWN_MS if quality.p50_ms_7d is None else quality.p50_ms_7d
    CatalogEntry.objects.filter(pk=entry.pk).update(**figures, latency=latency)
    return True


def _outside(seller: Seller) -> Outside:
    return Outside(
        own=own_wallets(seller),
        apart=canary_addresses(),
        faults=SELLERS_FAULTS,
        calls_a_day_max=CALLS_OF_ONE_PAYER_A_DAY_MAX,
        sample_max=SAMPLE_CALLS_MAX,
    )


# Whose sums changed since, at most once a minute each; and everybody now and then.
_DUE: Final = """
    select s.id from sellers_seller s
      left join sellers_catalogfigures f on f.seller_id = s.id
      left join payments_earningsversion v on v.seller_id = s.id
     where exists (select 1 from sellers_catalogentry e where e.seller_slug = s.slug)
       and (f.seller_id is null or f.due_at <= %(now)s
            or (coalesce(v.version, 0) <> f.earnings_version
                and f.made_at <= %(now)s - interval '1 minute'))
     order by f.made_at nulls first limit %(most)s
"""
_RAISE: Final = """
    insert into sellers_figuresversion as figures (id, version) values (1, 1)
    on conflict (id) do update set version = figures.version + 1
"""
