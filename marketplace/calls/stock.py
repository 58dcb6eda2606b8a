"""Where the shelf is filled from: one read of the database, made into something to sell."""

from __future__ import annotations

import logging
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final
from uuid import UUID

from marketplace.calls.forwarding import Upstream
from marketplace.calls.promises import is_good, rendered, requoted
from marketplace.calls.shelf import Absent, Place, Shelved
from payments.database.pool import Pool, rows
from payments.x402.headers import encode_json
from sellers import offers
from sellers.extensions.offer_receipt import SignedPrices
from sellers.price_rows import PRICES, PriceRow, StoredPrice
from sellers.schemas.validating import compile_input
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site
from sellers.terms import Terms
from sellers.upstreams.targets import fixed_names
from sellers.upstreams.upstream_limits import upstream_limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Row:
    """A listing with one of its revisions that can be paid for, if it has any."""

    version: int
    listing_id: UUID | None
    seller_id: UUID
    state: str
    is_live: bool | None
    revision_hash: bytes | None
    terms: Mapping[str, Any]
    prices: Sequence[StoredPrice]
    signed: Sequence[str] | None
    signed_until_unix: int | None
    good_until_unix: float | None
    sealed: Mapping[str, str] | None


class Stock:
    """Reads what a path sells, with the terms of the operator in force now."""

    def __init__(self, pool: Pool, site: Site) -> None:
        self._pool = pool
        self._site = site

    async def read(self, path: str) -> tuple[int, Place]:
        """Read what a path sells, and the shelf version it was read at."""
        seller, _, slug = path.partition("/")
        found = await rows(self._pool, _READ, {"seller": seller, "slug": slug})
        revisions = [_Row(*row) for row in found]
        listing = revisions[0]  # there is one row at least: the shelf version's
        if listing.state in ("paused", "suspended"):
            return listing.version, Absent.CLOSED
        if listing.state != "live":
            return listing.version, Absent.UNKNOWN
        try:
            shelved = [self._promised(path, row) for row in revisions if row.revision_hash]
        except SecretsUnavailable as unavailable:
            logger.error("%s is closed: %s", path, unavailable)
            return listing.version, Absent.CLOSED
        return listing.version, _in_order(shelved, revisions)

    def _promised(self, path: str, row: _Row) -> Shelved:
        """A revision with the site's signature in its quote, as far as there is a good one."""
        shelved = self._shelved(path, row)
        if row.signed is None or row.signed_until_unix is None:
            return shelved
        signed = SignedPrices(tuple(row.signed), row.signed_until_unix)
        return requoted(shelved, signed, self._site) if is_good(signed) else shelved

    def _shelved(self, path: str, row: _Row) -> Shelved:
        assert row.listing_id is not None
        assert row.revision_hash is not None
        terms = Terms.from_json(row.terms)
        return shelve(
            path,
            terms,
            map(PriceRow.of, row.prices),
            self._site,
            seller_id=row.seller_id,
            listing_id=row.listing_id,
            revision_hash=row.revision_hash,
            secret_headers=self._secrets(terms, row),
            good_until_unix=inf if row.good_until_unix is None else row.good_until_unix,
        )

    def _secrets(self, terms: Terms, row: _Row) -> dict[str, str]:
        assert row.listing_id is not None
        sealed = {name: b64decode(value) for name, value in (row.sealed or {}).items()}
        return opened(terms, sealed, row.listing_id, self._site)


def shelve(
    path: str,
    terms: Terms,
    prices: Iterable[offers.OpenPrice],
    site: Site,
    *,
    seller_id: UUID,
    listing_id: UUID,
    revision_hash: bytes,
    secret_headers: Mapping[str, str],
    good_until_unix: float,
    draft_of: UUID | None = None,
    only_for: frozenset[str] | None = None,
) -> Shelved:
    """Terms and what may be paid for them, made into something to sell."""
    url = offers.resource_url(site.call_base_url, path)
    quoted = offers.quote(terms, prices, site)
    challenge = offers.challenge(terms, quoted, url, site).challenge
    body, header = rendered(challenge)
    challenge_v1 = offers.challenge_v1(terms, quoted, url, site)
    return Shelved(
        path=path,
        seller_id=seller_id,
        listing_id=listing_id,
        revision_hash=revision_hash,
        terms=terms,
        url=url,
        offers=quoted,
        challenge=challenge,
        challenge_body=body,
        challenge_header=header,
        challenge_v1=challenge_v1,
        challenge_v1_body=encode_json(challenge_v1.to_wire()),
        upstream=_upstream(terms, site, secret_headers),
        validator=compile_input(terms.input_schema, fixed_names(terms.upstream_url)),
        good_until_unix=good_until_unix,
        draft_of=draft_of,
        only_for=only_for,
    )


def opened(
    terms: Terms, sealed: Mapping[str, bytes], listing_id: UUID, site: Site
) -> dict[str, str]:
    """The values of the secret headers; without one of them there is nothing to sell."""
    if not terms.secret_headers:
        return {}
    missing = [name for name in terms.secret_headers if name not in sealed]
    if missing:
        raise SecretsUnavailable(f"header {missing[0]} has no value")
    wanted = {name: sealed[name] for name in terms.secret_headers}
    return Vault(site.secrets_keys).open_all(listing_id, wanted)


def _upstream(terms: Terms, site: Site, secret_headers: Mapping[str, str]) -> Upstream:
    limits = upstream_limits(terms, site)
    return Upstream(
        url_template=terms.upstream_url,
        method=terms.method,
        secret_headers=secret_headers,
        forward_headers=frozenset(terms.forward_headers),
        connect_seconds=limits.connect_seconds,
        first_byte_seconds=limits.first_byte_seconds,
        total_seconds=limits.total_seconds,
        answer_bytes_max=limits.body_bytes_max,
    )


def _in_order(shelved: Sequence[Shelved], rows: Sequence[_Row]) -> Place:
    """The live revision, with the older ones whose price is still good beside it."""
    live = [one for one, row in zip(shelved, rows, strict=True) if row.is_live and one.offers]
    if not live:  # approved, but on no network that this site still settles
        return Absent.CLOSED
    return replace(live[0], earlier=tuple(one for one in shelved if one is not live[0]))


# By unique keys from path to listing, then by the listing's few open offers to their revisions.
# A revision that came back within its own grace has every price twice: the one open longer counts.
_READ: Final = f"""
    select v.version, l.id, l.seller_id, l.state, r.id = l.live_revision_id, r.hash, r.terms,
           o.prices, d.jws, d.valid_until_unix, o.good_until_unix,
           (select jsonb_object_agg(u.name, translate(encode(u.sealed, 'base64'), E'\\n', ''))
              from sellers_upstreamsecret u where u.listing_id = l.id)
      from (select coalesce(max(version), 0) as version from sellers_shelfversion) v
      left join sellers_seller s on s.slug = %(seller)s
      left join sellers_listing l on l.seller_id = s.id and l.slug = %(slug)s
      left join lateral (
            select p.revision_hash,
                   {PRICES} prices,
                   case when bool_and(p.closed_at is not null)
                        then extract(epoch from max(p.closed_at))::float8 end good_until_unix
              from (select distinct on (revision_hash, network, scheme, asset, pay_to,
                                        amount_atomic) *
                      from payments_openoffer
                     where listing_id = l.id
                       and (closed_at is null or closed_at > clock_timestamp())
                     order by revision_hash, network, scheme, asset, pay_to, amount_atomic,
                              closed_at desc nulls first) p
             group by p.revision_hash) o on true
      left join sellers_revision r on r.listing_id = l.id and r.hash = o.revision_hash
      left join sellers_signedoffers d on d.revision_id = r.id
     order by r.number desc
"""  # noqa: S608 - composed of our own constants only
