"""The rest of the dollar: plain transfers, allowances, permits and the owner's offices."""

import pytest

from marketplace.embedded.chain import DOLLAR
from marketplace.embedded.demo_accounts import FAUCET
from tests.embedded.authorizations import FAR_FUTURE, FORMS, handed_in, refusal, sign
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import Chain, calldata

ZERO = "0x" + "0" * 40
TRANSFER = "transfer(address,uint256)"
TRANSFER_FROM = "transferFrom(address,address,uint256)"
APPROVE = "approve(address,uint256)"


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def owner(chain: Chain, cast: type[Cast]) -> Person:
    """Somebody with a dollar, and gas to send transactions alone."""
    chain.fund(cast.buyer.address, 1, wei=10**18)
    return cast.buyer


@pytest.fixture
def spender(chain: Chain, cast: type[Cast]) -> Person:
    chain.set_balance(cast.other_buyer.address, 10**18)
    return cast.other_buyer


def allowance(chain: Chain, owner: Person, spender: Person) -> int:
    told = chain.view(DOLLAR, "allowance(address,address)", owner.address, spender.address)
    return int.from_bytes(told)


def test_an_owner_transfers_what_they_have_and_no_more(
    chain: Chain, owner: Person, cast: type[Cast]
) -> None:
    too_much = calldata(TRANSFER, cast.seller.address, 1_000_001)
    assert refusal(chain, too_much, owner.address) == "ERC20: transfer amount exceeds balance"
    chain.send(DOLLAR, calldata(TRANSFER, cast.seller.address, 1_000_000), owner.address)
    assert (chain.atomic_of(owner.address), chain.atomic_of(cast.seller.address)) == (0, 1_000_000)


def test_a_transfer_to_oneself_changes_nothing(chain: Chain, owner: Person) -> None:
    chain.send(DOLLAR, calldata(TRANSFER, owner.address, 400_000), owner.address)
    assert chain.atomic_of(owner.address) == 1_000_000


def test_a_spender_spends_what_was_approved_and_no_more(
    chain: Chain, owner: Person, spender: Person
) -> None:
    chain.send(DOLLAR, calldata(APPROVE, spender.address, 300_000), owner.address)
    too_much = calldata(TRANSFER_FROM, owner.address, spender.address, 300_001)
    assert refusal(chain, too_much, spender.address) == "ERC20: transfer amount exceeds allowance"
    spend = calldata(TRANSFER_FROM, owner.address, spender.address, 200_000)
    chain.send(DOLLAR, spend, spender.address)
    assert chain.atomic_of(spender.address) == 200_000
    assert allowance(chain, owner, spender) == 100_000


def test_a_permit_approves_once(chain: Chain, owner: Person, spender: Person, form: str) -> None:
    values = [owner.address, spender.address, 300_000, 0, FAR_FUTURE]
    call = handed_in(form, "Permit", values, sign(owner, "Permit", values))
    chain.send(DOLLAR, call)
    assert allowance(chain, owner, spender) == 300_000
    assert int.from_bytes(chain.view(DOLLAR, "nonces(address)", owner.address)) == 1
    assert refusal(chain, call) == "EIP2612: invalid signature"


def test_a_permit_lasts_until_its_deadline(
    chain: Chain, owner: Person, spender: Person, form: str
) -> None:
    for seconds_left, told in ((-1, "FiatTokenV2: permit is expired"), (0, None)):
        values = [owner.address, spender.address, 1, 0, chain.now + seconds_left]
        call = handed_in(form, "Permit", values, sign(owner, "Permit", values))
        if told:
            assert refusal(chain, call) == told
        else:
            chain.rpc("eth_call", [{"to": DOLLAR, "data": call}, "latest"])


def test_a_strangers_permit_is_refused(
    chain: Chain, owner: Person, spender: Person, form: str
) -> None:
    values = [owner.address, spender.address, 300_000, 0, FAR_FUTURE]
    call = handed_in(form, "Permit", values, sign(spender, "Permit", values))
    assert refusal(chain, call) == "EIP2612: invalid signature"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("mint(address,uint256)", ZERO, 1), "FiatToken: mint to the zero address"),
        (("mint(address,uint256)", DOLLAR, 0), "FiatToken: mint amount not greater than 0"),
        ((TRANSFER, ZERO, 0), "ERC20: transfer to the zero address"),
        ((APPROVE, ZERO, 0), "ERC20: approve to the zero address"),
    ],
)
def test_nothing_goes_to_nobody(chain: Chain, call: tuple[object, ...], told: str) -> None:
    assert refusal(chain, calldata(str(call[0]), *call[1:]), FAUCET.address) == told


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("mint(address,uint256)", DOLLAR, 1), "FiatToken: caller is not a minter"),
        (("blacklist(address)", DOLLAR), "Blacklistable: caller is not the blacklister"),
        (("unBlacklist(address)", DOLLAR), "Blacklistable: caller is not the blacklister"),
        (("pause()",), "Pausable: caller is not the pauser"),
        (("unpause()",), "Pausable: caller is not the pauser"),
    ],
)
def test_the_offices_are_the_owners_alone(
    chain: Chain, cast: type[Cast], call: tuple[object, ...], told: str
) -> None:
    data = calldata(str(call[0]), *call[1:])
    assert refusal(chain, data, cast.attacker.address) == told
    chain.rpc("eth_call", [{"to": DOLLAR, "data": data, "from": FAUCET.address}, "latest"])


@pytest.mark.parametrize("signature", [TRANSFER, APPROVE])
def test_plain_use_stops_for_the_blacklisted_and_while_paused(
    chain: Chain, owner: Person, spender: Person, signature: str
) -> None:
    call = calldata(signature, spender.address, 1)
    chain.rpc("eth_call", [{"to": DOLLAR, "data": call, "from": owner.address}, "latest"])
    chain.blacklist(owner.address)
    assert refusal(chain, call, owner.address) == "Blacklistable: account is blacklisted"
    chain.pause_token()
    assert refusal(chain, call, owner.address) == "Pausable: paused"


def test_minting_adds_to_the_supply(chain: Chain, cast: type[Cast]) -> None:
    before = int.from_bytes(chain.view(DOLLAR, "totalSupply()"))
    chain.fund(cast.seller.address, 2)
    assert int.from_bytes(chain.view(DOLLAR, "totalSupply()")) == before + 2_000_000
