"""The proxy to the node breaks exactly what it is told to, and nothing else."""

import asyncio
import http.client
import json
import threading
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from marketplace.embedded.rpc import NodeRefusedError, NodeSilentError, call
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy

TX = {"to": "0x" + "11" * 20, "value": "0x1"}


def posted(proxy: RpcProxy, message: Any) -> tuple[int, bytes]:
    host, port = proxy.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    try:
        connection.request("POST", "/", json.dumps(message))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_passes_everything_on_and_counts(chain: Chain, rpc_proxy: RpcProxy) -> None:
    assert call(rpc_proxy.url, "eth_chainId") == hex(chain.chain_id)
    assert call(rpc_proxy.url, "eth_blockNumber") == hex(chain.height)
    assert call(rpc_proxy.url, "eth_blockNumber") == hex(chain.height)
    assert rpc_proxy.count() == 3
    assert rpc_proxy.count("eth_blockNumber") == 2
    assert rpc_proxy.messages[0] == ["eth_chainId"]


def test_the_nodes_refusals_pass(rpc_proxy: RpcProxy) -> None:
    with pytest.raises(NodeRefusedError):
        call(rpc_proxy.url, "eth_nonsense")


def test_a_dropped_question_never_reaches_the_node(chain: Chain, rpc_proxy: RpcProxy) -> None:
    height = chain.height
    rpc_proxy.drop("anvil_mine")
    with pytest.raises(NodeSilentError):
        call(rpc_proxy.url, "anvil_mine")
    assert chain.height == height
    call(rpc_proxy.url, "anvil_mine")
    assert chain.height == height + 1


def test_a_lost_answer_leaves_the_deed_done(chain: Chain, rpc_proxy: RpcProxy) -> None:
    height = chain.height
    rpc_proxy.lose_answer("anvil_mine")
    with pytest.raises(NodeSilentError):
        call(rpc_proxy.url, "anvil_mine")
    assert chain.height == height + 1


def test_a_fault_waits_for_its_message(rpc_proxy: RpcProxy) -> None:
    rpc_proxy.fail(at=3, status=500)
    rpc_proxy.fail("eth_gasPrice", at=2)
    answers = [
        posted(rpc_proxy, {"id": 1, "jsonrpc": "2.0", "method": method})[0]
        for method in ("eth_gasPrice", "eth_chainId", "eth_chainId", "eth_gasPrice", "eth_gasPrice")
    ]
    assert answers == [200, 200, 500, 503, 200]


def test_a_fault_strikes_as_often_as_told(rpc_proxy: RpcProxy) -> None:
    rpc_proxy.fail("eth_chainId", times=2)
    question = {"id": 1, "jsonrpc": "2.0", "method": "eth_chainId"}
    assert [posted(rpc_proxy, question)[0] for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    ("told", "expected"), [("0x7", 7), (lambda true: hex(int(true, 16) + 1), None)]
)
def test_a_lie_replaces_the_result(
    chain: Chain, rpc_proxy: RpcProxy, told: str | Callable[[str], str], expected: int | None
) -> None:
    rpc_proxy.lie("eth_blockNumber", told)
    assert int(call(rpc_proxy.url, "eth_blockNumber"), 16) == (expected or chain.height + 1)
    rpc_proxy.heal()
    assert int(call(rpc_proxy.url, "eth_blockNumber"), 16) == chain.height


def test_a_replay_tells_the_past(chain: Chain, rpc_proxy: RpcProxy) -> None:
    before = call(rpc_proxy.url, "eth_blockNumber")
    rpc_proxy.replay("eth_blockNumber", times=1)
    chain.mine()
    assert call(rpc_proxy.url, "eth_blockNumber") == before
    assert int(call(rpc_proxy.url, "eth_blockNumber"), 16) == chain.height


def test_a_made_up_refusal_looks_like_the_nodes(rpc_proxy: RpcProxy) -> None:
    rpc_proxy.refuse("eth_chainId", -32005, "limit exceeded")
    with pytest.raises(NodeRefusedError, match="limit exceeded") as refused:
        call(rpc_proxy.url, "eth_chainId")
    assert refused.value.code == -32005


def test_a_held_question_waits_for_its_release(chain: Chain, rpc_proxy: RpcProxy) -> None:
    height = chain.height
    held = rpc_proxy.hold("anvil_mine")
    asking = threading.Thread(target=call, args=(rpc_proxy.url, "anvil_mine"))
    asking.start()
    assert held.reached.wait(30)
    assert call(rpc_proxy.url, "eth_blockNumber") == hex(height)
    held.release()
    asking.join()
    assert chain.height == height + 1


def test_every_question_of_a_batch_is_a_message(chain: Chain, rpc_proxy: RpcProxy) -> None:
    rpc_proxy.lie("eth_blockNumber", "0x7")
    batch = [
        {"id": 10, "jsonrpc": "2.0", "method": "eth_chainId"},
        {"id": 11, "jsonrpc": "2.0", "method": "eth_blockNumber"},
    ]
    status, body = posted(rpc_proxy, batch)
    told = {answer["id"]: answer["result"] for answer in json.loads(body)}
    assert (status, told) == (200, {10: hex(chain.chain_id), 11: "0x7"})
    assert rpc_proxy.count() == 2
    rpc_proxy.heal()
    rpc_proxy.drop(at=4)
    with pytest.raises((http.client.HTTPException, OSError)):
        posted(rpc_proxy, batch)


async def test_it_serves_an_asynchronous_client(chain: Chain, rpc_proxy: RpcProxy) -> None:
    question = {"id": 1, "jsonrpc": "2.0", "method": "eth_chainId"}

    async def ask(client: aiohttp.ClientSession) -> Any:
        async with client.post(rpc_proxy.url, json=question) as response:
            return (await response.json())["result"]

    async with aiohttp.ClientSession() as client:
        told = await asyncio.gather(*(ask(client) for _ in range(8)))
        assert told == [hex(chain.chain_id)] * 8
        rpc_proxy.drop("eth_chainId")
        with pytest.raises(aiohttp.ClientError):
            await ask(client)
