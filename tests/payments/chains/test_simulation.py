"""Trying payments before work is done for them: alone, in company, and in bad company."""

import asyncio
from collections.abc import Sequence

import pytest

from marketplace.embedded.chain import CHAIN_ID, MULTICALL
from payments.chains import Call, ChainUnavailable, Simulation
from payments.chains.evm import EvmChain
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import Chain, calldata
from tests.fixtures.rpc_proxy import RpcProxy
from tests.payments.chains.cast import (
    AGREES,
    BURNS,
    REFUSES,
    SOMEWHERE,
    WALLET,
    Payment,
    buyers,
    funded,
    give,
    pay,
    spend,
)
from tests.payments.chains.conftest import Connect


async def alone(evm: EvmChain, payment: Payment) -> Simulation:
    return await evm.simulate(payment.call, payment.payer)


async def together(evm: EvmChain, payments: Sequence[Payment]) -> list[Simulation]:
    return await asyncio.gather(*(alone(evm, payment) for payment in payments))


def own_wallet(chain: Chain, owner: Person) -> str:
    """A contract wallet with the money for one payment."""
    wallet = chain.deploy(WALLET, owner.address)
    give(chain, wallet)
    return wallet


def delegate(chain: Chain, person: Person, to: str) -> None:
    """The account acts by this contract's code from now on (EIP-7702)."""
    chain.set_balance(person.address, 10**18)
    authorization = person.account.sign_authorization(
        {"chainId": CHAIN_ID, "address": to, "nonce": 1}
    )
    signed = person.account.sign_transaction(
        {
            "chainId": CHAIN_ID,
            "nonce": 0,
            "to": person.address,
            "value": 0,
            "gas": 100_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "authorizationList": [authorization],
        }
    )
    sent = chain.rpc("eth_sendRawTransaction", [f"0x{signed.raw_transaction.hex()}"])
    assert chain.mined(sent)["status"] == "0x1"


async def test_a_payment_with_the_money_for_it_passes(chain: Chain, evm: EvmChain) -> None:
    (payment,) = funded(chain, Cast.buyer)
    assert await alone(evm, payment) == Simulation(passed=True, revert="", payer_has_code=False)


async def test_an_empty_pocket_is_refused_in_the_tokens_words(chain: Chain, evm: EvmChain) -> None:
    simulation = await alone(evm, pay(chain, Cast.buyer))
    assert simulation == Simulation(False, "ERC20: transfer amount exceeds balance", False)


async def test_a_used_authorization_is_refused(chain: Chain, evm: EvmChain) -> None:
    (payment,) = funded(chain, Cast.buyer)
    give(chain, Cast.buyer.address)
    spend(chain, payment)
    simulation = await alone(evm, payment)
    assert simulation == Simulation(False, "FiatTokenV2: authorization is used or canceled", False)


async def test_a_strangers_signature_is_refused(chain: Chain, evm: EvmChain) -> None:
    give(chain, Cast.buyer.address)
    forged = pay(chain, Cast.attacker, wallet=Cast.buyer.address)
    simulation = await alone(evm, forged)
    assert simulation == Simulation(False, "FiatTokenV2: invalid signature", False)


async def test_a_token_that_is_not_there_pays_nothing(chain: Chain, evm: EvmChain) -> None:
    payment = pay(chain, Cast.buyer)
    simulation = await evm.simulate(Call(SOMEWHERE, payment.call.data, 100_000), payment.payer)
    assert simulation == Simulation(False, f"no contract at {SOMEWHERE}", False)


async def test_known_payers_who_arrive_together_share_one_question(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    payments = funded(chain, *buyers(20))
    await together(evm, payments)
    rpc_proxy.messages.clear()
    assert all(simulation.passed for simulation in await together(evm, payments))
    assert rpc_proxy.messages == [["eth_call"]]


async def test_new_payers_who_arrive_together_share_one_message(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    await evm.head()
    rpc_proxy.messages.clear()
    payments = funded(chain, *buyers(20))
    assert all(simulation.passed for simulation in await together(evm, payments))
    assert len(rpc_proxy.messages) == 1


async def test_a_crowd_goes_in_rounds_of_bounded_size(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    payments = [pay(chain, buyer) for buyer in buyers(120)]
    simulations = await together(connect(rpc_proxy.url), payments)
    assert not any(simulation.passed for simulation in simulations)
    assert max(len(message) for message in rpc_proxy.messages) <= 100


async def test_one_bad_payment_spoils_nobody_elses(chain: Chain, evm: EvmChain) -> None:
    first, second, third, poor = buyers(4)
    payments = [*funded(chain, first, second), pay(chain, poor), *funded(chain, third)]
    for _ in ("new payers", "known payers"):
        simulations = await together(evm, payments)
        assert [simulation.passed for simulation in simulations] == [True, True, False, True]
        assert simulations[2].revert == "ERC20: transfer amount exceeds balance"


async def test_a_wallet_that_burns_its_gas_harms_no_other(chain: Chain, evm: EvmChain) -> None:
    wallet = own_wallet(chain, Cast.attacker)
    payments = [*funded(chain, *buyers(8)), pay(chain, Cast.attacker, wallet=wallet)]
    assert all(simulation.passed for simulation in await together(evm, payments))
    chain.send(wallet, calldata("set_burning(bool)", True))
    for _ in ("new payers", "known payers"):
        *others, burner = await together(evm, payments)
        assert all(simulation.passed for simulation in others)
        assert (burner.passed, burner.payer_has_code) == (False, True)


async def test_a_wallet_with_code_travels_by_itself_in_the_same_message(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    wallet = own_wallet(chain, Cast.buyer)
    payments = [*funded(chain, *buyers(3)), pay(chain, Cast.buyer, wallet=wallet)]
    await together(evm, payments)
    rpc_proxy.messages.clear()
    assert all(simulation.passed for simulation in await together(evm, payments))
    assert rpc_proxy.messages == [["eth_call", "eth_call"]]


async def test_a_payer_who_turns_into_a_gas_burner_harms_no_other(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    payments = funded(chain, *buyers(8))
    await together(evm, payments)
    chain.rpc("anvil_setCode", [payments[0].payer, BURNS])
    rpc_proxy.messages.clear()
    burner, *others = await together(evm, payments)
    # It did ride in company, for the client still remembers an account without code.
    assert rpc_proxy.messages[0] == ["eth_call"]
    assert (burner.passed, burner.payer_has_code) == (False, True)
    assert all(simulation.passed for simulation in others)


async def test_two_payments_of_one_payer_do_not_starve_each_other(
    chain: Chain, evm: EvmChain
) -> None:
    (first,) = funded(chain, Cast.buyer)
    second = pay(chain, Cast.buyer)
    for _ in ("new payer", "known payer"):
        assert all(simulation.passed for simulation in await together(evm, [first, second]))


async def test_money_that_another_payment_would_bring_pays_nothing_yet(
    chain: Chain, evm: EvmChain
) -> None:
    give(chain, Cast.other_buyer.address)
    feeding = pay(chain, Cast.other_buyer, pay_to=Cast.buyer.address)
    hopeful = pay(chain, Cast.buyer)
    for _ in ("new payers", "known payers"):
        simulations = await together(evm, [feeding, hopeful])
        assert [simulation.passed for simulation in simulations] == [True, False]


@pytest.mark.parametrize(
    ("signer", "outcome"),
    [
        (Cast.buyer, Simulation(True, "", True)),
        (Cast.attacker, Simulation(False, "FiatTokenV2: invalid signature", True)),
    ],
)
async def test_a_contract_wallet_judges_its_own_signatures(
    chain: Chain, evm: EvmChain, signer: Person, outcome: Simulation
) -> None:
    wallet = own_wallet(chain, Cast.buyer)
    assert await alone(evm, pay(chain, signer, wallet=wallet)) == outcome


@pytest.mark.parametrize(("code", "passes"), [(AGREES, True), (REFUSES, False)])
async def test_a_delegated_account_is_judged_by_its_delegate_alone(
    chain: Chain, evm: EvmChain, code: str, passes: bool
) -> None:
    chain.rpc("anvil_setCode", [SOMEWHERE, code])
    (payment,) = funded(chain, Cast.buyer)
    assert (await alone(evm, payment)).passed
    delegate(chain, Cast.buyer, SOMEWHERE)
    simulation = await evm.simulate(payment.call, payment.payer, afresh=True)
    assert (simulation.passed, simulation.payer_has_code) == (passes, True)


async def test_an_account_that_got_code_a_moment_ago_is_found_out_where_it_is_asked_afresh(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    payments = funded(chain, *buyers(4))
    await together(evm, payments)
    chain.rpc("anvil_setCode", [payments[0].payer, AGREES])
    remembered = await together(evm, payments)
    assert [each.payer_has_code for each in remembered] == [False] * 4
    rpc_proxy.messages.clear()
    asked = await asyncio.gather(
        *(evm.simulate(payment.call, payment.payer, afresh=True) for payment in payments)
    )
    assert [(each.passed, each.payer_has_code) for each in asked] == [
        (True, True), *[(True, False)] * 3,
    ]  # fmt: skip
    assert rpc_proxy.messages[0] == [*["eth_getCode"] * 4, "eth_call"], "in the same message"


async def test_it_works_where_there_is_no_multicall(chain: Chain, evm: EvmChain) -> None:
    chain.rpc("anvil_setCode", [MULTICALL, "0x"])
    first, second, poor = buyers(3)
    payments = [*funded(chain, first, second), pay(chain, poor)]
    for _ in ("new payers", "known payers"):
        simulations = await together(evm, payments)
        assert [simulation.passed for simulation in simulations] == [True, True, False]


async def test_a_caller_who_hangs_up_takes_nobody_down(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect
) -> None:
    evm = connect(rpc_proxy.url)
    payments = funded(chain, *buyers(3))
    await together(evm, payments)
    held = rpc_proxy.hold("eth_call")
    first, *others = [asyncio.create_task(alone(evm, payment)) for payment in payments]
    await asyncio.to_thread(held.reached.wait)
    first.cancel()
    held.release()
    assert all(simulation.passed for simulation in await asyncio.gather(*others))
    assert first.cancelled()


@pytest.mark.parametrize(
    ("code", "message"),
    [(-32000, "header not found"), (-32603, "internal error"), (-32601, "no such method")],
)
async def test_a_node_in_trouble_refuses_no_payment(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, code: int, message: str
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    rpc_proxy.refuse("eth_call", code, message)
    with pytest.raises(ChainUnavailable, match=message):
        await alone(connect(rpc_proxy.url), payment)


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (3, "execution reverted", ""),
        (-32015, "VM execution error.", "VM execution error."),
        (-32000, "out of gas", "out of gas"),
        (-32000, "invalid opcode: INVALID", "invalid opcode: INVALID"),
    ],
)
async def test_a_failed_execution_is_a_refusal_whatever_the_node_calls_it(
    chain: Chain, rpc_proxy: RpcProxy, connect: Connect, code: int, message: str, words: str
) -> None:
    (payment,) = funded(chain, Cast.buyer)
    rpc_proxy.refuse("eth_call", code, message)
    simulation = await alone(connect(rpc_proxy.url), payment)
    assert simulation == Simulation(passed=False, revert=words, payer_has_code=False)


async def test_no_node_is_no_refusal(chain: Chain, connect: Connect) -> None:
    with pytest.raises(ChainUnavailable):
        await alone(connect("http://127.0.0.1:1"), pay(chain, Cast.buyer))
