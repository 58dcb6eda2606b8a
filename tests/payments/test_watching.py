"""Our transactions under way: what one form of a number says, the others of it are to know."""

from __future__ import annotations

from marketplace.embedded.chain import DOLLAR
from payments.chains import TransactionReceipt
from payments.database.pool import rows
from payments.relaying import broadcasts, watching
from payments.relaying.broadcasts import Variant
from payments.settling import desk as desks
from payments.settling import settlement
from tests.fixtures.cast import Cast
from tests.fixtures.chain import calldata
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


async def grow_old(scene: Scene, *, blocks: int = 1) -> None:
    """So old that each form still waiting would be sent again, and stuck."""
    await rows(
        scene.desk.pool,
        "update payments_broadcast set sent_at = now() - interval '1 hour',"
        " created_at = now() - interval '1 hour' returning 1",
    )
    if blocks:
        scene.chain.mine(blocks)


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
    await pass_by(scene)
    assert await forms(scene) == 2
    await rows(scene.desk.pool, "update payments_relayer set stopped_why = '' returning 1")
    await watch(scene)
    assert await forms(scene) == 3


async def test_what_is_handed_over_again_and_again_is_bid_for_all_the_same(scene: Scene) -> None:
    """A node that passes transactions on may show none of them: to us it has lost each one."""
    await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.chain.pause()
    await settlement.look(scene.desk, await scene.final())
    scene.rpc.lie("eth_getTransactionByHash", lambda true: None, times=None)
    sent = scene.rpc.count(SENT)

    await pass_by(scene)

    assert scene.rpc.count(SENT) > sent + 1
    assert await forms(scene) == 2


async def test_before_blocks_have_passed_it_by_nothing_is_bid_for_again(scene: Scene) -> None:
    await scene.answered(*funded(scene.chain, Cast.buyer))
    scene.chain.pause()
    await settlement.look(scene.desk, await scene.final())
    for _ in range(3):
        await grow_old(scene, blocks=0)
        await watch(scene)
    assert await forms(scene) == 1


async def pass_by(scene: Scene) -> None:
    """Blocks come that are too dear for what waits, each seen as it comes."""
    scene.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(TOO_DEAR_WEI)])
    for _ in range(watching.PASSED_BY_BLOCKS + 1):
        await grow_old(scene)
        await watch(scene)


async def test_what_a_node_forgets_for_a_moment_is_counted_once(scene: Scene) -> None:
    """Its gas towards its seller's day, and its failure towards its payer's hour."""
    payment, *_ = funded(scene.chain, Cast.buyer)
    await scene.answered(payment)
    scene.chain.pause()
    await settlement.look(scene.desk, await scene.final())
    await fail_in_a_block(scene, payment.payer)
    await watch_all(scene)
    counted = await gas_and_failures(scene)
    assert counted[0] > 0
    assert counted[1:] == (1, 1)

    scene.rpc.lie("eth_getTransactionReceipt", lambda true: None, times=None)
    await watch_all(scene)
    assert await mined_blocks(scene) == [None], "it is waited for anew"
    scene.rpc.heal()
    await watch_all(scene)

    assert await gas_and_failures(scene) == counted
    assert None not in await mined_blocks(scene)


async def test_of_a_number_that_a_reorg_gave_to_a_dearer_form_the_difference_is_counted(
    scene: Scene,
) -> None:
    first, second = await bumped(scene)
    (payment,) = (await desks.passengers(scene.desk.pool, [number_of(first)]))[number_of(first)]
    told = [
        (TransactionReceipt(each.signed.transaction, 1, 10, block, (), cost_wei, 1), [])
        for each, block, cost_wei in ((first, b"a" * 32, 100), (second, b"b" * 32, 130))
    ]
    await watching._note_mined(scene.desk, told[:1])
    await watching._forget_mined(scene.desk, [first, second])
    await watching._note_mined(scene.desk, told[1:])

    assert payment is not None
    assert (await gas_and_failures(scene))[:2] == (130, 1)
    costs = "select gas_cost_wei from payments_broadcast order by variant"
    assert await rows(scene.desk.pool, costs) == [(None,), (130,)]


def number_of(variant: Variant) -> tuple[int, int]:
    return variant.signed.relayer_id, variant.signed.nonce


async def fail_in_a_block(scene: Scene, payer: str) -> None:
    """Its money is gone when our transaction comes into a block."""
    ((transaction, raw),) = await rows(
        scene.desk.pool, "select transaction, raw from payments_broadcast"
    )
    scene.chain.drop(f"0x{transaction.hex()}")
    scene.chain.resume()
    scene.chain.set_balance(payer, 10**18)
    everything = scene.chain.atomic_of(payer)
    away = calldata("transfer(address,uint256)", Cast.attacker.address, everything)
    scene.chain.send(DOLLAR, away, sender=payer)
    scene.chain.rpc("eth_sendRawTransaction", [f"0x{raw.hex()}"])
    assert scene.chain.mined(f"0x{transaction.hex()}")["status"] == "0x0"


async def watch_all(scene: Scene) -> None:
    await watching.watch(scene.desk, await scene.desk.chain.head(), 0)


async def gas_and_failures(scene: Scene) -> tuple[int, int, int]:
    ((wei, payments),) = await rows(
        scene.desk.pool, "select sum(gas_wei), sum(payments) from payments_gasuse"
    )
    ((failures,),) = await rows(scene.desk.pool, "select count(*) from payments_failedsend")
    return int(wei), int(payments), failures


async def mined_blocks(scene: Scene) -> list[int | None]:
    found = await rows(scene.desk.pool, "select mined_block from payments_broadcast")
    return [block for (block,) in found]
