"""Searching events: all of them, in ranges a node will answer, and never half of them."""

import pytest

from marketplace.embedded.chain import DOLLAR
from payments.chains import ChainUnavailable
from payments.chains.evm import EvmChain
from payments.x402.abi import address_word
from payments.x402.schemes.exact_eip3009 import TOPIC_TRANSFER, TOPIC_USED
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy
from tests.payments.chains.cast import Payment, funded, spend
from tests.payments.chains.conftest import Connect


def sold(chain: Chain) -> list[tuple[Payment, bytes]]:
    """Three settled payments, some blocks apart, with their transactions."""
    settled = []
    for payment in funded(chain, Cast.buyer, Cast.other_buyer, Cast.moderator):
        settled.append((payment, spend(chain, payment)))
        chain.mine(2)
    return settled


async def test_events_are_found_by_their_topics(chain: Chain, evm: EvmChain) -> None:
    start = chain.height
    sales = sold(chain)
    found = await evm.logs(DOLLAR, [TOPIC_USED], start, chain.height)
    assert [log.transaction for log in found] == [transaction for _, transaction in sales]
    assert [log.entry.topics[2] for log in found] == [payment.nonce for payment, _ in sales]
    assert all([await evm.is_canonical(log.block_number, log.block_hash) for log in found])


async def test_a_topic_may_be_open_or_one_of_several(chain: Chain, evm: EvmChain) -> None:
    start = chain.height
    sales = sold(chain)
    payer = address_word(sales[1][0].payer)
    topics = [[TOPIC_USED, TOPIC_TRANSFER], payer]
    found = await evm.logs(DOLLAR, topics, start, chain.height)
    assert [log.entry.topics[0] for log in found] == [TOPIC_USED, TOPIC_TRANSFER]
    to_seller = [TOPIC_TRANSFER, None, address_word(Cast.seller.address)]
    assert len(await evm.logs(DOLLAR, to_seller, start, chain.height)) == 3


async def test_a_long_range_is_searched_in_parts(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    start = chain.height
    sold(chain)
    evm = connect(rpc_proxy.url, log_range_blocks=2)
    assert len(await evm.logs(DOLLAR, [TOPIC_USED], start, chain.height)) == 3
    assert rpc_proxy.count("eth_getLogs") == (chain.height - start + 2) // 2


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "query returned more than 10000 results"),
        (-32602, "Log response size exceeded"),
        (-32000, "block range is too wide"),
    ],
)
async def test_a_node_that_says_too_many_is_asked_for_less(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, code: int, message: str
) -> None:
    start = chain.height
    sold(chain)
    rpc_proxy.refuse("eth_getLogs", code, message, times=3)
    found = await connect(rpc_proxy.url).logs(DOLLAR, [TOPIC_USED], start, chain.height)
    assert len(found) == 3


async def test_another_node_is_asked_for_what_one_has_thrown_away(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    start = chain.height
    sold(chain)
    rpc_proxy.refuse("eth_getLogs", 4444, "pruned history unavailable", times=None)
    with pytest.raises(ChainUnavailable, match="pruned history"):
        await connect(rpc_proxy.url).logs(DOLLAR, [TOPIC_USED], start, chain.height)
    both = connect(rpc_proxy.url, chain.rpc_url)
    before = rpc_proxy.count("eth_getLogs")
    assert len(await both.logs(DOLLAR, [TOPIC_USED], start, chain.height)) == 3
    assert rpc_proxy.count("eth_getLogs") <= before + 2


async def test_an_answer_that_is_too_large_is_asked_for_in_parts(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    start = chain.height
    sold(chain)
    evm = connect(rpc_proxy.url, response_bytes_max=1_200)
    assert len(await evm.logs(DOLLAR, [TOPIC_USED], start, chain.height)) == 3


async def test_a_node_that_never_answers_is_not_asked_for_ever(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.refuse("eth_getLogs", -32601, "no such method", times=None)
    with pytest.raises(ChainUnavailable, match="no such method"):
        await connect(rpc_proxy.url).logs(DOLLAR, [], 0, chain.height)
    assert rpc_proxy.count("eth_getLogs") < 12


async def test_a_node_that_lags_is_not_asked_for_what_it_has_not_seen(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    start = chain.height
    sold(chain)
    rpc_proxy.lie("eth_blockNumber", hex(chain.height - 1))
    with pytest.raises(ChainUnavailable, match="not yet"):
        await connect(rpc_proxy.url).logs(DOLLAR, [TOPIC_USED], start, chain.height)


@pytest.mark.parametrize(
    "change",
    [
        {"address": Cast.attacker.address},
        {"blockNumber": "0x0"},
        {"removed": True},
        {"topics": ["0x12"]},
    ],
)
async def test_a_log_nobody_asked_for_spoils_the_answer(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, change: dict[str, object]
) -> None:
    start = chain.height
    sold(chain)
    rpc_proxy.lie("eth_getLogs", lambda true: [{**log, **change} for log in true])
    with pytest.raises(ChainUnavailable):
        await connect(rpc_proxy.url).logs(DOLLAR, [TOPIC_USED], start, chain.height)
