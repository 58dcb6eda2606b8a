"""What the chain's tests pay with: signed payments, and wallets with code."""

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from eth_account import Account

from marketplace.embedded.chain import CHAIN_ID, DOLLAR, DOLLAR_NAME, DOLLAR_VERSION
from marketplace.embedded.demo_accounts import RELAYER, DemoAccount
from payments.chains import Call
from payments.x402.schemes import exact_eip3009
from payments.x402.types import Authorization, Requirements
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.chain import Chain

NETWORK = f"eip155:{CHAIN_ID}"
PRICE_ATOMIC = 10_000
WALLET = Path(__file__).parents[2] / "contracts" / "wallet.json"

# isValidSignature answers yes to whatever it is asked: PUSH4 0x1626ba7e, PUSH1 224, SHL, PUSH0,
# MSTORE, PUSH1 32, PUSH0, RETURN.
AGREES = "0x631626ba7e60e01b5f5260205ff3"
# The same with another answer than the one that means yes.
REFUSES = "0x63ffffffff60e01b5f5260205ff3"
# JUMPDEST, PUSH0, JUMP: burns all the gas it is given.
BURNS = "0x5b5f56"
SOMEWHERE = "0x00000000000000000000000000000000000a11e7"

_nonces = count(1)


@dataclass(frozen=True, slots=True)
class Payment:
    """An authorization and the call that carries it out."""

    authorization: Authorization
    call: Call

    @property
    def payer(self) -> str:
        return self.authorization.payer

    @property
    def nonce(self) -> bytes:
        return self.authorization.nonce


def buyers(number: int) -> list[Person]:
    return [person(f"buyer {each}") for each in range(number)]


def pay(
    chain: Chain, signer: Person, *, wallet: str = "", pay_to: str = Cast.seller.address
) -> Payment:
    """A payment of this signer, or of the wallet that the signer owns."""
    unsigned = Authorization(
        payer=wallet or signer.address,
        pay_to=pay_to,
        amount_atomic=PRICE_ATOMIC,
        valid_after=chain.now - 60,
        valid_before=chain.now + 300,
        nonce=next(_nonces).to_bytes(32),
        signature=b"",
    )
    offer = Requirements(
        scheme="exact",
        network=NETWORK,
        amount_atomic=PRICE_ATOMIC,
        asset=DOLLAR,
        pay_to=pay_to,
        max_timeout_seconds=300,
        extra={"name": DOLLAR_NAME, "version": DOLLAR_VERSION},
    )
    digest = exact_eip3009.digest(unsigned, offer, CHAIN_ID)
    signature = bytes(signer.account.unsafe_sign_hash(digest).signature)
    signed = replace(unsigned, signature=signature)
    return Payment(signed, exact_eip3009.transfer_call(signed, DOLLAR, payer_has_code=bool(wallet)))


def funded(chain: Chain, *signers: Person) -> list[Payment]:
    """A payment of each signer, who has exactly the money for it."""
    for signer in signers:
        give(chain, signer.address)
    return [pay(chain, signer) for signer in signers]


def give(chain: Chain, address: str, amount_atomic: int = PRICE_ATOMIC) -> None:
    chain.as_owner("mint(address,uint256)", address, amount_atomic)


def spend(chain: Chain, payment: Payment) -> bytes:
    """Carry a payment out; gives the transaction's hash."""
    return bytes.fromhex(chain.send(DOLLAR, f"0x{payment.call.data.hex()}")[2:])


def transaction(chain: Chain, signer: Person | DemoAccount = RELAYER, **changes: int) -> bytes:
    """An empty transaction of the relayer's to itself, unless told otherwise, signed."""
    usual = {
        "chainId": CHAIN_ID,
        "nonce": int(chain.rpc("eth_getTransactionCount", [signer.address, "pending"]), 16),
        "to": signer.address,
        "value": 0,
        "gas": 21_000,
        "maxFeePerGas": 10**11,
        "maxPriorityFeePerGas": 10**9,
    }
    signed = Account.sign_transaction(usual | changes, signer.private_key)
    return bytes(signed.raw_transaction)
