"""Bad payments are counted where they come from; everybody else pays as before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import psycopg
import pytest

from marketplace.calls.strikes import Strikes
from payments.database.pool import open_pool
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from tests.fixtures.purchases import sql_url

HERE, ELSEWHERE = "203.0.113.0/24", "198.51.100.0/24"
ADA, EVE = "0x" + "a" * 40, "0x" + "e" * 40


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


def made(clock: Clock) -> Strikes:
    return Strikes(network_max=3, wallet_max=2, clock=clock)


@pytest.mark.parametrize(
    ("why", "counts"),
    [
        (PaymentRefused(Reason.INVALID_SIGNATURE), True),
        (PaymentRefused(Reason.SIGNATURE_HIGH_S), True),
        (Malformed(Reason.MALFORMED_JSON), True),
        (PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS), False),
        (PaymentRefused(Reason.EXPIRED), False),
        (PaymentRefused(Reason.INSUFFICIENT_BALANCE), False),
    ],
)
def test_what_nobody_signed_counts_and_an_honest_mistake_does_not(
    why: PaymentRefused, counts: bool
) -> None:
    strikes = made(Clock())
    for _ in range(3):
        assert strikes.wait_seconds(HERE, ADA) == 0
        strikes.refused(HERE, why)
    assert (strikes.wait_seconds(HERE, ADA) > 0) is counts
    assert strikes.wait_seconds(ELSEWHERE, ADA) == 0
    assert strikes.wait_seconds("", ADA) == 0, "where it comes from is not known"


def test_a_wallet_that_cannot_pay_waits_wherever_it_comes_from() -> None:
    strikes = made(Clock())
    strikes.empty(ADA)
    assert strikes.wait_seconds(HERE, ADA) == 0
    strikes.empty(ADA)
    assert strikes.wait_seconds(HERE, ADA) > 0
    assert strikes.wait_seconds(ELSEWHERE, ADA) > 0
    assert strikes.wait_seconds(HERE, EVE) == 0


async def test_two_doors_count_together_and_forget_together(transactional_db: None) -> None:
    clock = Clock()
    one, other = made(clock), made(clock)
    pool = await open_pool(sql_url(), size_max=1)
    try:
        for _ in range(2):
            one.refused(HERE, Malformed(Reason.MALFORMED_JSON))
        await one.flush(pool)
        assert one.wait_seconds(HERE, ADA) == 0
        other.refused(HERE, Malformed(Reason.MALFORMED_JSON))
        assert other.wait_seconds(HERE, ADA) == 0, "the first one it has seen"
        await other.flush(pool)
        assert 0 < other.wait_seconds(HERE, ADA) <= 60
        clock.now += 61
        assert other.wait_seconds(HERE, ADA) == 0
    finally:
        await pool.close()


async def test_what_could_not_be_told_is_told_later(transactional_db: None) -> None:
    strikes = made(Clock())
    pool = await open_pool(sql_url(), size_max=1)
    await pool.close()
    strikes.empty(ADA)
    await strikes.flush(pool)
    pool = await open_pool(sql_url(), size_max=1)
    try:
        strikes.empty(ADA)
        await strikes.flush(pool)
    finally:
        await pool.close()
    assert strikes.wait_seconds(HERE, ADA) > 0


async def test_what_is_just_being_told_counts_as_well(transactional_db: None) -> None:
    strikes = made(Clock())
    pool = await open_pool(sql_url(), size_max=1)
    other = await psycopg.AsyncConnection.connect(sql_url())
    try:
        strikes.empty(ADA)
        await strikes.flush(pool)
        await other.execute("select 1 from accounts_tries for update")
        strikes.empty(ADA)
        telling = asyncio.create_task(strikes.flush(pool))
        await asyncio.sleep(0)
        assert strikes.wait_seconds(HERE, ADA) > 0
        assert not telling.done()
        await other.rollback()
        await telling
        assert strikes.wait_seconds(HERE, ADA) > 0
    finally:
        await other.close()
        await pool.close()
