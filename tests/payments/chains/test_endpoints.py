"""Two nodes stand in for each other, and must agree where much is at stake."""

from typing import Any

import pytest

from marketplace.embedded.chain import DOLLAR
from payments.chains import ChainUnavailable, SendOutcome
from payments.settling.evidence import trusted_receipt
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.upstream import ScriptedUpstream, hang
from tests.payments.chains.cast import funded, spend, transaction
from tests.payments.chains.conftest import Connect

NOBODY = "http://127.0.0.1:1"


async def test_the_second_answers_when_the_first_is_gone(chain: Chain, connect: Connect) -> None:
    assert (await connect(NOBODY, chain.rpc_url).head()).number == chain.height


async def test_the_second_answers_when_the_first_hangs(
    chain: Chain, upstream: ScriptedUpstream, connect: Connect
) -> None:
    upstream.script(hang())
    evm = connect(upstream.url, chain.rpc_url, timeout_seconds=0.5)
    assert (await evm.head()).number == chain.height
    upstream.release()


@pytest.mark.parametrize("lie", ["0x1", "garbage", None])
async def test_the_second_answers_when_the_first_serves_another_chain(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, lie: str | None
) -> None:
    rpc_proxy.lie("eth_chainId", lie)
    assert (await connect(rpc_proxy.url, chain.rpc_url).head()).number == chain.height


async def test_the_second_answers_when_the_first_answers_garbage(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.lie("eth_getBlockByNumber", {"number": "0x1"})
    assert (await connect(rpc_proxy.url, chain.rpc_url).head()).number == chain.height


async def test_the_second_answers_what_the_first_has_thrown_away(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.refuse("eth_call", -32000, "missing trie node", times=None)
    asked = DOLLAR, [(Cast.buyer.address, bytes(32))], chain.height
    with pytest.raises(ChainUnavailable, match="missing trie node"):
        await connect(rpc_proxy.url).authorization_states(*asked)
    both = connect(rpc_proxy.url, chain.rpc_url)
    assert await both.authorization_states(*asked) == [False]


async def test_an_endpoint_that_failed_is_asked_last_for_a_while(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.fail()
    evm = connect(rpc_proxy.url, chain.rpc_url)
    await evm.head()
    asked = rpc_proxy.count()
    await evm.head()
    assert rpc_proxy.count() == asked


async def test_all_reasons_are_told_when_nobody_answers(connect: Connect) -> None:
    with pytest.raises(ChainUnavailable, match=r"endpoint 1: .*; .* endpoint 2: "):
        await connect(NOBODY, NOBODY).head()


async def test_a_send_whose_answer_was_lost_is_repeated_at_the_other_node(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    chain.pause()
    rpc_proxy.lose_answer("eth_sendRawTransaction")
    answer = await connect(rpc_proxy.url, chain.rpc_url).send(transaction(chain))
    assert answer.outcome is SendOutcome.ALREADY_KNOWN


@pytest.mark.parametrize(
    "refusal", ["method not available", "tx fee exceeds the configured cap", "underpriced"]
)
async def test_what_one_node_refuses_another_takes(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, refusal: str
) -> None:
    """It may serve reads well all the while. (The line hands the bytes on, whatever it says.)"""
    chain.pause()
    raw = transaction(chain)
    rpc_proxy.refuse("eth_sendRawTransaction", -32601, refusal, times=None)
    both = connect(rpc_proxy.url, chain.rpc_url)
    assert (await both.send(raw)).outcome is SendOutcome.ALREADY_KNOWN
    alone = await connect(rpc_proxy.url, rpc_proxy.url).send(raw)
    assert refusal in alone.message, "the first one's own words"
    assert alone.outcome is not SendOutcome.ACCEPTED


async def test_a_key_without_gas_money_is_the_same_on_every_node(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.refuse("eth_sendRawTransaction", -32000, "insufficient funds", times=None)
    said = await connect(rpc_proxy.url, chain.rpc_url).send(transaction(chain))
    assert said.outcome is SendOutcome.INSUFFICIENT_GAS_MONEY


async def test_a_receipt_both_see_alike_is_agreed(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    receipt = await connect(rpc_proxy.url, chain.rpc_url).agreed_receipt(settled)
    assert receipt is not None
    assert receipt.status == 1


async def test_nodes_may_count_a_receipts_logs_differently(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)

    def recounted(true: dict[str, Any]) -> dict[str, Any]:
        return {**true, "logs": [{**log, "logIndex": "0x63"} for log in true["logs"]]}

    rpc_proxy.lie("eth_getTransactionReceipt", recounted)
    assert await connect(rpc_proxy.url, chain.rpc_url).agreed_receipt(settled) is not None


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda true: None, id="not mined"),
        pytest.param(lambda true: {**true, "blockHash": f"0x{7:064x}"}, id="another block"),
        pytest.param(lambda true: {**true, "status": "0x0"}, id="another end"),
        pytest.param(lambda true: {**true, "logs": []}, id="other events"),
    ],
)
async def test_a_receipt_they_see_differently_leaves_the_question_open(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, lie: object
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    rpc_proxy.lie("eth_getTransactionReceipt", lie)
    with pytest.raises(ChainUnavailable, match="disagree"):
        await connect(rpc_proxy.url, chain.rpc_url).agreed_receipt(settled)


async def test_agreement_needs_every_endpoint(chain: Chain, connect: Connect) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    with pytest.raises(ChainUnavailable):
        await connect(chain.rpc_url, NOBODY).agreed_receipt(settled)


async def test_of_three_one_may_be_silent_or_late_and_none_may_differ(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    own = chain.rpc_url
    assert await connect(own, NOBODY, f"{own}/").agreed_receipt(settled) is not None
    rpc_proxy.lie("eth_getTransactionReceipt", lambda true: None, times=1)
    three = connect(own, rpc_proxy.url, f"{own}/")
    assert await three.agreed_receipt(settled) is not None
    rpc_proxy.lie("eth_getTransactionReceipt", lambda true: {**true, "status": "0x0"})
    with pytest.raises(ChainUnavailable, match="disagree"):
        await three.agreed_receipt(settled)


@pytest.mark.parametrize(
    ("changes", "is_trusted"),
    [
        pytest.param({}, True, id="the same"),
        pytest.param({"logs": []}, False, id="other events"),
        pytest.param({"status": "0x0"}, False, id="another end"),
    ],
)
async def test_what_a_node_said_before_proves_nothing_unless_they_agree_on_that(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, changes: dict[str, Any], is_trusted: bool
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    both = connect(rpc_proxy.url, chain.rpc_url)
    rpc_proxy.lie("eth_getTransactionReceipt", lambda true: {**true, **changes}, times=1)
    (said,) = await both.receipts([settled])
    assert said is not None
    assert await trusted_receipt(both, said, amount_atomic=1, agree_above_atomic=1) is is_trusted


async def test_an_authorization_is_unused_where_two_say_so_and_nobody_differs(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    own, proxied = chain.rpc_url, rpc_proxy.url
    final = await connect(own).head()
    asked = DOLLAR, payment.payer, payment.authorization.nonce, final

    assert await connect(own, proxied).agreed_unused(*asked)
    assert await connect(own).agreed_unused(*asked), "the only one there is"
    assert await connect(own, NOBODY, proxied).agreed_unused(*asked)
    assert not await connect(own, NOBODY).agreed_unused(*asked)
    rpc_proxy.lie("eth_getBlockByNumber", lambda true: None, times=1)
    assert not await connect(own, proxied).agreed_unused(*asked), "it has not come so far"
    rpc_proxy.lie("eth_getBlockByNumber", lambda true: {**true, "hash": f"0x{7:064x}"}, times=1)
    assert not await connect(own, proxied, f"{own}/").agreed_unused(*asked), "on another fork"
    spend(chain, payment)
    rpc_proxy.lie("eth_call", f"0x{0:064x}", times=1)
    assert not await connect(own, proxied).agreed_unused(*asked)
