"""New heads, over websocket and by polling, through outages and steps back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from payments.chains import Block
from payments.chains.evm import EvmChain
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy
from tests.payments.chains.conftest import Connect

PATIENCE_SECONDS = 20.0


async def until(heads: AsyncIterator[Block], height: int) -> Block:
    """The first head told at this height; fails when none comes."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for head in heads:
            if head.number == height:
                return head
    raise AssertionError("the heads ended")


@pytest.fixture(params=["websocket", "poll"])
def watching(request: pytest.FixtureRequest, chain: Chain, connect: Connect) -> EvmChain:
    if request.param == "poll":
        return connect(chain.rpc_url, head_poll_seconds=0.01)
    socket = chain.rpc_url.replace("http", "ws", 1)
    # A poll this slow would never be the one that tells.
    return connect(chain.rpc_url, websocket_url=socket, head_poll_seconds=1_000)


async def test_each_new_head_is_told(chain: Chain, watching: EvmChain) -> None:
    async with aclosing(watching.heads()) as heads:
        await until(heads, chain.height)
        for _ in range(3):
            following = asyncio.create_task(until(heads, chain.height + 1))
            await asyncio.to_thread(chain.mine)
            assert (await following).hash.hex() == chain.block("latest")["hash"][2:]


async def test_a_replaced_head_is_told(chain: Chain, connect: Connect) -> None:
    chain.mine(2)
    evm = connect(chain.rpc_url, head_poll_seconds=0.01)
    async with aclosing(evm.heads()) as heads:
        old = await until(heads, chain.height)
        await asyncio.to_thread(chain.reorg, 1)
        new = await until(heads, chain.height)
        assert (new.number, new.hash != old.hash) == (old.number, True)


async def test_a_head_that_goes_back_is_told_and_ends_nothing(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    older = chain.block(chain.height - 3)
    evm = connect(rpc_proxy.url, head_poll_seconds=0.01)
    async with aclosing(evm.heads()) as heads:
        await until(heads, chain.height)
        fault = rpc_proxy.lie("eth_getBlockByNumber", older)
        await until(heads, chain.height - 3)
        assert fault.met
        rpc_proxy.heal()
        await until(heads, chain.height)


async def test_an_outage_is_silence_and_then_heads_again(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    evm = connect(rpc_proxy.url, head_poll_seconds=0.01)
    async with aclosing(evm.heads()) as heads:
        await until(heads, chain.height)
        rpc_proxy.fail(times=5)
        end = rpc_proxy.hold()
        following = asyncio.create_task(until(heads, chain.height + 1))
        await asyncio.to_thread(end.reached.wait, PATIENCE_SECONDS)
        chain.mine()
        assert not following.done()
        end.release()
        await following
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_without_a_working_websocket_heads_are_polled(chain: Chain, connect: Connect) -> None:
    evm = connect(chain.rpc_url, websocket_url="ws://127.0.0.1:1/", head_poll_seconds=0.01)
    async with aclosing(evm.heads()) as heads:
        await until(heads, chain.height)
        chain.mine()
        await until(heads, chain.height)
