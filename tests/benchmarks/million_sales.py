"""A seller with a million payments: made once by COPY, and counted by the program itself."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg

from payments import earnings
from payments.database.pool import open_pool
from payments.ids import first_id
from payments.x402.networks import DEFAULT_ASSETS

PAYMENTS: Final = 1_000_000
DAYS: Final = 90
LISTINGS: Final = 10
BUYERS: Final = 20_000
NETWORKS: Final = ("eip155:84532", "eip155:8453")
SELLER: Final = "million"
# How often a payment ends so; the newest are still under way.
ENDS: Final = (
    (0.95, "answered", "confirmed", ""),
    (0.98, "void", "failed", "upstream_error"),
    (0.99, "void", "failed", "timeout"),
    (0.995, "answered", "failed", "window over"),
    (1.0, "void", "confirmed", "empty"),
)
UNDER_WAY: Final = 200

_PAYMENT = """
    copy payments_payment (
        id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
        valid_after, valid_before, payer_has_code, claimed_block, protocol_version, fingerprint,
        revision_hash, method, url, body_hash, seller_id, listing_id, listing_path, title, release,
        answer_keep_days, caps) from stdin
"""
_PROGRESS = """
    copy payments_progress (
        payment_id, network, work, money, version, attempt, definite_failures, identifier_misses,
        alone, transaction, block_number, block_hash) from stdin
"""
_STEP = "copy payments_step (payment_id, version, at, work, money, why, detail) from stdin"

Sale = tuple[UUID, datetime, int, str, str, str]  # id, when, its number, how it ended and why


def sales(now: datetime) -> Iterator[Sale]:
    """Oldest first, evenly over the days."""
    dice = random.Random(8402)
    apart = timedelta(days=DAYS) / PAYMENTS
    for number in range(PAYMENTS):
        at = now - apart * (PAYMENTS - number)
        # Their order is what matters, and one seed makes the same set everywhere.
        payment_id = UUID(int=first_id(at.timestamp()).int | dice.getrandbits(60))
        if number >= PAYMENTS - UNDER_WAY:
            yield payment_id, at, number, "answered", "none", ""
            continue
        chance = dice.random()
        _, work, money, why = next(end for end in ENDS if chance <= end[0])
        yield payment_id, at, number, work, money, why


def buyer_of(number: int) -> str:
    """A few wallets pay most of the time, many pay now and then."""
    share = (number * 2_654_435_761 % 2**32) / 2**32
    return "0x" + hashlib.sha256(str(int(BUYERS * share**3)).encode()).hexdigest()[:40]


def fill(database_url: str, seller: UUID, listings: list[UUID], pay_to: str) -> None:
    made = list(sales(datetime.now(UTC)))
    assets = {each.network: each.address for each in DEFAULT_ASSETS}
    with psycopg.connect(database_url, autocommit=True) as hand, hand.transaction():
        with hand.cursor().copy(_PAYMENT) as copy:
            for payment_id, at, number, *_ in made:
                network = NETWORKS[number % 10 == 0]
                key = payment_id.bytes
                copy.write_row(
                    (
                        payment_id, key, at, network, "exact", assets[network], buyer_of(number),
                        pay_to, 1_000 + number % 9_000, key, 0, 2**31, False, 1, 2, key, key, "GET",
                        "https://souk.example/x", key, seller, listings[number % LISTINGS],
                        f"{SELLER}/listing-{number % LISTINGS}", "A call", "hold", 7, "[]",
                    )
                )  # fmt: skip
        with hand.cursor().copy(_PROGRESS) as copy:
            for payment_id, _, number, work, money, _ in made:
                proof = (payment_id.bytes, number, payment_id.bytes)
                paid = money == "confirmed"
                copy.write_row(
                    (payment_id, NETWORKS[number % 10 == 0], work, money, 3, 1, 0, 0, False)
                    + (proof if paid else (None, None, None))
                )
        with hand.cursor().copy(_STEP) as copy:
            for row in made:
                for step in _steps(*row):
                    copy.write_row(step)
    with psycopg.connect(database_url, autocommit=True) as hand:
        hand.execute("vacuum analyze")


def _steps(
    payment_id: UUID, at: datetime, _number: int, work: str, money: str, why: str
) -> Iterator[tuple[Any, ...]]:
    """The steps in which something is said that the sums need."""
    detail = json.dumps({"reason": why}) if work == "void" else "{}"
    yield payment_id, 1, at, "open", "none", "claimed", "{}"
    yield payment_id, 2, at, work, "none", why or "answered", detail
    yield payment_id, 3, at, work, money, why or "confirmed", "{}"


def count(database_url: str) -> float:
    """Payments a second that the worker's counting takes in, from nothing."""

    async def run() -> float:
        pool = await open_pool(database_url, size_max=2)
        started = time.monotonic()
        counted = await earnings.count(pool)
        seconds = time.monotonic() - started
        await pool.close()
        return counted / seconds

    rate = asyncio.run(run())
    with psycopg.connect(database_url, autocommit=True) as hand:
        hand.execute("vacuum analyze")
    return rate
