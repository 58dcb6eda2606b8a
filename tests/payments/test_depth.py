"""A payment is final when its block is as deep as the operator asked for."""

from __future__ import annotations

from payments.settling import settlement
from tests.fixtures.cast import Cast
from tests.fixtures.scene import Scene
from tests.payments.chains.cast import funded


async def test_it_is_final_at_its_depth_and_not_a_block_before(scene: Scene) -> None:
    needed = scene.desk.terms.confirmations
    assert needed > 2
    (payment,) = await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.chain.mine()
    await scene.settle(payment)

    for depth in range(1, needed + 1):
        await scene.hurry([payment])
        await settlement.look(scene.desk, await scene.final())
        end = "settled" if depth < needed else "confirmed"
        assert await scene.states([payment]) == {f"answered {end}": 1}, depth
        scene.chain.mine()
