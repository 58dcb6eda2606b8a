"""A node's answer counts only when it is whole, small, in time and about the question asked."""

import logging
import traceback
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from marketplace.embedded.chain import CHAIN_ID
from payments.chains import ChainUnavailable
from payments.chains.evm import EvmChain
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.upstream import (
    Behaviour,
    Call,
    ScriptedUpstream,
    Wire,
    answer,
    cut,
    hang,
    hang_up,
    oversized,
    raw,
    redirect,
)
from tests.payments.chains.conftest import Connect

KEY = "k3y-that-must-not-be-shown"
BLOCK = {
    "number": "0x10",
    "hash": f"0x{1:064x}",
    "parentHash": f"0x{2:064x}",
    "timestamp": "0x6543",
    "baseFeePerGas": "0x7",
}


def saying(make: Callable[[dict[str, Any]], object]) -> Behaviour:
    """Answer as the right chain, and to everything else with what `make` makes of the question."""

    async def behave(call: Call, wire: Wire) -> bool:
        question = orjson.loads(call.body)
        right = {"jsonrpc": "2.0", "id": question["id"], "result": hex(CHAIN_ID)}
        said = right if question["method"] == "eth_chainId" else make(question)
        return await answer(orjson.dumps(said))(call, wire)

    return behave


def block(**changes: object) -> Behaviour:
    fields = {**BLOCK, **changes}
    return saying(lambda question: {"jsonrpc": "2.0", "id": question["id"], "result": fields})


def framed(**changes: object) -> Behaviour:
    return saying(
        lambda question: {"jsonrpc": "2.0", "id": question["id"], "result": BLOCK} | changes
    )


async def test_a_right_answer_is_read(upstream: ScriptedUpstream, connect: Connect) -> None:
    upstream.script(block())
    head = await connect(upstream.url).head()
    assert (head.number, head.timestamp, head.base_fee_wei) == (16, 0x6543, 7)


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(framed(id=999_999), id="another question's id"),
        pytest.param(framed(id=None), id="no id"),
        pytest.param(
            saying(
                lambda question: {"jsonrpc": "2.0", "id": float(question["id"]), "result": BLOCK}
            ),
            id="an id that only equals ours",
        ),
        pytest.param(framed(jsonrpc="1.0"), id="another protocol"),
        pytest.param(saying(lambda question: [BLOCK, BLOCK]), id="two answers to one question"),
        pytest.param(saying(lambda question: "0x1"), id="a bare text"),
        pytest.param(
            saying(lambda question: {"jsonrpc": "2.0", "id": question["id"]}), id="no result"
        ),
        pytest.param(framed(error={"message": "no code"}), id="an error without a code"),
        pytest.param(framed(error="broken"), id="an error that is a text"),
        pytest.param(block(number=16), id="a number that is not hex"),
        pytest.param(block(number="0x_10"), id="a number with an underscore"),
        pytest.param(block(number="0x" + "1" * 65), id="a number beyond 256 bits"),
        pytest.param(block(number="-0x1"), id="a negative number"),
        pytest.param(block(number=None), id="no number"),
        pytest.param(block(hash="0x12"), id="a short hash"),
        pytest.param(block(hash="0x" + "11 " * 32), id="a hash with blanks"),
        pytest.param(block(hash="0x" + "zz" * 32), id="a hash that is not hex"),
        pytest.param(
            saying(lambda question: {"jsonrpc": "2.0", "id": question["id"], "result": None}),
            id="no newest block",
        ),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{]}"), id="no JSON"),
        pytest.param(raw(b"not even HTTP"), id="no HTTP"),
        pytest.param(answer(b"{}", status=500), id="HTTP 500"),
        pytest.param(answer(b"{}", status=429), id="HTTP 429"),
        pytest.param(redirect("http://127.0.0.1:1/"), id="a redirect"),
        pytest.param(cut(), id="a cut answer"),
        pytest.param(hang_up(), id="a closed connection"),
        pytest.param(block(extraData="0x" + "00" * 600_000), id="an oversized answer"),
        pytest.param(oversized(2_000_000, declared=False), id="an endless answer"),
        pytest.param(framed(error={"code": -32005, "message": "rate limit"}), id="a rate limit"),
    ],
)
async def test_anything_else_leaves_the_question_open(
    upstream: ScriptedUpstream, connect: Connect, behaviour: Behaviour
) -> None:
    upstream.script(behaviour)
    with pytest.raises(ChainUnavailable):
        await connect(upstream.url).head()


async def test_an_answer_that_does_not_come_in_time_leaves_it_open(
    upstream: ScriptedUpstream, connect: Connect
) -> None:
    upstream.script(hang())
    with pytest.raises(ChainUnavailable, match=r"no answer within 0\.05 s"):
        await connect(upstream.url, timeout_seconds=0.05).head()
    upstream.release()


async def test_a_node_of_another_chain_is_not_believed(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.lie("eth_chainId", "0x1", times=1)
    evm = connect(rpc_proxy.url)
    with pytest.raises(ChainUnavailable, match=f"it serves chain 1, not {CHAIN_ID}"):
        await evm.head()
    assert rpc_proxy.count("eth_getBlockByNumber") == 0
    assert (await evm.head()).number == chain.height


async def test_the_chain_is_asked_for_once_until_the_node_fails(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    await evm.head()
    await evm.head()
    assert rpc_proxy.count("eth_chainId") == 1
    rpc_proxy.fail("eth_getBlockByNumber")
    with pytest.raises(ChainUnavailable):
        await evm.head()
    # What answers after an outage may be another node.
    await evm.head()
    assert rpc_proxy.count("eth_chainId") == 2


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(hang_up(), id="connection"),
        pytest.param(answer(b"no", status=403), id="status"),
        pytest.param(
            framed(error={"code": -1, "message": f"bad key {KEY} at http://x/v2/{KEY}?a=1"}),
            id="message",
        ),
        pytest.param(raw(b"garbage"), id="garbage"),
    ],
)
async def test_the_key_in_an_endpoints_url_is_never_shown(
    upstream: ScriptedUpstream,
    connect: Connect,
    caplog: pytest.LogCaptureFixture,
    behaviour: Behaviour,
) -> None:
    upstream.script(behaviour)
    evm = connect(f"{upstream.url}/v2/{KEY}")
    with caplog.at_level(logging.DEBUG), pytest.raises(ChainUnavailable) as caught:
        await evm.head()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(evm))
    assert KEY not in told
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in str(error)
        error = error.__context__


async def test_a_closed_client_asks_nothing(chain: Chain, evm: EvmChain) -> None:
    await evm.close()
    with pytest.raises(ChainUnavailable, match="closed"):
        await evm.head()
