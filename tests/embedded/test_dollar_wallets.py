"""A payer with code decides alone whether a signature is theirs."""

from pathlib import Path

import pytest

from marketplace.embedded.chain import DOLLAR
from tests.embedded.authorizations import FORMS, Payment, handed_in, refusal, sign
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import Chain, calldata

WALLET = Path(__file__).parents[1] / "contracts" / "wallet.json"
TRANSFER = "TransferWithAuthorization"


@pytest.fixture
def payment(chain: Chain, cast: type[Cast]) -> Payment:
    """A payment out of a contract wallet that belongs to the buyer."""
    address = chain.deploy(WALLET, cast.buyer.address)
    chain.fund(address, 1)
    return Payment(Person("wallet", address, cast.buyer.private_key), cast.seller.address)


@pytest.mark.parametrize("form", FORMS)
def test_a_wallet_pays_on_its_owners_signature(chain: Chain, payment: Payment, form: str) -> None:
    chain.send(DOLLAR, payment.call(form))
    assert chain.atomic_of(payment.payee) == 250_000


@pytest.mark.parametrize("form", FORMS)
def test_a_wallet_refuses_another_signature(
    chain: Chain, payment: Payment, form: str, cast: type[Cast]
) -> None:
    told = refusal(chain, payment.call(form, signer=cast.attacker))
    assert told == "FiatTokenV2: invalid signature"


def test_a_wallets_signature_may_be_longer_than_a_keys(chain: Chain, payment: Payment) -> None:
    signature = sign(payment.payer, TRANSFER, payment.values) + bytes(500)
    chain.send(DOLLAR, handed_in("joined", TRANSFER, payment.values, signature))
    assert chain.atomic_of(payment.payee) == 250_000


@pytest.mark.parametrize("form", FORMS)
def test_code_at_a_keys_address_overrules_the_key(
    chain: Chain, cast: type[Cast], form: str
) -> None:
    chain.fund(cast.other_buyer.address, 1)
    payment = Payment(cast.other_buyer, cast.seller.address)
    chain.rpc("eth_call", [{"to": DOLLAR, "data": payment.call(form)}, "latest"])
    # PUSH0 PUSH0 REVERT: an account whose code says no to everything
    chain.rpc("anvil_setCode", [cast.other_buyer.address, "0x5f5ffd"])
    assert refusal(chain, payment.call(form)) == "FiatTokenV2: invalid signature"


def test_a_delegated_account_is_one_with_code(chain: Chain, cast: type[Cast]) -> None:
    wallet = chain.deploy(WALLET, cast.buyer.address)
    chain.fund(cast.other_buyer.address, 1)
    payment = Payment(cast.other_buyer, cast.seller.address)
    chain.rpc("anvil_setCode", [cast.other_buyer.address, "0xef0100" + wallet[2:]])
    # The delegate's code runs on the account's own storage, where no owner is written.
    assert refusal(chain, payment.call("split")) == "FiatTokenV2: invalid signature"
    owner_slot = "0x" + "0" * 64
    word = "0x" + cast.other_buyer.address[2:].rjust(64, "0")
    chain.rpc("anvil_setStorageAt", [cast.other_buyer.address, owner_slot, word])
    chain.send(DOLLAR, payment.call("split"))
    assert chain.atomic_of(payment.payee) == 250_000


def test_a_burning_wallet_takes_the_gas_and_pays_nothing(chain: Chain, payment: Payment) -> None:
    chain.send(payment.payer.address, calldata("set_burning(bool)", True))
    receipt = chain.receipt(chain.send(DOLLAR, payment.call("split")))
    assert receipt["status"] == "0x0"
    assert int(receipt["gasUsed"], 16) > 15_000_000
    assert chain.atomic_of(payment.payee) == 0
    chain.send(payment.payer.address, calldata("set_burning(bool)", False))
    receipt = chain.receipt(chain.send(DOLLAR, payment.call("split")))
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) < 150_000
