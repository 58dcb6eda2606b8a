"""Gas is the operator's money: counted per seller and day, and capped."""

from __future__ import annotations

import os
from uuid import UUID

import pytest
from asgiref.sync import sync_to_async

from payments.chains import answers
from payments.chains.answers import Garbage
from payments.database.pool import one, rows
from payments.ids import new_id
from payments.relaying import gas
from payments.reports.workings import burnt_in_vain, spent_up
from payments.x402.networks import checksum
from tests.fixtures.purchases import NETWORK, Purchases


async def carry(purchases: Purchases, payments: list[UUID]) -> bytes:
    """Put these payments on one transaction of ours, as the settling does."""
    relayer = await one(
        purchases.pool,
        "insert into payments_relayer (network, address, next_nonce, stopped_why)"
        " values (%s, %s, 1, '') returning id",
        (NETWORK, f"0x{os.urandom(20).hex()}"),
    )
    assert relayer is not None
    transaction = os.urandom(32)
    await one(
        purchases.pool,
        "insert into payments_broadcast (id, relayer_id, nonce, variant, kind, transaction, raw,"
        " gas_limit, max_fee_wei, priority_fee_wei, created_at)"
        " values (%s, %s, 0, 0, 'batch', %s, '', 1, 1, 1, now()) returning 1",
        (new_id(), relayer[0], transaction),
    )
    await one(
        purchases.pool,
        "with put as (update payments_progress set relayer_id = %s, relayer_nonce = 0"
        " where payment_id = any(%s) returning 1) select count(*) from put",
        (relayer[0], payments),
    )
    return transaction


def burnt(transaction: bytes, gas_used: int) -> gas.Burnt:
    return gas.Burnt(transaction, 10 * gas_used, is_first=True)


TOLD = {
    "transactionHash": f"0x{'11' * 32}", "status": "0x1", "blockNumber": "0xa",
    "blockHash": f"0x{'22' * 32}", "logs": [], "gasUsed": "0x64", "effectiveGasPrice": "0x5",
}  # fmt: skip


@pytest.mark.parametrize(
    ("besides", "cost_wei"), [({}, 500), ({"l1Fee": None}, 500), ({"l1Fee": "0x2bc"}, 1_200)]
)
def test_what_publishing_on_ethereum_costs_is_counted(
    besides: dict[str, object], cost_wei: int
) -> None:
    read = answers.receipt({**TOLD, **besides})
    assert read is not None
    assert read.cost_wei == cost_wei


@pytest.mark.parametrize("l1_fee", ["700", 700, "0x", "0x_1", f"0x{'f' * 65}"])
def test_a_receipt_with_no_number_for_it_is_not_believed(l1_fee: object) -> None:
    with pytest.raises(Garbage):
        answers.receipt({**TOLD, "l1Fee": l1_fee})


async def test_a_batch_is_shared_among_the_sellers_it_paid(purchases: Purchases) -> None:
    one_seller, other_seller = new_id(), new_id()
    payments = [
        await purchases.claim(purchase={"seller_id": seller})
        for seller in (one_seller, one_seller, other_seller)
    ]
    transaction = await carry(purchases, payments)
    async with purchases.pool.connection() as connection:
        await gas.attribute(connection, [burnt(transaction, 300)])

    found = await rows(
        purchases.pool, "select seller_id, gas_wei, payments from payments_gasuse", None
    )
    shares = {seller: (int(wei), count) for seller, wei, count in found}
    assert shares[one_seller] == (2_000, 2)
    assert shares[other_seller] == (1_000, 1)


async def test_what_contracts_had_us_spend_in_vain_is_no_sellers(purchases: Purchases) -> None:
    """They choose where they buy: a seller's day would be shut by whoever makes enough of them."""
    seller = new_id()
    contracts, plain, paid = [
        await purchases.claim(purchase={"seller_id": seller}, payer_has_code=has_code)
        for has_code in (True, False, True)
    ]
    transaction = await carry(purchases, [contracts, plain, paid])
    async with purchases.pool.connection() as connection:
        await gas.attribute(connection, [burnt(transaction, 300)], [contracts, plain])

    found = await rows(purchases.pool, "select seller_id, gas_wei from payments_gasuse", None)
    assert dict(found) == {seller: 2_000, gas.NOBODY: 1_000}
    over = await gas.over_cap(purchases.pool, {NETWORK: 1_000})
    assert over == {(NETWORK, seller), (NETWORK, gas.NOBODY)}
    spent = await sync_to_async(spent_up)({NETWORK: 1_000})
    assert [use.seller_id for use in spent] == [seller]
    assert await sync_to_async(burnt_in_vain)({NETWORK: 1_000}) == [NETWORK]
    assert await sync_to_async(burnt_in_vain)({NETWORK: 1_001}) == []
    assert await sync_to_async(burnt_in_vain)({NETWORK: 0}) == []


async def test_a_seller_over_the_cap_is_named_and_one_below_it_is_not(
    purchases: Purchases,
) -> None:
    dear, cheap = new_id(), new_id()
    for seller, used in ((dear, 100), (cheap, 99)):
        payment = await purchases.claim(purchase={"seller_id": seller})
        transaction = await carry(purchases, [payment])
        async with purchases.pool.connection() as connection:
            await gas.attribute(connection, [burnt(transaction, used)])

    over = await gas.over_cap(purchases.pool, {NETWORK: 1_000})
    assert (NETWORK, dear) in over
    assert (NETWORK, cheap) not in over
    assert await gas.over_cap(purchases.pool, {NETWORK: 0}) == frozenset()


async def fail_sends(purchases: Purchases, payer: str, times: int) -> list[UUID]:
    """So many payments of this payer that our gas was spent on in vain."""
    payments = [await purchases.claim(payer=payer) for _ in range(times)]
    for payment_id in payments:
        await purchases.answer(payment_id)
    async with purchases.pool.connection() as connection:
        await gas.note_failures(connection, payments)
    return payments


async def is_out_of_budget(purchases: Purchases, payer: str) -> bool:
    one_of = await gas.out_of_budget(purchases.pool, [payer, "0xsomebodyelse"])
    of_all = await gas.all_out_of_budget(purchases.pool)
    assert (payer in one_of) == (payer in of_all)
    return payer in one_of


async def test_a_payer_for_whom_we_failed_too_often_waits_and_one_below_it_does_not(
    purchases: Purchases,
) -> None:
    burner, unlucky = (checksum(os.urandom(20)) for _ in range(2))
    await fail_sends(purchases, burner, gas.FAILURES_MAX)
    await fail_sends(purchases, unlucky, gas.FAILURES_MAX - 1)

    assert await is_out_of_budget(purchases, burner)
    assert not await is_out_of_budget(purchases, unlucky)


async def test_failures_are_forgiven_after_an_hour(purchases: Purchases) -> None:
    payer = checksum(os.urandom(20))
    await fail_sends(purchases, payer, gas.FAILURES_MAX)
    await one(
        purchases.pool,
        "with put as (update payments_failedsend set at = at - interval '61 minutes'"
        " where payer = %s returning 1) select count(*) from put",
        (payer,),
    )

    assert not await is_out_of_budget(purchases, payer)


async def test_what_a_stranger_paid_before_us_is_not_its_payers_fault(
    purchases: Purchases,
) -> None:
    front_run, late = (checksum(os.urandom(20)) for _ in range(2))
    for payer in (front_run, late):
        paid, *_ = await fail_sends(purchases, payer, gas.FAILURES_MAX)
        ours = await carry(purchases, [paid])
        theirs = os.urandom(32)
        await purchases.settle(paid, transaction=theirs if payer == front_run else ours)

    assert not await is_out_of_budget(purchases, front_run)
    assert await is_out_of_budget(purchases, late)
