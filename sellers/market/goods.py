"""What is for sale, as everybody reads it: a listing's live terms and what it costs right now.

Prices come from the offers that are open in the same snapshot as the revision they belong to, by
the function that the door quotes with. So no page and no document can name another price.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection

from payments.acceptance.promise import Offer
from sellers import offers
from sellers.domains.proven import ProvenDomain
from sellers.market.quality import Quality
from sellers.models.catalog import CatalogEntry
from sellers.price_rows import PRICES, PriceRow
from sellers.site import Site, settings_mark, this_site
from sellers.terms import Terms

BEST_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Good:
    """One listing as a buyer sees it now."""

    listing_id: UUID
    path: str  # "seller/slug"
    seller_slug: str
    seller_name: str
    revision: int
    revision_hash: bytes
    terms: Terms
    offers: tuple[Offer, ...]  # cheapest first, never empty
    url: str
    changed_at: datetime  # when the live revision or its prices last changed
    quality: Quality
    category: str  # "" or one of sellers.categories.CATEGORIES
    domain: ProvenDomain | None = None  # the seller's


@dataclass(frozen=True, slots=True)
class Hit:
    """A good that was looked for, with the key it was sorted by; None when it just left."""

    listing_id: UUID
    key: Any
    good: Good | None


def one(path: str) -> Good | None:
    """What this path sells now, if it sells anything."""
    found = read("select listing_id, 0 as key from entry where path = %(path)s", {"path": path})
    return next(iter(_goods(found)), None)


def on_sale(paths: Collection[str]) -> frozenset[str]:
    """Those of these paths that sell something now."""
    sold = CatalogEntry.objects.filter(path__in=set(paths), sold=True)
    return frozenset(sold.values_list("path", flat=True))


def best(limit: int) -> tuple[Good, ...]:
    """The best by rank, for documents of the whole site."""
    hits = "select listing_id, -score as key from entry order by score desc, listing_id desc"
    return _goods(read(f"{hits} limit %(most)s", {"most": min(limit, BEST_MAX)}))


def of_seller(slug: str) -> tuple[Good, ...]:
    """Everything one seller sells, in the order of its names."""
    hits = "select listing_id, path as key from entry where seller_slug = %(seller)s"
    return _goods(read(hits, {"seller": slug}))


def version() -> int:
    """The number that every change of what is for sale raises."""
    return _versions()[0]


def edition() -> str:
    """A word for all that goods say now: another one after every change, also of figures.

    It begins with the version, and a point.
    """
    shelf, figures = _versions()
    return f"{shelf}.{figures}.{settings_mark()}"


def _versions() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_VERSIONS)
        row = cursor.fetchone()
    return int(row[0]), int(row[1])


def read(hits: str, values: Mapping[str, Any], site: Site | None = None) -> list[Hit]:
    """The goods that a query finds among the entries; it names `listing_id` and a `key`.

    Lower keys come first; what is equal comes in the order of the listings' ids.
    """
    site = site or this_site()
    with connection.cursor() as cursor:
        cursor.execute(_READ.replace("{hits}", hits), dict(values))
        return [Hit(row[0], row[1], _good(row, site)) for row in cursor.fetchall()]


def _goods(hits: Sequence[Hit]) -> tuple[Good, ...]:
    return tuple(hit.good for hit in hits if hit.good is not None)


def _good(row: Sequence[Any], site: Site) -> Good | None:
    (listing_id, _, path, seller_slug, seller_name, revision, revision_hash, stored, prices,
     changed_at, category, domain, verified_at, *figures) = row  # fmt: skip
    if stored is None or prices is None:
        return None
    terms = Terms.from_json(orjson.loads(stored))
    quoted = offers.quote(terms, map(PriceRow.of, orjson.loads(prices)), site)
    if not quoted:  # on no network that this site still settles: the door is closed as well
        return None
    return Good(
        listing_id=listing_id,
        path=path,
        seller_slug=seller_slug,
        seller_name=seller_name,
        revision=revision,
        revision_hash=bytes(revision_hash),
        terms=terms,
        offers=quoted,
        url=offers.resource_url(site.call_base_url, path),
        changed_at=changed_at,
        quality=Quality(*figures),
        category=category,
        domain=ProvenDomain(domain, verified_at) if verified_at else None,
    )


_VERSIONS: Final = """
    select coalesce((select version from sellers_shelfversion), 0),
           coalesce((select version from sellers_figuresversion), 0)
"""
# The figures stand in the order of Quality's fields. What was found is looked up by keys only.
_READ: Final = f"""
    with entry as not materialized (select * from sellers_catalogentry where sold),
         hit as materialized ({{hits}})
    select hit.listing_id, hit.key, e.path, e.seller_slug, e.seller_name, r.number, r.hash,
           r.terms::text, o.prices, e.changed_at, e.category, d.name, d.verified_at,
           e.calls_24h, e.calls_7d, e.calls_30d, e.calls_by_day,
           e.payers_24h, e.payers_7d, e.payers_30d, e.top_payer_share, e.self_paid,
           e.success_24h, e.success_7d, e.success_30d, e.p50_ms_24h, e.p50_ms_7d, e.p50_ms_30d,
           e.last_called_at, e.last_verified_at, e.score
      from hit
      join sellers_catalogentry e on e.listing_id = hit.listing_id
      left join sellers_listing l on l.id = hit.listing_id and l.state = 'live'
      left join sellers_revision r on r.id = l.live_revision_id
      left join sellers_domain d on d.seller_id = l.seller_id and d.verified_at is not null
      left join lateral (
            select {PRICES}::text prices
              from payments_openoffer p
             where p.listing_id = l.id and p.revision_hash = r.hash and p.closed_at is null
           ) o on true
     order by hit.key, hit.listing_id
"""  # noqa: S608 - composed of our own constants only
