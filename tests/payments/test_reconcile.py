"""What a comparison of some blocks sees, and how little it asks for that."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from payments.auditing import token_logs
from payments.auditing.reconcile import BLOCKS_LATE_LEAST, Result, reconcile
from payments.relaying import watching
from payments.settling import settlement
from payments.settling.settler import Settler
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.scene import Scene
from tests.payments.chains.cast import Payment, funded


async def booked(scene: Scene, *payments: Payment) -> int:
    """Answered, brought on chain together, and buried; gives the block."""
    ids = await scene.answered(*payments)
    settler = Settler(scene.desk)
    running = asyncio.create_task(settler.run())
    await until(scene, ids, "answered settled")
    block = scene.chain.height
    scene.chain.mine(scene.desk.terms.confirmations)
    await scene.hurry(ids)
    settler.wake()
    await until(scene, ids, "answered confirmed")
    settler.stop()
    await running
    return block


async def until(scene: Scene, ids: list[UUID], state: str) -> None:
    async with asyncio.timeout(60):
        while await scene.states(ids) != Counter({state: len(ids)}):
            await asyncio.sleep(0.01)


async def compared(scene: Scene, **blocks: Any) -> Result:
    return await reconcile(
        scene.desk.pool, network=NETWORK, asset=USDC, rpc_url=scene.rpc.url, confirmations=3,
        by_facilitators=False, **{"from_block": None, "to_block": None} | blocks,
    )  # fmt: skip


async def test_a_batch_is_read_once_however_many_paid_in_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await booked(scene, *funded(scene.chain, Cast.buyer, Cast.other_buyer))
    monkeypatch.setattr(token_logs, "ADDRESSES_AT_ONCE", 1)
    before = scene.rpc.count("eth_getTransactionReceipt")
    result = await compared(scene)
    assert (result.booked, result.differences) == (2, [])
    assert scene.rpc.count("eth_getTransactionReceipt") == before + 1


async def test_what_was_paid_after_the_blocks_that_are_compared_is_not_missing(
    scene: Scene,
) -> None:
    first, second = funded(scene.chain, Cast.buyer, Cast.other_buyer)
    block = await booked(scene, first)
    await booked(scene, second)
    assert (await compared(scene)).booked == 2
    result = await compared(scene, to_block=block)
    assert (result.booked, result.differences) == (1, [])


async def test_what_is_seen_to_be_paid_and_never_booked_is_a_difference(scene: Scene) -> None:
    """Else a worker that stands still would look well for ever."""
    ids = await scene.answered(*funded(scene.chain, Cast.buyer))
    await settlement.look(scene.desk, await scene.final())
    await watching.watch(scene.desk, await scene.desk.chain.head(), None)
    assert await scene.states(ids) == {"answered settled": 1}
    scene.chain.mine(BLOCKS_LATE_LEAST - 1)
    assert (await compared(scene)).differences == []

    scene.chain.mine(1)

    (found,) = (await compared(scene)).differences
    assert (found.kind, found.payment) == ("extra", str(ids[0]))
