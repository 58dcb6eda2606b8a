"""Our transactions under way: what one form of a number says, the others of it are to know."""

from __future__ import annotations

from payments import broadcasts, settlement, watching
from payments.broadcasts import Variant
from payments.pool import rows
from tests.fixtures.cast import Cast
from tests.fixtures.scene import Scene
from tests.payments.chains.cast import funded

SENT = "eth_sendRawTransaction"
TOO_DEAR_WEI = 3 * 10**9  # of a block that none of ours gets into


async def bumped(scene: Scene) -> tuple[Variant, Variant]:
    """One number in two forms, both waiting."""
    await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.chain.pause()
    await settlement.look(scene.desk, await scene.final())
    ((first,),) = await watching.watched(scene.desk, None)
    await broadcasts.bump(scene.desk, first)
    ((first, second),) = await watching.watched(scene.desk, None)
    return first, second


async def watch(scene: Scene) -> None:
    await watching.watch(scene.desk, await scene.desk.chain.head(), None)


async def grow_old(scene: Scene) -> None:
    """So old that each form still waiting would be sent again, and stuck."""
    await rows(
        scene.desk.pool,
        "update payments_broadcast set sent_at = now() - interval '1 hour',"
        " created_at = now() - interval '1 hour' returning 1",
    )
    scene.chain.mine()


async def forms(scene: Scene) -> int:
    return len(await rows(scene.desk.pool, "select 1 from payments_broadcast"))


async def test_of_a_number_that_is_mined_no_other_form_waits(scene: Scene) -> None:
    _, second = await bumped(scene)
    scene.chain.resume()
    await watch(scene)
    await grow_old(scene)
    sent = scene.rpc.count(SENT)

    await watch(scene)

    assert await watching.watched(scene.desk, None) == []
    assert scene.rpc.count(SENT) == sent, "the form that lost is not sent again"
    assert await forms(scene) == 2, "nor is a further one signed"
    ((_, mined),) = await watching.watched(scene.desk, 0)
    assert mined.number == second.number
    assert mined.mined_block is not None
    assert await watching.watched(scene.desk, scene.chain.height) == []


async def test_a_stopped_key_bids_no_more(scene: Scene) -> None:
    await bumped(scene)
    await rows(scene.desk.pool, "update payments_relayer set stopped_why = 'a test' returning 1")
    scene.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(TOO_DEAR_WEI)])
    await grow_old(scene)
    await watch(scene)
    assert await forms(scene) == 2
    await rows(scene.desk.pool, "update payments_relayer set stopped_why = '' returning 1")
    await watch(scene)
    assert await forms(scene) == 3
