"""Money on its way is carried by somebody: our relayer under a number, or a facilitator."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from payments.models import Money, Work
from payments.moves import move
from payments.states import State
from tests.fixtures.purchases import Purchases


async def broadcast(purchases: Purchases, **columns: Any) -> bool:
    payment_id = await purchases.claim()
    await purchases.answer(payment_id)
    held = await purchases.held(payment_id)
    async with purchases.pool.connection() as connection, connection.transaction():
        after = State(Work.ANSWERED, Money.BROADCAST)
        return await move(connection, held.standing, after, why="sent", **columns)


async def test_nothing_is_on_its_way_without_a_carrier(purchases: Purchases) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await broadcast(purchases)


async def test_a_facilitator_carries(purchases: Purchases) -> None:
    assert await broadcast(purchases, facilitator="first")


async def test_a_number_without_its_relayer_does_not_carry(purchases: Purchases) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        await broadcast(purchases, relayer_nonce=7)
