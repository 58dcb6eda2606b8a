"""Gas money: a key sends what it can pay for, and no other key's payments wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace.embedded.demo_accounts import RELAYER
from payments.chains import Call, Fees
from payments.database.pool import one
from payments.ids import new_id
from payments.models import Broadcast
from payments.relaying import relayer, seats
from payments.relaying.relayer import Keyring, Seat, Stopped
from payments.relaying.seats import NoGasMoney
from payments.x402.schemes.exact_eip3009 import GAS_PLAIN
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, Purchases

GWEI = 10**9
DEAR = Fees(200 * GWEI, GWEI, 100 * GWEI)
SINGLE_WEI = GAS_PLAIN * DEAR.max_fee_wei
FIRST, SECOND = RELAYER, Cast.moderator
KEYS = Keyring(NETWORK, 84532, [FIRST.private_key, SECOND.private_key])


async def holds(purchases: Purchases, address: str, wei: int | None) -> int:
    """A relayer with so much gas money, as the worker saw it last."""
    row = await one(
        purchases.pool,
        "insert into payments_relayer (network, address, next_nonce, stopped_why, balance_wei)"
        " values (%s, %s, 7, '', %s) returning id",
        (NETWORK, address, wei),
    )
    assert row is not None
    return int(row[0])


async def sends(purchases: Purchases, relayer_id: int, address: str, number: int = 6) -> None:
    """A transaction of this relayer is under way."""
    seat = Seat(relayer_id, address, number)
    call = Call(address, b"", GAS_PLAIN)
    async with purchases.pool.connection() as connection:
        await relayer.store(connection, KEYS, seat, call, DEAR, Broadcast.Kind.SINGLE)


async def seat(purchases: Purchases, least_wei: int = SINGLE_WEI) -> Seat:
    async with purchases.pool.connection() as connection, connection.transaction():
        return await seats.take_seat(connection, KEYS, least_wei)


@pytest.mark.parametrize(("wei", "taken"), [(SINGLE_WEI - 1, SECOND), (SINGLE_WEI, FIRST)])
async def test_a_key_that_cannot_pay_is_passed_over(
    purchases: Purchases, wei: int, taken: Any
) -> None:
    await holds(purchases, FIRST.address, wei)
    await sends(purchases, await holds(purchases, SECOND.address, 10 * SINGLE_WEI), SECOND.address)
    assert (await seat(purchases)).address == taken.address


@pytest.mark.parametrize("wei", [2 * SINGLE_WEI - 1, 2 * SINGLE_WEI])
async def test_what_is_under_way_is_not_spent_twice(purchases: Purchases, wei: int) -> None:
    await sends(purchases, await holds(purchases, FIRST.address, wei), FIRST.address)
    if wei < 2 * SINGLE_WEI:
        with pytest.raises(NoGasMoney):
            await seat(purchases)
    else:
        assert (await seat(purchases)).spare_wei == SINGLE_WEI


async def test_what_was_mined_under_another_form_binds_nothing(purchases: Purchases) -> None:
    relayer_id = await holds(purchases, FIRST.address, SINGLE_WEI)
    await sends(purchases, relayer_id, FIRST.address)
    await one(
        purchases.pool,
        "insert into payments_broadcast (id, relayer_id, nonce, variant, kind, transaction, raw,"
        " gas_limit, max_fee_wei, priority_fee_wei, created_at, mined_block, mined_hash)"
        " values (%s, %s, 6, 1, 'single', %s, '', 1, 1, 1, now(), 10, %s) returning 1",
        (new_id(), relayer_id, b"t" * 32, b"b" * 32),
    )
    assert (await seat(purchases)).spare_wei == SINGLE_WEI


async def test_a_key_that_nobody_has_looked_at_is_tried(purchases: Purchases) -> None:
    await holds(purchases, FIRST.address, None)
    assert (await seat(purchases)).spare_wei is None


async def test_keys_that_may_not_sign_are_no_matter_of_gas_money(purchases: Purchases) -> None:
    await holds(purchases, FIRST.address, SINGLE_WEI)
    await relayer.stop_signing(purchases.pool, NETWORK, FIRST.address, "foreign use")
    with pytest.raises(Stopped):
        await seat(purchases)


@pytest.mark.parametrize(
    ("members", "places"), [(0, 1), (1, 1), (2, 2), (49, 49), (50, 50), (51, 50)]
)
def test_a_batch_is_cut_to_what_its_key_can_put_down(members: int, places: int) -> None:
    gas = relayer.BATCH_GAS + members * relayer.MEMBER_GAS
    assert seats.places(50, gas * DEAR.max_fee_wei, DEAR) == places
    assert seats.places(50, None, DEAR) == 50


def test_low_is_what_pays_for_a_few_payments_at_the_price_of_now() -> None:
    least = 10**15
    assert seats.low_wei(least, Fees(1, 1, 1)) == least
    assert seats.low_wei(least, DEAR) == seats.LOW_SENDS * SINGLE_WEI > 200 * least
