"""Whether somebody else signs with our key: believed late, as it ends the key."""

from __future__ import annotations

from dataclasses import replace

import pytest

from payments.chains.evm import EvmChain
from payments.database.pool import rows
from payments.relaying.settling import FOREIGN_LOOKS
from payments.settling import settlement
from payments.settling.desk import Desk
from tests.fixtures.cast import Cast
from tests.fixtures.scene import Scene
from tests.payments.chains.cast import funded


@pytest.fixture
async def late(scene: Scene) -> Scene:
    """A node that counts what our key sent, and has no receipt of it yet."""
    await scene.answered(*funded(scene.chain, Cast.buyer))
    await settlement.look(scene.desk, await scene.final())
    scene.rpc.lie("eth_getTransactionReceipt", lambda true: None, times=None)
    return scene


async def looked_at(desk: Desk, times: int) -> str:
    """Why the key stands still after so many looks."""
    for _ in range(times):
        await desk.way.trouble(desk, await desk.chain.head())
    ((why,),) = await rows(desk.pool, "select stopped_why from payments_relayer")
    return str(why)


def patient(desk: Desk, seconds: float) -> Desk:
    return replace(desk, terms=replace(desk.terms, stuck_seconds=seconds))


async def test_a_node_that_is_late_with_receipts_stops_no_key(late: Scene) -> None:
    assert await looked_at(patient(late.desk, 3_600), 3 * FOREIGN_LOOKS) == ""
    late.rpc.heal()
    assert await looked_at(patient(late.desk, 0), FOREIGN_LOOKS) == ""


async def test_what_stays_unexplained_stops_it(late: Scene) -> None:
    desk = patient(late.desk, 0)
    assert await looked_at(desk, FOREIGN_LOOKS - 1) == ""
    assert "number 0 of this key" in await looked_at(desk, 1)


async def test_a_receipt_on_any_node_explains_it(late: Scene, both_nodes: EvmChain) -> None:
    desk = patient(replace(late.desk, chain=both_nodes), 0)
    assert await looked_at(desk, 2 * FOREIGN_LOOKS) == ""
