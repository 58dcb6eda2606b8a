"""The buyer's secret name for a purchase: five wrong guesses, however many come at once."""

from __future__ import annotations

import asyncio

from payments.identifiers import TRIES_MAX, identifier_hash, proves_identifier
from tests.fixtures.purchases import Purchases

NAME = "pay_0123456789abcdef"


async def test_the_name_from_the_claim_proves_the_buyer(purchases: Purchases) -> None:
    held = await purchases.held(await purchases.claim(identifier_hash=identifier_hash(NAME)))
    assert await proves_identifier(purchases.pool, held, NAME)
    assert not await proves_identifier(purchases.pool, held, NAME + "x")


async def test_a_payment_without_a_name_is_proven_by_none(purchases: Purchases) -> None:
    held = await purchases.held(await purchases.claim())
    assert not await proves_identifier(purchases.pool, held, NAME)
    assert (await purchases.held(held.payment_id)).identifier_misses == 0


async def test_after_five_wrong_names_the_right_one_proves_nothing(purchases: Purchases) -> None:
    payment_id = await purchases.claim(identifier_hash=identifier_hash(NAME))
    for guess in range(TRIES_MAX):
        held = await purchases.held(payment_id)
        assert not await proves_identifier(purchases.pool, held, f"guess_{guess}_0123456789")
    assert not await proves_identifier(purchases.pool, await purchases.held(payment_id), NAME)


async def test_right_names_are_not_counted(purchases: Purchases) -> None:
    payment_id = await purchases.claim(identifier_hash=identifier_hash(NAME))
    for _ in range(TRIES_MAX + 1):
        held = await purchases.held(payment_id)
        assert await proves_identifier(purchases.pool, held, NAME)


async def test_guesses_at_the_same_moment_are_counted_one_by_one(purchases: Purchases) -> None:
    held = await purchases.held(await purchases.claim(identifier_hash=identifier_hash(NAME)))
    guesses = [f"guess_{n}_0123456789" for n in range(20)]
    await asyncio.gather(*(proves_identifier(purchases.pool, held, each) for each in guesses))
    assert (await purchases.held(held.payment_id)).identifier_misses == TRIES_MAX
    assert not await proves_identifier(purchases.pool, held, NAME)
