"""Ten million payments, a hundred thousand of them by one wallet: made once, by PostgreSQL."""

from __future__ import annotations

import uuid
from typing import Final

import psycopg

from payments.x402.networks import DEFAULT_ASSETS

PAYMENTS: Final = 10_000_000
WALLET: Final = "0x" + "Ab" * 20
EVERY: Final = 100  # so many of all payments are one of the wallet's
DAYS: Final = 90
NETWORK: Final = "eip155:84532"
AT_ONCE: Final = 500_000

# n is a payment's age. Whose it is, for which listing and how it ended follow from it.
_PAYMENTS = f"""
    insert into payments_payment (
        id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
        valid_after, valid_before, payer_has_code, claimed_block, protocol_version, fingerprint,
        revision_hash, method, url, body_hash, seller_id, listing_id, listing_path, title, release,
        answer_keep_days, caps)
    select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7'
            || substr(md5('x' || n), 1, 3) || '8' || substr(md5('y' || n), 1, 15))::uuid,
           decode(md5('i' || n), 'hex'), at, '{NETWORK}', 'exact', %(asset)s,
           case when n %% {EVERY} = 0 then '{WALLET}'
                else '0x' || substr(md5('p' || n %% 50000) || md5('q' || n %% 50000), 1, 40) end,
           '0x' || repeat('cd', 20), 1000 + n %% 9000, sha256(('n' || n)::bytea), 0, 2147483648,
           false, 100, 2, sha256(('f' || n)::bytea), sha256('r'), 'GET', 'https://souk.example/x',
           sha256('b'), %(seller)s, (%(listings)s::uuid[])[1 + n / {EVERY} %% 10],
           'ten/listing-' || n / {EVERY} %% 10, 'A call', 'hold', 7, '[]'
      from generate_series(%(first)s, %(last)s) n,
           lateral (select now() - n * interval '{DAYS} days' / %(payments)s as at) time
"""
_PROGRESS = """
    insert into payments_progress (
        payment_id, network, work, money, version, attempt, definite_failures, identifier_misses,
        alone, transaction, block_number, block_hash)
    select id, network, 'answered', 'confirmed', 5, 1, 0, 0, false, sha256(nonce), 1000,
           sha256('h')
      from payments_payment
"""
_RECEIPTS = f"""
    insert into payments_receipt (payment_id, version, issued_at, jws)
    select id, 5, created_at, repeat('j', 1500) from payments_payment where payer = '{WALLET}'
"""
_SUMS = """
    insert into payments_buyerday (
        seller_id, listing_id, day, payer, network, asset, payments, amount_atomic)
    select seller_id, listing_id, (created_at at time zone 'utc')::date, payer, network, asset,
           count(*), sum(amount_atomic)
      from payments_payment group by 1, 2, 3, 4, 5, 6
"""


# Only while it is filled: nothing of it is worth a flush, a check or a vacuum before it is whole.
_HURRIED: Final = {
    "max_wal_size": "16GB",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


def fill(database_url: str, seller: uuid.UUID, listings: list[uuid.UUID]) -> None:
    asset = next(each.address for each in DEFAULT_ASSETS if each.network == NETWORK)
    with psycopg.connect(database_url, autocommit=True) as hand:
        for name, value in _HURRIED.items():
            hand.execute(f"alter system set {name} = '{value}'")
        hand.execute("select pg_reload_conf()")
        hand.execute("set synchronous_commit = off")
        hand.execute("set session_replication_role = replica")  # no triggers, no foreign keys
        for first in range(1, PAYMENTS + 1, AT_ONCE):
            last = min(first + AT_ONCE - 1, PAYMENTS)
            values = {"asset": asset, "seller": seller, "listings": listings, "first": first}
            hand.execute(_PAYMENTS, {**values, "last": last, "payments": PAYMENTS})
        for statement in (_PROGRESS, _RECEIPTS, _SUMS):
            hand.execute(statement)
        for name in _HURRIED.keys() - {"max_wal_size"}:
            hand.execute(f"alter system reset {name}")
        hand.execute("select pg_reload_conf()")
        hand.execute("vacuum analyze")
        hand.execute("checkpoint")
