"""Many calls in one, with the manners of Multicall3."""

from secrets import token_bytes
from typing import Any

import pytest
from eth_abi import decode, encode
from eth_utils import keccak

from marketplace.embedded.chain import DOLLAR, MULTICALL
from marketplace.embedded.rpc import NodeRefusedError
from tests.embedded.authorizations import Payment
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain, calldata

AGGREGATE = "aggregate3((address,bool,bytes)[])"
TRY = "tryAggregate(bool,(address,bytes)[])"
SUPPLY = bytes.fromhex(calldata("totalSupply()")[2:])
NAME = bytes.fromhex(calldata("name()")[2:])
UNKNOWN = b"\xde\xad\xbe\xef"
MINT = bytes.fromhex(calldata("mint(address,uint256)", DOLLAR, 1)[2:])


def packed(signature: str, types: list[str], values: list[Any]) -> str:
    return "0x" + (keccak(text=signature)[:4] + encode(types, values)).hex()


def aggregate(calls: list[tuple[str, bool, bytes]]) -> str:
    return packed(AGGREGATE, ["(address,bool,bytes)[]"], [calls])


def asked(chain: Chain, data: str) -> list[tuple[bool, bytes]]:
    told = chain.rpc("eth_call", [{"to": MULTICALL, "data": data}, "latest"])
    (results,) = decode(["(bool,bytes)[]"], bytes.fromhex(told[2:]), strict=True)
    return list(results)


def test_it_gives_every_answer_in_order(chain: Chain) -> None:
    told = asked(chain, aggregate([(DOLLAR, False, NAME), (DOLLAR, False, SUPPLY)]))
    assert told == [
        (True, chain.view(DOLLAR, "name()")),
        (True, chain.view(DOLLAR, "totalSupply()")),
    ]


def test_no_calls_have_no_answers(chain: Chain) -> None:
    assert asked(chain, aggregate([])) == []


def test_a_call_that_may_fail_leaves_the_others_alone(chain: Chain) -> None:
    failed, worked = asked(chain, aggregate([(DOLLAR, True, MINT), (DOLLAR, False, SUPPLY)]))
    assert failed[0] is False
    assert failed[1] == keccak(text="Error(string)")[:4] + encode(
        ["string"], ["FiatToken: caller is not a minter"]
    )
    assert worked[0] is True


def test_a_call_that_may_not_fail_takes_all_with_it(chain: Chain) -> None:
    with pytest.raises(NodeRefusedError, match="Multicall3: call failed"):
        asked(chain, aggregate([(DOLLAR, False, MINT), (DOLLAR, True, SUPPLY)]))


@pytest.mark.parametrize("require_success", [True, False])
def test_try_aggregate_obeys_its_one_switch(chain: Chain, require_success: bool) -> None:
    calls = [(DOLLAR, SUPPLY), (DOLLAR, UNKNOWN)]
    data = packed(TRY, ["bool", "(address,bytes)[]"], [require_success, calls])
    if require_success:
        with pytest.raises(NodeRefusedError, match="Multicall3: call failed"):
            asked(chain, data)
    else:
        assert asked(chain, data) == [(True, chain.view(DOLLAR, "totalSupply()")), (False, b"")]


def test_long_calls_and_short_answers_do_not_mix(chain: Chain) -> None:
    # The identity contract answers with what it was sent.
    identity = "0x0000000000000000000000000000000000000004"
    sent = [token_bytes(length) for length in (0, 1, 31, 32, 33, 1000, 5)]
    told = asked(chain, aggregate([(identity, False, data) for data in sent]))
    assert told == [(True, data) for data in sent]


def test_it_knows_the_chain(chain: Chain, cast: type[Cast]) -> None:
    chain.set_balance(cast.buyer.address, 77)
    balance = chain.view(MULTICALL, "getEthBalance(address)", cast.buyer.address)
    assert int.from_bytes(balance) == 77
    assert int.from_bytes(chain.view(MULTICALL, "getBlockNumber()")) == chain.height
    assert int.from_bytes(chain.view(MULTICALL, "getCurrentBlockTimestamp()")) == chain.now


def test_an_unknown_call_is_refused(chain: Chain) -> None:
    with pytest.raises(NodeRefusedError):
        chain.rpc("eth_call", [{"to": MULTICALL, "data": "0xdeadbeef"}, "latest"])


def test_a_batch_of_payments_costs_less_than_single_ones(chain: Chain, cast: type[Cast]) -> None:
    chain.fund(cast.buyer.address, 100)
    payments = [Payment(cast.buyer, cast.seller.address) for _ in range(50)]
    single = int(chain.receipt(chain.send(DOLLAR, payments.pop().call("split")))["gasUsed"], 16)
    calls = [(DOLLAR, True, bytes.fromhex(payment.call("split")[2:])) for payment in payments]
    batch = int(chain.receipt(chain.send(MULTICALL, aggregate(calls)))["gasUsed"], 16)
    assert chain.atomic_of(cast.seller.address) == 50 * 250_000
    assert batch / len(calls) < 0.6 * single
