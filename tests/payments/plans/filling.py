"""Twenty thousand payments as a marketplace has them after a busy day.

One robot makes a third of them, always the same request; most are final, some are under way,
the newest transactions are mined and not yet final, as behind a chain's finality of minutes.
"""

from __future__ import annotations

import psycopg

from marketplace.embedded.demo_accounts import RELAYER

RELAYER_ADDRESS = RELAYER.address
PAYMENTS = 20_000
LISTINGS = 1_000
ROBOT = "0x" + "ab" * 20
SAME_REQUEST = b"\x05" * 32
# The head and the beginning of a receipt that says "final"; its signature is nobody's.
SHAPED = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsiLCJ0eXAiOiJzb3VrLXJlY2VpcHQifQ.eyJzdGF0dXMiOiJmaW5hbCJ9."

# n is a payment's age: 1 is the newest. Ten ride on each transaction number.
FILL = f"""
create temporary table told as
select n, (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
           || substr(md5('x' || n), 1, 3) || '8' || substr(md5('y' || n), 1, 15))::uuid as id, at,
       case when n % 3 = 0 then '{ROBOT}'
            else '0x' || substr(md5('p' || n % 400) || md5('q' || n % 400), 1, 40) end as payer,
       ({PAYMENTS} - n) / 10 as number,
       case when n <= 60 then 'open' when n % 50 = 0 then 'void' else 'answered' end as work,
       case when n <= 60 then 'none' when n % 50 = 0 then case when n < 600 then 'none' else
            'failed' end
            when n <= 160 then 'none' when n <= 400 then 'broadcast' when n <= 600 then 'settled'
            else 'confirmed' end as money,
       n > 3000 as closed
  from generate_series(1, {PAYMENTS}) n,
       lateral (select clock_timestamp() - make_interval(secs => n) as at) time;

insert into payments_relayer (network, address, next_nonce, stopped_why)
values (%(network)s, %(relayer)s, {PAYMENTS // 10}, '');

insert into payments_payment (
    id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
    valid_after, valid_before, signature, payer_has_code, claimed_block, protocol_version,
    fingerprint, revision_hash, method, url, body_hash, identifier_hash, seller_id, listing_id,
    listing_path, title, release, answer_keep_days, caps)
select told.id, decode(md5('i' || n), 'hex'), at, %(network)s, 'exact', %(asset)s, payer,
       %(pay_to)s, 2000, sha256(('n' || n)::bytea), 0, 2147483648,
       case when closed then null else decode(repeat('11', 65), 'hex') end, n % 20 = 3, 100, 2,
       case when n % 3 = 0 then '\\x{SAME_REQUEST.hex()}'::bytea else sha256(('f' || n)::bytea) end,
       sha256('r'), 'GET', 'https://souk.example/call/tests/x?n=' || n, sha256('b'),
       sha256(('identifier' || n)::bytea), %(seller)s, l.id, 'tests/x', 'Weather', 'hold', 7,
       jsonb_build_array('payer:' || payer, 'listing:' || l.id, 'site:' || n % 8)
  from told join (select id, row_number() over (order by slug) - 1 as k from sellers_listing) l
       on l.k = n % {LISTINGS // 20};

insert into payments_progress (
    payment_id, network, work, money, version, attempt, definite_failures, lease_until,
    next_check_at, abandoned_at, collected_at, identifier_misses, alone, relayer_id,
    relayer_nonce, transaction, block_number, block_hash, closed_at, sought, put_off)
select id, %(network)s, work, money, 5, 1, 0,
       -- Held or lost long since: which, does not change while the day goes on.
       case when work = 'open' then clock_timestamp()
            + make_interval(secs => case when n <= 24 then 600 else -n end) end,
       case when work = 'open' or closed then null
            else clock_timestamp() + make_interval(secs => 30 - n %% 60) end,
       case when n %% 97 = 0 then at end,
       case when work = 'answered' and money in ('settled', 'confirmed') and n %% 97 <> 0
            then at + interval '1 second' end,
       0, n %% 200 = 3,
       case when money in ('broadcast', 'settled', 'confirmed') then (select id from
            payments_relayer) end,
       case when money in ('broadcast', 'settled', 'confirmed') then number end,
       case when money in ('settled', 'confirmed') then sha256(('t' || number)::bytea) end,
       case when money in ('settled', 'confirmed') then 1000 + number end,
       case when money in ('settled', 'confirmed') then sha256(('h' || number)::bytea) end,
       case when closed then at + interval '20 minutes' end,
       substring(sha256(convert_to(payer, 'UTF8') || fingerprint) for 16),
       work = 'answered' and money = 'none' and n % 2 = 0
  from told join (select id, fingerprint from payments_payment) p using (id);

insert into payments_step (payment_id, version, at, work, money, why, detail)
select id, v, at + make_interval(secs => v), work, money, 'moved', '{{}}'
  from told, generate_series(1, 5) v;

insert into payments_answer (
    payment_id, stored_at, keep_until, status, headers, content_type, body_bytes, body_hash,
    upstream_ms)
select id, at, (now() at time zone 'utc')::date + 8, 200, '[]', 'application/json', 200,
       sha256('x'), 12 from told where work = 'answered';
insert into payments_answerbody (payment_id, keep_until, body)
select payment_id, keep_until, decode(repeat('20', 200), 'hex') from payments_answer;
insert into payments_streampart (
    payment_id, keep_until, attempt, number, content_type, content_encoding, body)
select id, (at at time zone 'utc')::date + 8, 1, m,
       -- Long, so that also of a day that has barely begun few rows fill many pages.
       'text/event-stream; of=' || repeat('x', 300), '',
       decode(repeat('20', 60000), 'hex')
  from told, generate_series(0, 4) m where work = 'void';

insert into payments_transfer (
    id, payment_id, debit, credit, network, asset, amount_atomic, phase, version, at, transaction)
select gen_random_uuid(), id, 'buyer:' || payer, 'seller:x', %(network)s, %(asset)s, 2000, phase,
       v, at, null
  from told, (values ('pending', 2), ('post', 5)) as lines(phase, v)
 where work = 'answered' and (phase = 'pending' or money = 'confirmed');

insert into payments_receipt (payment_id, version, issued_at, jws)
select id, 5, at, '{SHAPED}' || repeat('j', 1400) from told where money = 'confirmed';

insert into payments_broadcast (
    id, relayer_id, nonce, variant, kind, transaction, raw, gas_limit, max_fee_wei,
    priority_fee_wei, created_at, sent_at, mined_block, mined_hash, gas_cost_wei, final_at)
select gen_random_uuid(), (select id from payments_relayer), b, 0, 'batch',
       sha256(('t' || b)::bytea), decode(repeat('02', 4000), 'hex'), 1000000, 100, 100, min(at),
       min(at), case when min(n) > 400 then 1000 + b end,
       case when min(n) > 400 then sha256(('h' || b)::bytea) end,
       case when min(n) > 400 then 1000 end,
       case when bool_and(closed) then max(at) + interval '20 minutes' end
  from (select *, number as b from told where n > 160) t group by b;

insert into payments_cap (key, used_atomic, used_at)
select 'payer:' || payer, 1000000, now() from told group by payer
union all select 'listing:' || id, 1000000, now() from sellers_listing
union all select 'site:' || s, 1000000, now() from generate_series(0, 7) s
union all select 'payer:' || md5(n::text), 0, now() - make_interval(hours => n % 48)
            from generate_series(1, 5000) n;

insert into payments_challengecount (listing_id, minute, challenges)
select l.id, date_trunc('minute', now()) - make_interval(mins => m), 3
  from (select id from sellers_listing order by slug limit 50) l, generate_series(0, 399) m;
insert into payments_gasuse (network, seller_id, day, gas_wei, payments)
select %(network)s, gen_random_uuid(), (now() at time zone 'utc')::date - d, 1000, 10
  from generate_series(0, 99) d, generate_series(1, 50);
insert into payments_failedsend (payment_id, payer, at)
select id, payer, now() - make_interval(secs => 40 * n) from told where n <= 3000;
insert into payments_usednonce (nonce, expires_at)
select sha256(('u' || n)::bytea), now() - make_interval(secs => n) from generate_series(1, 5000) n;
insert into payments_chainhealth (
    network, head_number, head_hash, head_time, seen_at, refusing_why)
values (%(network)s, 3000, sha256('h'), now(), now(), '');

insert into sellers_seller (id, slug, name, created_at) values (%(seller)s, 'told', 'Told', now());
insert into sellers_webhook (id, seller_id, url, events, sealed, created_at, asks_since,
    disabled_why, disabled_at, before_until, sealed_before)
select gen_random_uuid(), case when n <= 2 then %(seller)s else (
           select seller_id from sellers_listing limit 1) end,
       'https://told.example/' || n, '["payment.paid", "payment.final"]', '', '2020-01-01',
       '2020-01-01', '',
       case when n % 5 = 0 then now() end, case when n = 3 then now() end,
       case when n = 3 then ''::bytea end
  from generate_series(1, 250) n;
insert into sellers_delivery (id, webhook_id, event_id, event, subject, body, created_at, state,
    next_attempt_at, retry_until, claims, tries, attempts, done_at)
select gen_random_uuid(), w.id, 'e' || n, 'payment.paid', 'x', '{{}}', now(),
       case when n > 37 then 'waiting' else 'delivered' end,
       case when n > 37 then now() + make_interval(hours => n - 39) end, now(), 0, 0, '[]',
       case when n <= 37 then now() - make_interval(days => n) end
  from sellers_webhook w, generate_series(1, 40) n;
insert into sellers_health (listing_id, way, url, next_probe_at, failures, drift)
select id, 'calls', '', now() + make_interval(secs => row_number() over (order by id) - 50), 0, ''
  from sellers_listing where state = 'live' order by id offset 30;
insert into sellers_proberesult (id, listing_id, at, way, ok, why, drift)
select gen_random_uuid(), l.id, now() - make_interval(hours => n * 30), 'calls', true, '', ''
  from sellers_listing l, generate_series(1, 25) n;
insert into sellers_apikey (id, seller_id, name, prefix, hash, scopes, created_at)
select gen_random_uuid(), %(seller)s, 'x', 'souk_', sha256(('k' || n)::bytea), '[]', now()
  from generate_series(1, 2500) n;
insert into sellers_worksheet (id, seller_id, listing_id, of_listing, typed, sealed, sealed_for,
    stamps, version, created_at, changed_at)
select id, %(seller)s, id, false, '{{}}', '{{}}', '', '{{}}', 1, now(), now() from sellers_listing;
insert into sellers_look (id, worksheet_id, state, asked, steps, due_at, created_at)
select gen_random_uuid(), id, 'running', '{{}}', '[]', now(), now() - make_interval(hours => n)
  from sellers_worksheet, generate_series(1, 5) n;
insert into sellers_preview (id, seller_id, listing_id, token_hash, terms, revision_hash, sealed,
    payers, created_at, expires_at)
select id, seller_id, listing_id, sha256(id::text::bytea), '{{}}', '', '{{}}', '["0x"]', now(),
       now() + make_interval(hours => 1) from sellers_worksheet;
insert into sellers_fetch (id, seller_id, url, base_url, state, text, why, due_at, created_at)
select gen_random_uuid(), %(seller)s, '', '', 'waiting', '', '', now(), now()
  from generate_series(1, 2500) n;
insert into payments_buyerslook (id, seller_id, asked, asked_at, made_at)
select gen_random_uuid(), case when n <= 50 then %(seller)s::uuid else gen_random_uuid() end,
       jsonb_build_object('n', n), now(), now() from generate_series(1, 2500) n;
insert into sellers_domain (seller_id, name, token, named_at, failures, trouble, fix)
values (%(seller)s, 'told.example', '', now(), 0, '', '');
insert into auth_user (id, username, password, first_name, last_name, email, is_superuser,
    is_staff, is_active, date_joined)
select n, 'judge-' || n, '', '', '', '', false, false, true, now() from generate_series(1, 20) n;
insert into sellers_verdict (id, listing_id, kind, moderator_id, by_rules, reason, at, became, why,
    state_before, ended_at)
select gen_random_uuid(), l.id, 'suspend', 1 + n %% 20, false, '',
       now() - make_interval(hours => n), 'done', '', 'live', now()
  from generate_series(1, 2500) n, (select id from sellers_listing limit 1) l;
insert into sellers_notice (id, seller_id, at, subject, text, href)
select gen_random_uuid(), %(seller)s, now() - make_interval(hours => n), 'x', 'y', ''
  from generate_series(1, 2500) n;
"""

# One listing was published by the program; the others are its copies.
MORE_LISTINGS = f"""
insert into sellers_listing (
    id, seller_id, slug, state, live_revision_id, submitted_at, reason, shelf_version, created_at)
select gen_random_uuid(), seller_id, 'more-' || n, 'draft', null, null, '', n, now()
  from sellers_listing, generate_series(1, {LISTINGS - 1}) n where slug = 'x';
insert into sellers_revision (id, listing_id, number, terms, hash, created_at)
select gen_random_uuid(), l.id, 1, r.terms, sha256(l.slug::bytea), now()
  from sellers_listing l, sellers_revision r where l.slug <> 'x';
insert into sellers_price (id, revision_id, network, scheme, asset, amount_atomic, pay_to)
select gen_random_uuid(), r.id, p.network, p.scheme, p.asset, p.amount_atomic, p.pay_to
  from sellers_revision r, sellers_price p
 where not exists (select from sellers_price x where x.revision_id = r.id);
update sellers_listing l set live_revision_id = r.id, state = 'live'
  from sellers_revision r where r.listing_id = l.id and l.slug <> 'x';
insert into payments_openoffer (
    id, listing_id, revision_hash, network, scheme, asset, pay_to, amount_atomic, opened_at,
    closed_at)
select gen_random_uuid(), r.listing_id, r.hash, p.network, p.scheme, p.asset, p.pay_to,
       p.amount_atomic, now(), case when k > 1 then now() - make_interval(days => k) end
  from sellers_revision r join sellers_price p on p.revision_id = r.id, generate_series(1, 5) k
 where r.hash <> (select hash from sellers_revision r join sellers_listing l on l.id = r.listing_id
                   where l.slug = 'x');
insert into sellers_signedoffers (revision_id, jws, valid_until_unix, signed_at)
select id, '["a.b.c"]', 0, now() - make_interval(secs => 5 * row_number() over ())
  from sellers_revision;
update sellers_shelfversion set version = {LISTINGS + 5};
"""

# The sums of sellers that nobody asks for.
OTHERS_EARNINGS = """
with other as (select gen_random_uuid() as seller, n from generate_series(1, 100) n),
days as (
    insert into payments_earningsday (seller_id, day, listing_id, network, asset, work, money,
                                      cause, payments, amount_atomic)
    select seller, now()::date - d, gen_random_uuid(), 'n', 'a', 'answered', 'confirmed', '', 1, 1
      from other, generate_series(1, 100) d
)
insert into payments_buyerday (seller_id, day, payer, listing_id, network, asset, payments,
                               amount_atomic)
select seller, now()::date - d, 'p' || d, gen_random_uuid(), 'n', 'a', 1, 1
  from other, generate_series(1, 100) d
"""


def fill(database_url: str, values: dict[str, object]) -> None:
    with psycopg.connect(database_url, autocommit=True) as hand:
        hand.execute(MORE_LISTINGS)
        for statement in FILL.split(";\n"):
            if statement.strip():
                hand.execute(statement.replace(" % ", " %% "), values)  # type: ignore[arg-type]
        hand.execute("vacuum analyze")
