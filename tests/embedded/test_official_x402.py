"""The official client pays on the demo chain, and the official facilitator settles there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from x402 import x402ClientSync, x402FacilitatorSync
from x402.mechanisms.evm import EthAccountSigner, FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_client, register_exact_evm_facilitator
from x402.schemas import PaymentPayload, PaymentRequired, PaymentRequirements

from marketplace.embedded.chain import CHAIN_ID, DOLLAR, DOLLAR_NAME, DOLLAR_VERSION
from tests.embedded.authorizations import handed_in
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import Chain

NETWORK = f"eip155:{CHAIN_ID}"
WALLET = Path(__file__).parents[1] / "contracts" / "wallet.json"


@dataclass
class Till:
    """An official facilitator at work on this chain, and what it is asked to settle."""

    facilitator: x402FacilitatorSync
    requirements: PaymentRequirements

    def signed_by(self, signer: Any) -> PaymentPayload:
        """Whatever an unmodified client with default settings makes of these requirements."""
        client = register_exact_evm_client(x402ClientSync(), signer)
        made = client.create_payment_payload(PaymentRequired(accepts=[self.requirements]))
        assert isinstance(made, PaymentPayload)
        return made

    def reason(self, payment: PaymentPayload) -> str | None:
        return str(self.facilitator.verify(payment, self.requirements).invalid_reason)


@pytest.fixture
def till(chain: Chain, cast: type[Cast]) -> Till:
    chain.fund(cast.buyer.address, 1)
    signer = FacilitatorWeb3Signer(chain.relayer.private_key, chain.rpc_url)
    facilitator = register_exact_evm_facilitator(x402FacilitatorSync(), signer, NETWORK)
    requirements = PaymentRequirements(
        scheme="exact",
        network=NETWORK,
        asset=DOLLAR,
        amount="250000",
        pay_to=cast.seller.address,
        max_timeout_seconds=60,
        extra={"name": DOLLAR_NAME, "version": DOLLAR_VERSION},
    )
    return Till(facilitator, requirements)


class WalletSigner(EthAccountSigner):
    """The official signer, speaking for a contract wallet that its key owns."""

    def __init__(self, owner: Person, wallet: str, appendix: bytes = b"") -> None:
        super().__init__(owner.account)
        self.wallet = wallet
        self.appendix = appendix

    @property
    def address(self) -> str:
        return self.wallet

    def sign_typed_data(self, *arguments: Any, **named: Any) -> bytes:
        return bytes(super().sign_typed_data(*arguments, **named)) + self.appendix


def test_a_clients_payment_is_settled(chain: Chain, till: Till, cast: type[Cast]) -> None:
    payment = till.signed_by(EthAccountSigner(cast.buyer.account))
    settled = till.facilitator.settle(payment, till.requirements)
    assert settled.success, settled
    assert chain.receipt(str(settled.transaction))["status"] == "0x1"
    assert chain.atomic_of(cast.seller.address) == 250_000


def test_a_clients_payment_goes_through_both_forms(
    chain: Chain, till: Till, cast: type[Cast]
) -> None:
    for form in ("joined", "split"):
        payment = till.signed_by(EthAccountSigner(cast.buyer.account))
        terms = payment.payload["authorization"]
        values = [terms["from"], terms["to"]]
        values += [int(terms[name]) for name in ("value", "validAfter", "validBefore")]
        values.append(bytes.fromhex(terms["nonce"][2:]))
        signature = bytes.fromhex(payment.payload["signature"][2:])
        chain.send(DOLLAR, handed_in(form, "TransferWithAuthorization", values, signature))
    assert chain.atomic_of(cast.seller.address) == 500_000


@pytest.mark.parametrize("appendix", [b"", bytes(64)], ids=["as long as a key's", "longer"])
def test_a_contract_wallets_payment_is_settled(
    chain: Chain, till: Till, cast: type[Cast], appendix: bytes
) -> None:
    wallet = chain.deploy(WALLET, cast.other_buyer.address)
    chain.fund(wallet, 1)
    payment = till.signed_by(WalletSigner(cast.other_buyer, wallet, appendix))
    assert till.facilitator.settle(payment, till.requirements).success
    assert chain.atomic_of(wallet) == 750_000


def test_the_facilitator_tells_a_used_payment(chain: Chain, till: Till, cast: type[Cast]) -> None:
    payment = till.signed_by(EthAccountSigner(cast.buyer.account))
    assert till.facilitator.verify(payment, till.requirements).is_valid
    till.facilitator.settle(payment, till.requirements)
    assert till.reason(payment) == "invalid_exact_evm_nonce_already_used"


def test_the_facilitator_tells_an_empty_purse(till: Till, cast: type[Cast]) -> None:
    payment = till.signed_by(EthAccountSigner(cast.other_buyer.account))
    assert till.reason(payment) == "invalid_exact_evm_insufficient_balance"


def test_the_facilitator_tells_a_wrong_name(till: Till, cast: type[Cast]) -> None:
    till.requirements.extra["name"] = "USD Coin"
    payment = till.signed_by(EthAccountSigner(cast.buyer.account))
    assert till.reason(payment) == "invalid_exact_evm_payload_signature"


def test_the_facilitator_asks_the_multicall_when_the_dollar_gives_another_reason(
    chain: Chain, till: Till, cast: type[Cast]
) -> None:
    payment = till.signed_by(EthAccountSigner(cast.buyer.account))
    chain.pause_token()
    assert till.reason(payment) == "invalid_exact_evm_transaction_simulation_failed"
