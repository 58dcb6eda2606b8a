"""Blocks, accounts, tokens and what is sent, as a real node tells them."""

import pytest
from eth_utils import keccak

from marketplace.embedded.chain import DOLLAR, DOLLAR_NAME, DOLLAR_VERSION, MULTICALL
from marketplace.embedded.demo_accounts import RELAYER
from payments.chains import (
    ChainUnavailable,
    RpcError,
    SendOutcome,
    TokenFacts,
)
from payments.chains.evm import EvmChain
from payments.x402.schemes.exact_eip3009 import find_transfer
from payments.x402.types import Evidence
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain, calldata
from tests.fixtures.rpc_proxy import RpcProxy
from tests.payments.chains.cast import (
    PRICE_ATOMIC,
    SOMEWHERE,
    funded,
    give,
    pay,
    spend,
    transaction,
)
from tests.payments.chains.conftest import Connect

NOBODYS_HASH = b"\x07" * 32
GWEI = 10**9
FINAL_BLOCKS = 9  # the node calls a block final when eight are on top of it


# Blocks


async def test_the_head_is_the_newest_block(chain: Chain, evm: EvmChain) -> None:
    head, told = await evm.head(), chain.block("latest")
    assert head.hash.hex() == told["hash"][2:]
    assert (head.number, head.timestamp) == (chain.height, chain.now)
    assert head.base_fee_wei == int(told["baseFeePerGas"], 16)


async def test_blocks_are_found_by_height_and_tag(chain: Chain, evm: EvmChain) -> None:
    assert await evm.block("latest") == await evm.block(chain.height) == await evm.head()
    assert await evm.block(chain.height + 1) is None
    for tag in ("safe", "finalized"):
        block = await evm.block(tag)
        assert block is not None
        assert block.number == int(chain.block(tag)["number"], 16) < chain.height


@pytest.mark.parametrize("lack", ["error", "null"])
async def test_depth_stands_in_for_tags_a_node_lacks(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, lack: str
) -> None:
    evm = connect(rpc_proxy.url, safe_depth_blocks=5, finalized_depth_blocks=1_000)
    await evm.head()
    if lack == "error":
        rpc_proxy.refuse("eth_getBlockByNumber", -39001, "Unknown block")
    else:
        rpc_proxy.lie("eth_getBlockByNumber", None, times=1)
    safe = await evm.block("safe")
    assert safe is not None
    assert safe.number == chain.height - 5


async def test_a_tag_once_served_is_not_replaced_by_depth(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url, finalized_depth_blocks=0)
    await evm.block("finalized")
    rpc_proxy.refuse("eth_getBlockByNumber", -32603, "internal error")
    with pytest.raises(ChainUnavailable, match="internal error"):
        await evm.block("finalized")


async def test_on_a_young_chain_only_the_first_block_is_final_by_depth(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url, finalized_depth_blocks=1_000)
    rpc_proxy.lie("eth_getBlockByNumber", None, times=1)
    final = await evm.block("finalized")
    assert final is not None
    assert final.number == 0


async def test_a_reorganised_block_is_no_longer_canonical(chain: Chain, evm: EvmChain) -> None:
    chain.mine(3)
    old = await evm.head()
    assert await evm.is_canonical(old.number, old.hash)
    chain.reorg(3)
    assert not await evm.is_canonical(old.number, old.hash)
    assert await evm.is_canonical(old.number, (await evm.head()).hash)


async def test_a_node_that_fell_behind_has_reorganised_nothing(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    head = await evm.head()
    rpc_proxy.lie("eth_getBlockByNumber", None, times=1)
    with pytest.raises(ChainUnavailable, match="has not reached"):
        await evm.is_canonical(head.number, head.hash)
    assert await evm.is_canonical(head.number, head.hash)


# Transactions


async def test_a_receipt_proves_the_payment(chain: Chain, evm: EvmChain) -> None:
    (payment,) = funded(chain, Cast.buyer)
    settled = spend(chain, payment)
    receipt, nothing = await evm.receipts([settled, NOBODYS_HASH])
    assert nothing is None
    assert receipt is not None
    assert (receipt.transaction, receipt.status) == (settled, 1)
    assert await evm.is_canonical(receipt.block_number, receipt.block_hash)
    finding = find_transfer(receipt.logs, payment.authorization, DOLLAR)
    assert finding.evidence is Evidence.PAID


async def test_a_receipt_tells_of_a_reverted_transaction(chain: Chain, evm: EvmChain) -> None:
    (receipt,) = await evm.receipts([spend(chain, pay(chain, Cast.buyer))])
    assert receipt is not None
    assert (receipt.status, receipt.logs) == (0, ())
    assert receipt.gas_used > 21_000
    assert receipt.effective_gas_price_wei > 0


async def test_many_receipts_come_in_bounded_batches(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    hashes = [number.to_bytes(32) for number in range(250)]
    assert await connect(rpc_proxy.url).receipts(hashes) == [None] * 250
    assert [len(message) for message in rpc_proxy.messages] == [1, 100, 100, 50]


async def test_no_receipts_are_no_question(connect: Connect) -> None:
    assert await connect("http://127.0.0.1:1").receipts([]) == []


async def test_a_sent_transaction_is_known_and_mined(chain: Chain, evm: EvmChain) -> None:
    raw = transaction(chain)
    assert (await evm.send(raw)).outcome is SendOutcome.ACCEPTED
    assert await evm.knows(keccak(raw))
    assert chain.mined(f"0x{keccak(raw).hex()}")["status"] == "0x1"


async def test_an_unsent_transaction_is_unknown(chain: Chain, evm: EvmChain) -> None:
    assert not await evm.knows(keccak(transaction(chain)))


async def test_a_node_says_why_it_does_not_take_a_transaction(chain: Chain, evm: EvmChain) -> None:
    chain.pause()
    waiting = transaction(chain)
    number = await evm.nonce(RELAYER.address, "latest")
    outcomes = {
        "first": waiting,
        "again": waiting,
        "same fees": transaction(chain, nonce=number, value=1),
        "cheap": transaction(chain, maxFeePerGas=1, maxPriorityFeePerGas=1),
        "poor": transaction(chain, Cast.attacker),
        "mined": transaction(chain, nonce=0) if number else waiting,
        "other chain": transaction(chain, chainId=1),
    }
    told = {name: await evm.send(raw) for name, raw in outcomes.items()}
    assert {name: answer.outcome for name, answer in told.items()} == {
        "first": SendOutcome.ACCEPTED,
        "again": SendOutcome.ALREADY_KNOWN,
        "same fees": SendOutcome.UNDERPRICED,
        "cheap": SendOutcome.UNDERPRICED,
        "poor": SendOutcome.INSUFFICIENT_GAS_MONEY,
        "mined": SendOutcome.NONCE_TOO_LOW if number else SendOutcome.ALREADY_KNOWN,
        "other chain": SendOutcome.REFUSED,
    }


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("already known", SendOutcome.ALREADY_KNOWN),
        ("AlreadyKnown", SendOutcome.ALREADY_KNOWN),
        ("INTERNAL_ERROR: existing tx with same hash", SendOutcome.ALREADY_KNOWN),
        ("nonce too low: next nonce 5, tx nonce 3", SendOutcome.NONCE_TOO_LOW),
        ("OldNonce", SendOutcome.NONCE_TOO_LOW),
        ("replacement transaction underpriced", SendOutcome.UNDERPRICED),
        ("transaction underpriced: tip needed 1", SendOutcome.UNDERPRICED),
        ("insufficient funds for gas * price + value", SendOutcome.INSUFFICIENT_GAS_MONEY),
        ("exceeds block gas limit", SendOutcome.REFUSED),
    ],
)
async def test_other_nodes_words_are_understood(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, message: str, outcome: SendOutcome
) -> None:
    rpc_proxy.refuse("eth_sendRawTransaction", -32000, message)
    answer = await connect(rpc_proxy.url).send(transaction(chain))
    assert (answer.outcome, answer.message) == (outcome, message)


async def test_the_hash_of_another_transaction_is_no_acceptance(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.lie("eth_sendRawTransaction", f"0x{NOBODYS_HASH.hex()}")
    with pytest.raises(ChainUnavailable, match="another transaction"):
        await connect(rpc_proxy.url).send(transaction(chain))


# Accounts and fees


async def test_accounts_tell_their_number_and_gas_money(chain: Chain, evm: EvmChain) -> None:
    chain.pause()
    before = await evm.nonce(RELAYER.address, "latest")
    await evm.send(transaction(chain))
    assert await evm.nonce(RELAYER.address, "latest") == before
    assert await evm.nonce(RELAYER.address, "pending") == before + 1
    chain.set_balance(Cast.buyer.address, 2**100)
    assert await evm.balance(Cast.buyer.address) == 2**100


async def test_code_is_remembered_for_a_moment(chain: Chain, evm: EvmChain) -> None:
    assert not await evm.has_code(SOMEWHERE.upper().replace("0X", "0x"))
    chain.rpc("anvil_setCode", [SOMEWHERE, "0x00"])
    assert not await evm.has_code(SOMEWHERE)


async def test_fees_leave_room_for_a_rising_base_fee(chain: Chain, evm: EvmChain) -> None:
    base = (await evm.head()).base_fee_wei
    fees = await evm.fees(cap_wei=10**15)
    assert fees.base_fee_wei == base
    assert fees.max_fee_wei == 2 * base + fees.priority_fee_wei


async def test_fees_never_pass_the_cap(chain: Chain, evm: EvmChain) -> None:
    chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(50 * GWEI)])
    chain.mine()
    fees = await evm.fees(cap_wei=3)
    assert (fees.max_fee_wei, fees.priority_fee_wei) == (3, 3)
    assert fees.base_fee_wei == 50 * GWEI


async def test_a_node_without_tips_prices_the_whole(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    rpc_proxy.refuse("eth_maxPriorityFeePerGas", -32601, "the method does not exist")
    rpc_proxy.lie(
        "eth_gasPrice", lambda true: hex(int(chain.block("latest")["baseFeePerGas"], 16) + 5)
    )
    fees = await connect(rpc_proxy.url).fees(cap_wei=10**15)
    assert fees.priority_fee_wei == 5


# Contracts


async def test_a_contract_is_read_at_a_block_of_choice(chain: Chain, evm: EvmChain) -> None:
    question = bytes.fromhex(calldata("balanceOf(address)", Cast.buyer.address)[2:])
    chain.mine(FINAL_BLOCKS)  # the node may have let go of what was before this test
    before = chain.height
    give(chain, Cast.buyer.address)
    assert int.from_bytes(await evm.call(DOLLAR, question)) == PRICE_ATOMIC
    for block in (before, "finalized"):
        assert int.from_bytes(await evm.call(DOLLAR, question, block)) == 0


async def test_a_reverted_reading_is_the_nodes_error(chain: Chain, evm: EvmChain) -> None:
    with pytest.raises(RpcError, match="transfer from the zero address") as caught:
        await evm.call(
            DOLLAR, bytes.fromhex(calldata("transfer(address,uint256)", SOMEWHERE, 1)[2:])
        )
    assert caught.value.data is not None


async def test_what_is_no_token_answers_nothing(chain: Chain, evm: EvmChain) -> None:
    assert await evm.token_facts(SOMEWHERE) == TokenFacts(None, None, None, None)


@pytest.mark.parametrize("multicall", ["present", "absent"])
async def test_authorizations_are_told_at_a_block(
    chain: Chain, evm: EvmChain, multicall: str
) -> None:
    used, unused = funded(chain, Cast.buyer, Cast.other_buyer)
    if multicall == "absent":
        chain.rpc("anvil_setCode", [MULTICALL, "0x"])
    chain.mine(FINAL_BLOCKS)  # the node may have let go of what was before this test
    before = chain.height
    spend(chain, used)
    pairs = [(used.payer, used.nonce), (unused.payer, unused.nonce), (unused.payer, used.nonce)]
    assert await evm.authorization_states(DOLLAR, pairs, "latest") == [True, False, False]
    assert await evm.authorization_states(DOLLAR, pairs, before) == [False, False, False]
    assert await evm.authorization_states(DOLLAR, pairs, "finalized") == [False, False, False]


async def test_hundreds_of_authorizations_are_told_in_order(chain: Chain, evm: EvmChain) -> None:
    used = funded(chain, Cast.buyer, Cast.other_buyer)
    for payment in used:
        spend(chain, payment)
    pairs = [(Cast.buyer.address, (10**9 + number).to_bytes(32)) for number in range(450)]
    pairs[3], pairs[333] = ((each.payer, each.nonce) for each in used)
    states = await evm.authorization_states(DOLLAR, pairs, "latest")
    assert [place for place, state in enumerate(states) if state] == [3, 333]


async def test_balances_are_told_in_order(chain: Chain, evm: EvmChain) -> None:
    give(chain, Cast.buyer.address, 7)
    owners = [SOMEWHERE, Cast.buyer.address]
    assert await evm.token_balances(DOLLAR, owners) == [0, 7]
    with pytest.raises(ChainUnavailable, match="does not tell"):
        await evm.token_balances(SOMEWHERE, owners)


async def test_silence_about_an_authorization_is_not_a_no(chain: Chain, evm: EvmChain) -> None:
    with pytest.raises(ChainUnavailable, match="does not tell"):
        await evm.authorization_states(SOMEWHERE, [(Cast.buyer.address, bytes(32))], "latest")


async def test_a_token_tells_its_facts_in_one_question(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    separator = chain.view(DOLLAR, "DOMAIN_SEPARATOR()")
    rpc_proxy.messages.clear()
    assert await evm.token_facts(DOLLAR) == TokenFacts(DOLLAR_NAME, DOLLAR_VERSION, 6, separator)
    assert rpc_proxy.messages == [["eth_chainId"], ["eth_call"]]
