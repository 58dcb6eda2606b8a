"""Thousands of listings like one that is for sale, each with a title and figures of its own."""

from __future__ import annotations

from django.db import connection

from sellers.models import Listing

LISTINGS = 20_000

# `n` is a listing's number; the words of a title are as common as they are in a real market.
CROWD = """
create temporary table crowd on commit drop as
select n, md5('l' || n)::uuid as id, md5('r' || n)::uuid as revision,
       md5('s' || n %% 1000)::uuid as seller, 'crowd-' || n %% 1000 as seller_slug,
       'service-' || n as slug,
       (array['City', 'Fast', 'Deep', 'Live', 'Open'])[1 + n %% 5] || ' '
       || (array['weather', 'forecast', 'prices', 'maps', 'search', 'news', 'tides', 'speech',
                 'images', 'flights'])[1 + (n / 5) %% 10] || ' uncommon' || n as title,
       (array['data', 'search', 'media', 'compute', 'travel'])[1 + n %% 5] as category,
       (1 + n %% 500) * 1000 as amount, now() - make_interval(mins => n) as at
  from generate_series(1, %(listings)s) n;
insert into sellers_seller (id, slug, name, created_at)
select distinct on (seller) seller, seller_slug, 'Crowd', now() from crowd;
insert into sellers_listing (
    id, seller_id, slug, state, reason, shelf_version, created_at, live_revision_id)
select id, seller, slug, 'live', '', 0, at, revision from crowd;
insert into sellers_revision (id, listing_id, number, terms, hash, created_at)
select c.revision, c.id, 1, m.terms || jsonb_build_object('title', title, 'category', category),
       sha256(c.slug::bytea), at
  from crowd c, sellers_revision m where m.id = %(model)s;
insert into payments_openoffer (
    id, listing_id, revision_hash, network, scheme, asset, pay_to, amount_atomic, opened_at)
select md5('o' || n)::uuid, c.id, sha256(c.slug::bytea), p.network, p.scheme, p.asset, p.pay_to,
       c.amount, at
  from crowd c, sellers_price p where p.revision_id = %(model)s;
insert into sellers_catalogentry (
    listing_id, sold, revision_id, path, seller_slug, title, names, description, seller_name,
    category, facets, cheapest, listed_at, changed_at, calls_24h, calls_7d, calls_30d, payers_30d,
    top_payer_share, self_paid, success_7d, score, latency)
select c.id, true, c.revision, c.seller_slug || '/' || slug, c.seller_slug, c.title,
       e.names || ' ' || slug, e.description, 'Crowd', c.category,
       e.facets || array['category:' || c.category, 'seller:' || c.seller_slug,
                         'tag:rare' || n %% 900],
       amount / 1e6, at, at, 0, n %% 50, n %% 700, n %% 40, 0.5, false, (n %% 100) / 100.0,
       (n * 7919) %% 1001, 20 + n %% 5000
  from crowd c, sellers_catalogentry e where e.revision_id = %(model)s;
insert into sellers_catalogtrade (listing_id, volume, latest) select id, '[]', '[]' from crowd;
-- Checked now: a search's limit of time lasts as long as the transaction that the test runs in.
set constraints all immediate;
set constraints all deferred;
analyze sellers_catalogentry, sellers_catalogtrade, sellers_listing, sellers_revision;
analyze payments_openoffer;
"""


def crowd(model: Listing, listings: int = LISTINGS) -> None:
    """So many listings in the manner of this one, itself among them."""
    values = {"listings": listings - 1, "model": model.live_revision_id}
    with connection.cursor() as cursor:
        for statement in CROWD.split(";\n"):
            if statement.strip():
                cursor.execute(statement, values)
