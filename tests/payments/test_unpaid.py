"""What we do not bring on chain is looked for together, beside what buyers wait for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from payments.auditing.reconcile import _first_block as first_block
from payments.chains import ChainUnavailable
from payments.chains.evm import EvmChain
from payments.database.pool import rows
from payments.relaying import gas
from payments.settling import desk as desks
from payments.settling import settlement, unpaid
from payments.settling.desk import Desk
from payments.settling.settler import Settler
from tests.fixtures.cast import Cast, person
from tests.fixtures.chain import Chain
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.scene import FINAL_BLOCKS, Scene
from tests.payments.chains.cast import Payment, funded, pay, spend

MANY = 300
ROUND_TRIPS_MAX = 20
PATIENCE_SECONDS = 60


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not true():
            await asyncio.sleep(0.01)


def poor(chain: Chain, count: int) -> list[Payment]:
    return [pay(chain, person(f"poor {number}")) for number in range(count)]


async def test_an_answer_is_sent_while_hundreds_of_voids_are_looked_for(scene: Scene) -> None:
    voids = await scene.voided(*poor(scene.chain, MANY))
    scene.end_windows()
    (paying,) = funded(scene.chain, Cast.buyer)
    held = scene.rpc.hold("eth_call", only=lambda params: len(params[0]["data"]) > 20_000)
    settler = Settler(scene.desk)
    running = asyncio.create_task(settler.run())
    await until(held.reached.is_set)

    await scene.answered(paying)
    settler.wake()
    await until(lambda: scene.rpc.count("eth_sendRawTransaction") > 0)

    assert not held.released.is_set()
    held.release()
    await until_async(scene, voids, Counter({"void failed": MANY}))
    settler.stop()
    await running


async def until_async(scene: Scene, ids: list[UUID], wanted: Counter[str]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await scene.states(ids) != wanted:
            await asyncio.sleep(0.01)


async def test_who_can_pay_does_not_wait_for_a_hundred_who_cannot(scene: Scene) -> None:
    drained = await scene.answered(*poor(scene.chain, 100))
    (good,) = await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.rpc.messages.clear()

    await settlement.look(scene.desk, await scene.final())

    before = scene.rpc.messages.index(["eth_sendRawTransaction"])
    assert before <= ROUND_TRIPS_MAX
    assert await scene.states([good]) == {"answered broadcast": 1}
    assert len(scene.rpc.messages) - before <= ROUND_TRIPS_MAX
    assert await scene.states(drained) == {"answered none": 100}


async def test_who_comes_now_does_not_wait_for_any_number_that_were_tried(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "TAKE_MAX", 10)
    monkeypatch.setattr(settlement, "TRIED_MAX", 5)
    drained = await scene.answered(*poor(scene.chain, settlement.TAKE_MAX + 1))
    while await settlement.look(scene.desk, await scene.final()):
        continue
    await scene.hurry(drained)
    (good,) = await scene.answered(*funded(scene.chain, Cast.buyer))

    there_is_more = await settlement.look(scene.desk, await scene.final())

    assert await scene.states([good]) == {"answered broadcast": 1}
    assert there_is_more
    assert sum(await scene.waiting(drained)) == settlement.TRIED_MAX


async def test_what_no_node_can_try_does_not_come_first_again(scene: Scene) -> None:
    (unknown,) = await scene.answered(*poor(scene.chain, 1))
    scene.rpc.refuse("eth_call", -32000, "not now", times=None)

    await settlement.look(scene.desk, await scene.final())

    assert await scene.waiting([unknown]) == [True]
    assert await scene.put_off([unknown]) == [True]


async def test_what_is_on_its_way_for_long_does_not_come_first_again(scene: Scene) -> None:
    (sent,) = await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.chain.pause()
    await settlement.look(scene.desk, await scene.final())
    assert await scene.put_off([sent]) == [False]
    await scene.hurry([sent])

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states([sent]) == {"answered broadcast": 1}
    assert await scene.waiting([sent]) == [True]
    assert await scene.put_off([sent]) == [True]


async def test_payers_who_burnt_our_gas_are_put_off_like_all_who_wait(scene: Scene) -> None:
    burner, good = await scene.answered(*funded(scene.chain, Cast.attacker, Cast.buyer))
    burnt = await scene.answered(
        *(pay(scene.chain, Cast.attacker) for _ in range(gas.FAILURES_MAX))
    )
    async with scene.desk.pool.connection() as connection:
        await gas.note_failures(connection, burnt)

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states([burner, good]) == {"answered none": 1, "answered broadcast": 1}
    assert await scene.waiting([burner, *burnt]) == [True] * (1 + gas.FAILURES_MAX)
    assert await scene.put_off([burner]) == [True]


async def test_what_is_over_ends_at_a_node_that_forgot_the_state_of_the_final_block(
    scene: Scene,
) -> None:
    drained = await scene.answered(*poor(scene.chain, 3))
    voids = await scene.voided(*poor(scene.chain, 3))
    scene.end_windows()
    good = await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.keeps_the_newest_states_only()

    await settlement.look(scene.desk, await scene.final())
    await unpaid.look_at_voids(scene.desk, await scene.final())

    assert await scene.states(good) == {"answered broadcast": 1}
    assert await scene.states(drained) == {"answered failed": 3}
    assert await scene.states(voids) == {"void failed": 3}


async def test_what_is_not_over_at_a_final_block_stays_open(scene: Scene) -> None:
    drained = await scene.answered(*poor(scene.chain, 3))
    scene.chain.move_to(scene.chain.now + 400)
    scene.chain.mine()

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states(drained) == {"answered none": 3}


async def test_a_question_that_nobody_answers_stops_nothing_else(scene: Scene) -> None:
    drained = await scene.answered(*poor(scene.chain, 3))
    scene.end_windows()
    settled, good = await scene.answered(*funded(scene.chain, Cast.other_buyer, Cast.buyer))
    await scene.settle(settled)
    scene.chain.mine(FINAL_BLOCKS)
    scene.rpc.refuse(
        "eth_call", -32000, "missing trie node", times=None,
        only=lambda params: params[1] != "latest",
    )  # fmt: skip

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states([good]) == {"answered broadcast": 1}
    assert await scene.states([settled]) == {"answered confirmed": 1}
    assert await scene.states(drained) == {"answered none": 3}


async def test_a_step_that_fails_is_told_when_the_others_had_their_turn(scene: Scene) -> None:
    settled, good = await scene.answered(*funded(scene.chain, Cast.other_buyer, Cast.buyer))
    await scene.settle(settled)
    scene.chain.mine(FINAL_BLOCKS)
    scene.rpc.refuse("eth_maxPriorityFeePerGas", -32000, "not now", times=None)
    scene.rpc.refuse("eth_gasPrice", -32000, "not now", times=None)

    with pytest.raises(ChainUnavailable):
        await settlement.look(scene.desk, await scene.final())

    assert await scene.states([good]) == {"answered none": 1}
    assert await scene.states([settled]) == {"answered confirmed": 1}


async def test_the_ends_of_many_are_found_in_one_search(scene: Scene) -> None:
    payers = [person(f"payer {number}") for number in range(4)]
    payments = funded(scene.chain, *payers)
    spent, cancelled, untouched = payments[:2], payments[2], payments[3]
    voids = await scene.voided(*payments)
    for payment in spent:
        spend(scene.chain, payment)
    scene.chain.cancel(payers[2].private_key, cancelled.nonce)
    scene.chain.mine(FINAL_BLOCKS)
    before = scene.rpc.count("eth_getLogs")

    await unpaid.look_at_voids(scene.desk, await scene.final())

    assert scene.rpc.count("eth_getLogs") == before + 1
    assert await scene.states(voids) == {"void settled": 2, "void failed": 1, "void none": 1}
    assert await scene.states(voids[3:]) == {"void none": 1}, untouched.payer
    assert await scene.whys(voids[:3]) == ["cancelled", "paid on chain", "paid on chain"]


async def test_what_was_spent_before_a_node_that_lagged_saw_it_is_found(scene: Scene) -> None:
    (payment,) = funded(scene.chain, Cast.buyer)
    spend(scene.chain, payment)
    scene.chain.mine(25)
    paid = await scene.answered(payment)

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states(paid) == {"answered settled": 1}
    assert await first_block(scene.desk.pool, NETWORK, USDC) < scene.chain.height - 25


async def test_no_look_searches_longer_the_older_what_it_does_not_find(scene: Scene) -> None:
    (payment,) = funded(scene.chain, Cast.buyer)
    spend(scene.chain, payment)
    scene.chain.mine(40)
    lost = await scene.answered(payment)
    counts: list[int] = []
    for _ in range(3):
        scene.chain.mine(70)
        counts.append(await scene.searches_of_a_look(lost))

    assert counts[1] == counts[2] > 0, counts
    assert await scene.states(lost) == {"answered none": 1}
    scene.end_windows()
    await scene.searches_of_a_look(lost)
    assert await scene.states(lost) == {"answered settled": 1}


@pytest.mark.parametrize(
    ("mined", "method", "lie"),
    [(0, "eth_getLogs", []), (2 * FINAL_BLOCKS, "eth_getTransactionReceipt", None)],
)
async def test_what_may_be_found_later_is_searched_for_again(
    scene: Scene, mined: int, method: str, lie: object
) -> None:
    """It is not final yet, or it was seen, and nobody told what was in its transaction."""
    (payment,) = funded(scene.chain, Cast.buyer)
    voids = await scene.voided(payment)
    spend(scene.chain, payment)
    scene.chain.mine(mined + 1)
    scene.rpc.lie(method, lie)
    await unpaid.look_at_voids(scene.desk, await scene.final())
    assert await scene.states(voids) == {"void none": 1}

    scene.rpc.heal()
    await scene.hurry(voids)
    await unpaid.look_at_voids(scene.desk, await scene.final())

    assert await scene.states(voids) == {"void settled": 1}


async def test_what_nobody_shows_stays_open_is_named_and_searched_for_seldom(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    (payment,) = funded(scene.chain, Cast.buyer)
    spend(scene.chain, payment)
    (lost,) = await scene.answered(payment)
    scene.end_windows()
    scene.rpc.lie("eth_getLogs", [])

    await settlement.look(scene.desk, await scene.final())

    assert await scene.states([lost]) == {"answered none": 1}
    assert f"payment {lost} was spent, and no event says how" in caplog.text
    assert await scene.waiting([lost], seconds=unpaid.LOST_RETRY_SECONDS - 60) == [True]
    scene.rpc.heal()
    await scene.hurry([lost])
    await settlement.look(scene.desk, await scene.final())
    assert await scene.states([lost]) == {"answered settled": 1}


@pytest.mark.parametrize(("age_seconds", "waits"), [(0, 4.0), (40, 4.0), (70, 8.0), (9_999, 32.0)])
async def test_the_longer_a_void_has_waited_the_less_often_it_is_looked_for(
    scene: Scene, age_seconds: int, waits: float
) -> None:
    (payment_id,) = await scene.voided(*poor(scene.chain, 1))
    (row,) = await desks.take_voids(scene.desk.pool, NETWORK, most=1)
    row = replace(row, age_seconds=age_seconds)

    await unpaid.look_for_ends(scene.desk, [row], await scene.final())

    found: list[Any] = await rows(
        scene.desk.pool,
        "select next_check_at between clock_timestamp() + make_interval(secs => %s - 3)"
        " and clock_timestamp() + make_interval(secs => %s)"
        " from payments_progress where payment_id = %s",
        (waits, waits, payment_id),
    )
    assert found == [(True,)]


async def test_no_single_node_says_that_a_large_sum_was_never_paid(
    scene: Scene, both_nodes: EvmChain
) -> None:
    """It would be called not charged for ever, and its signature wiped."""
    (large, small) = funded(scene.chain, Cast.buyer, Cast.other_buyer)
    voids = await scene.voided(large)
    for payment in (large, small):
        spend(scene.chain, payment)
    scene.end_windows()
    scene.rpc.lie("eth_call", says_unused, times=None)
    asks_both = large_from_one(replace(scene.desk, chain=both_nodes))

    await unpaid.look_at_voids(asks_both, await scene.final())

    assert await scene.states(voids) == {"void none": 1}
    others = await scene.voided(small)
    await unpaid.look_at_voids(scene.desk, await scene.final())
    assert await scene.states(others) == {"void failed": 1}, "below that the lie is believed"
    scene.rpc.heal()
    await scene.hurry(voids)
    await unpaid.look_at_voids(asks_both, await scene.final())
    assert await scene.states(voids) == {"void settled": 1}


def large_from_one(desk: Desk) -> Desk:
    """Every amount is one that no single node is believed about."""
    return replace(desk, terms=replace(desk.terms, agree_above_atomic=1))


def says_unused(true: str) -> str:
    """An answer about one authorization, whose last word says whether it is used."""
    return true[:-64] + 64 * "0"


async def test_two_nodes_that_agree_end_what_is_over(scene: Scene, both_nodes: EvmChain) -> None:
    voids = await scene.voided(*poor(scene.chain, 2))
    scene.end_windows()
    asks_both = large_from_one(replace(scene.desk, chain=both_nodes))

    await unpaid.look_at_voids(asks_both, await scene.final())

    assert await scene.states(voids) == {"void failed": 2}
