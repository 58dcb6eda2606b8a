"""Drafts that their own sellers try out: read anew for every request, so that each ends at once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from marketplace.calls.shelf import Absent, Place, Stock
from marketplace.calls.stock import opened, shelve
from payments.database.pool import Pool, rows
from sellers.offers import PREVIEWS
from sellers.previews import token_hash
from sellers.price_rows import PRICES, PriceRow, StoredPrice
from sellers.secrets import SecretsUnavailable
from sellers.site import Site
from sellers.terms import Terms

logger = logging.getLogger(__name__)

TEST_CALL: Final = "test call"
# Below every version of the shelf: what was read so is looked up again for each request.
NEVER_KEPT: Final = -1


@dataclass(frozen=True, slots=True)
class _Row:
    """A preview that has not ended, with what may be paid for it."""

    id: UUID
    seller_id: UUID
    listing_id: UUID
    revision_hash: bytes
    terms: Mapping[str, Any]
    sealed: Mapping[str, str]
    payers: Sequence[str]
    ends_unix: float
    prices: Sequence[StoredPrice] | None


class StockAndPreviews:
    """What is sold, and beside it what stands behind private addresses."""

    def __init__(self, stock: Stock, pool: Pool, site: Site) -> None:
        self._stock = stock
        self._pool = pool
        self._site = site

    async def read(self, path: str) -> tuple[int, Place]:
        """Read what a path sells or tries out, and how long that may be kept."""
        if path.startswith(PREVIEWS):
            return NEVER_KEPT, await self._preview(path)
        return await self._stock.read(path)

    async def _preview(self, path: str) -> Place:
        token = path.removeprefix(PREVIEWS)
        found = await rows(self._pool, _READ, {"token_hash": token_hash(token)})
        if not found:
            return Absent.UNKNOWN
        row = _Row(*found[0])
        terms = Terms.from_json(row.terms)
        sealed = {name: value.encode() for name, value in row.sealed.items()}
        try:
            # Nobody can pay for what the checklist looks at, so nothing is ever forwarded.
            secrets = opened(terms, sealed, row.listing_id, self._site) if row.payers else {}
        except SecretsUnavailable as unavailable:
            logger.error("the preview %s is closed: %s", row.id, unavailable)
            return Absent.CLOSED
        shelved = shelve(
            path,
            replace(terms, title=f"{terms.title} ({TEST_CALL})"),
            _prices(row, terms),
            self._site,
            seller_id=row.seller_id,
            listing_id=row.id,  # of its own, so that no figure of the listing counts it
            revision_hash=row.revision_hash,
            secret_headers=secrets,
            good_until_unix=row.ends_unix,
            draft_of=row.listing_id,
            only_for=frozenset(row.payers),
        )
        return shelved if shelved.offers else Absent.CLOSED


def _prices(row: _Row, terms: Terms) -> list[PriceRow]:
    """The open offers, or what the checklist only looks at."""
    if not row.payers:
        return [PriceRow.as_if_open(price) for price in terms.prices]
    return [PriceRow.of(each) for each in row.prices or ()]


_READ: Final = f"""
    select p.id, p.seller_id, p.listing_id, p.revision_hash, p.terms, p.sealed, p.payers,
           extract(epoch from p.expires_at)::float8, o.prices
      from sellers_preview p
      left join lateral (
            select {PRICES} prices
              from payments_openoffer o
             where o.listing_id = p.id
               and (o.closed_at is null or o.closed_at > clock_timestamp())) o on true
     where p.token_hash = %(token_hash)s
       and p.closed_at is null and p.expires_at > clock_timestamp()
"""  # noqa: S608 - composed of our own constants only
