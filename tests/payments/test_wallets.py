"""One signature proves one wallet, for one purpose, at this site, once."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection, transaction
from eth_abi import encode
from eth_account.messages import encode_defunct
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.wallets import linking
from payments.wallets.linking import CannotAsk, NotProven, Proof, Purpose, burn, challenge, proven
from payments.x402.crypto import keccak256
from payments.x402.networks import checksum
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import Chain
from tests.fixtures.purchases import NETWORK, USDC

NOW = 1_763_668_805
NOBODY_THERE = "http://127.0.0.1:1"
WALLET = Path(__file__).parents[1] / "contracts" / "wallet.json"
# The factory that most wallets are deployed by: CREATE2 with the salt and the code it is sent.
FACTORY = "0x4e59b44847b379578588920cA78FbF26c0B4956C"
FACTORY_CODE = (
    "0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035"
    "828234f58015156039578182fd5b8082525050506014600cf3"
)
OWNER_SLOT = "0x" + "00" * 32


def sign(text: str, who: Person = Cast.seller) -> str:
    return "0x" + who.account.sign_message(encode_defunct(text=text)).signature.hex()


def asked(purpose: Purpose = Purpose.SIGN_IN, **how: object) -> str:
    return challenge(purpose, Cast.seller.address, **{"now": NOW, **how})  # type: ignore[arg-type]


def shown(text: str, signature: str, purpose: Purpose = Purpose.SIGN_IN, **how: object) -> Proof:
    return proven(text, signature, purpose, **{"now": NOW + 10, **how})  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def networks(settings: Settings) -> None:
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": [NOBODY_THERE], "ASSETS": [USDC]}}


@pytest.fixture
def at_chain(settings: Settings, chain: Chain) -> Chain:
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": [chain.rpc_url], "ASSETS": [USDC]}}
    return chain


# The text ----------------------------------------------------------------------------------------


def test_the_text_is_eip_4361s_to_the_byte() -> None:
    text = asked(Purpose.PAYOUT, subject="atlas-data")
    nonce = re.findall(r"Nonce: ([0-9a-f]{64})", text)[0]
    assert text == (
        "127.0.0.1:8402 wants you to sign in with your Ethereum account:\n"
        f"{Cast.seller.address}\n\n"
        "Prove that this wallet is yours, so that the seller atlas-data can be paid to it."
        " This costs nothing and moves no money.\n\n"
        "URI: http://127.0.0.1:8402/\nVersion: 1\nChain ID: 84532\n"
        f"Nonce: {nonce}\nIssued At: 2025-11-20T20:00:05Z\nExpiration Time: 2025-11-20T20:10:05Z"
    )


def test_two_texts_are_never_the_same() -> None:
    assert asked() != asked()


def test_a_chain_that_is_not_settled_here_becomes_one_that_is() -> None:
    assert "Chain ID: 84532\n" in asked(chain_id=1)


@pytest.mark.parametrize("subject", ["", "two words", "line\nbreak", "émigré", "x" * 151])
def test_what_would_spoil_the_text_never_stands_in_it(subject: str) -> None:
    with pytest.raises(ValueError, match="subject"):
        asked(Purpose.LINK, subject=subject)


def test_what_is_no_address_is_asked_nothing() -> None:
    with pytest.raises(ValueError, match="address"):
        challenge(Purpose.SIGN_IN, "0x12")


# A key -------------------------------------------------------------------------------------------


def test_a_key_proves_its_address() -> None:
    text = asked()
    proof = shown(text, sign(text))
    assert (proof.address, proof.network) == (Cast.seller.address, "")


def test_a_signature_whose_last_byte_counts_from_0_is_one() -> None:
    text = asked()
    last = {"1b": "00", "1c": "01"}
    signature = sign(text)
    assert shown(text, signature[:-2] + last[signature[-2:]]).address == Cast.seller.address


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("127.0.0.1:8402 wants", "evil.example wants"),
        ("URI: http://127.0.0.1:8402/", "URI: http://evil.example/"),
        ("Version: 1", "Version: 2"),
        ("Chain ID: 84532", "Chain ID: 1"),
        ("Sign in. This", "Sign in! This"),
        ("Expiration Time: 2025-11-20T20:10:05Z", "Expiration Time: 2035-11-20T20:10:05Z"),
        ("Issued At: 2025-11-20T20:00:05Z", "Issued At: 2025-11-20T20:00:06Z"),
        ("20:10:05Z", "20:10:05Z\nRequest ID: 1"),
        ("20:10:05Z", "20:10:05Z\n"),
        (Cast.seller.address, Cast.seller.address.lower()),
        ("wants you", "wants  you"),
    ],
)
def test_a_text_that_differs_in_one_place_proves_nothing(line: str, other: str) -> None:
    text = asked()
    changed = text.replace(line, other, 1)
    assert changed != text
    with pytest.raises(NotProven):
        shown(changed, sign(changed))


def test_another_wallet_cannot_answer_for_this_one(settings: Settings) -> None:
    settings.CHAINS = {}
    text = asked()
    with pytest.raises(NotProven):
        shown(text, sign(text, Cast.attacker))


def test_a_text_that_somebody_else_wrote_proves_nothing(settings: Settings) -> None:
    settings.SECRET_KEY = "another site's"
    text = asked()
    settings.SECRET_KEY = "ours"
    with pytest.raises(NotProven):
        shown(text, sign(text))


def test_a_proof_for_one_purpose_is_none_for_another() -> None:
    text = asked()
    for purpose in (Purpose.LINK, Purpose.PAYOUT):
        with pytest.raises(NotProven):
            shown(text, sign(text), purpose, subject="atlas")


def test_a_proof_for_one_seller_is_none_for_another() -> None:
    text = asked(Purpose.PAYOUT, subject="atlas")
    assert shown(text, sign(text), Purpose.PAYOUT, subject="atlas")
    with pytest.raises(NotProven):
        shown(text, sign(text), Purpose.PAYOUT, subject="other")


@pytest.mark.parametrize(("seconds", "is_good"), [(0, 1), (600, 1), (601, 0), (-60, 1), (-61, 0)])
def test_a_text_is_good_for_ten_minutes(seconds: int, is_good: int) -> None:
    text = asked()
    if is_good:
        assert shown(text, sign(text), now=NOW + seconds)
    else:
        with pytest.raises(NotProven):
            shown(text, sign(text), now=NOW + seconds)


@pytest.mark.parametrize("signature", ["", "0x", "0xzz", "0x" + "00" * 65, "0x" + "11" * 2049])
def test_what_is_no_signature_proves_nothing(settings: Settings, signature: str) -> None:
    settings.CHAINS = {}
    with pytest.raises(NotProven):
        shown(asked(), signature)


def test_what_is_no_text_proves_nothing() -> None:
    for text in ("", "sign me", "\ud800", asked() * 9, asked().replace("8402 wants", "\ud800", 1)):
        with pytest.raises(NotProven):
            shown(text, "0x" + "11" * 65)


# A contract --------------------------------------------------------------------------------------


def owned(chain: Chain, owner: Person) -> str:
    return chain.deploy(WALLET, owner.address)


def test_a_contract_answers_for_itself_on_its_own_chain(at_chain: Chain) -> None:
    wallet = owned(at_chain, Cast.buyer)
    text = challenge(Purpose.SIGN_IN, wallet, now=NOW)
    proof = shown(text, sign(text, Cast.buyer))
    assert (proof.address, proof.network) == (wallet, NETWORK)


def test_a_contract_that_says_no_proves_nothing(at_chain: Chain) -> None:
    wallet = owned(at_chain, Cast.buyer)
    text = challenge(Purpose.SIGN_IN, wallet, now=NOW)
    with pytest.raises(NotProven):
        shown(text, sign(text, Cast.attacker))
    at_chain.rpc("anvil_setCode", [wallet, "0x5f5ffd"])  # it reverts
    with pytest.raises(NotProven):
        shown(text, sign(text, Cast.buyer))


def test_a_contract_on_a_chain_that_is_not_asked_proves_nothing(
    at_chain: Chain, settings: Settings
) -> None:
    wallet = owned(at_chain, Cast.buyer)
    settings.CHAINS = {}
    text = challenge(Purpose.SIGN_IN, wallet, now=NOW)
    with pytest.raises(NotProven):
        shown(text, sign(text, Cast.buyer))


def test_a_delegated_account_answers_by_its_key_and_by_its_code(at_chain: Chain) -> None:
    account, other = Cast.seller.address, Cast.buyer
    at_chain.rpc("anvil_setCode", [account, "0xef0100" + owned(at_chain, other)[2:]])
    at_chain.rpc(
        "anvil_setStorageAt", [account, OWNER_SLOT, "0x" + other.address[2:].rjust(64, "0")]
    )
    text = asked()
    by_code, by_key = shown(text, sign(text, other)), shown(text, sign(text))
    assert (by_code.address, by_code.network) == (account, NETWORK)
    assert (by_key.address, by_key.network) == (account, "")
    with pytest.raises(NotProven):
        shown(text, sign(text, Cast.attacker))


@dataclass(frozen=True)
class Undeployed:
    """A wallet of somebody's that will be deployed with its first transaction, at this address."""

    owner: Person
    salt: bytes = bytes(32)

    @property
    def creation(self) -> bytes:
        code = json.loads(WALLET.read_text())["creation"].removeprefix("0x")
        return bytes.fromhex(code) + encode(["address"], [self.owner.address])

    @property
    def address(self) -> str:
        factory = bytes.fromhex(FACTORY[2:])
        told = b"\xff" + factory + self.salt + keccak256(self.creation)
        return checksum(keccak256(told)[12:])

    def sign(self, text: str, who: Person | None = None) -> str:
        inner = bytes.fromhex(sign(text, who or self.owner)[2:])
        said = (FACTORY, self.salt + self.creation, inner)
        return "0x" + encode(["address", "bytes", "bytes"], said).hex() + "6492" * 16


def test_a_wallet_that_is_not_deployed_yet_answers_all_the_same(at_chain: Chain) -> None:
    at_chain.rpc("anvil_setCode", [FACTORY, FACTORY_CODE])
    wallet = Undeployed(Cast.buyer)
    text = challenge(Purpose.SIGN_IN, wallet.address, now=NOW)
    proof = shown(text, wallet.sign(text))
    assert (proof.address, proof.network) == (wallet.address, NETWORK)
    assert at_chain.rpc("eth_getCode", [wallet.address, "latest"]) == "0x", "asking deploys nothing"
    at_chain.send(FACTORY, "0x" + (wallet.salt + wallet.creation).hex())
    assert shown(text, wallet.sign(text)) == proof, "nor does it matter when it is there"


def test_a_wallet_that_is_not_deployed_yet_says_no_as_well(at_chain: Chain) -> None:
    at_chain.rpc("anvil_setCode", [FACTORY, FACTORY_CODE])
    wallet = Undeployed(Cast.buyer)
    text = challenge(Purpose.SIGN_IN, wallet.address, now=NOW)
    for signature in (
        wallet.sign(text, Cast.attacker),
        Undeployed(Cast.attacker).sign(text, Cast.attacker),  # another wallet is deployed
        sign(text, Cast.buyer),
        sign(text, Cast.buyer) + "6492" * 16,
        "0x" + "6492" * 16,
    ):
        with pytest.raises(NotProven):
            shown(text, signature)


def test_a_silent_chain_is_no_verdict() -> None:
    text = asked()
    with pytest.raises(CannotAsk):
        shown(text, sign(text, Cast.attacker))


# Once --------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_proof_is_burnt_once() -> None:
    text = asked()
    first, second = shown(text, sign(text)), shown(text, sign(text))
    with transaction.atomic():
        burn(first)
    with pytest.raises(NotProven), transaction.atomic():
        burn(second)


@pytest.mark.django_db
def test_what_came_to_nothing_has_burnt_nothing() -> None:
    text = asked()
    proof = shown(text, sign(text))
    with transaction.atomic():
        burn(proof)
        transaction.set_rollback(True)
    with transaction.atomic():
        burn(proof)


@pytest.mark.django_db(transaction=True)
def test_a_proof_is_never_burnt_outside_a_transaction() -> None:
    text = asked()
    with pytest.raises(transaction.TransactionManagementError):
        burn(shown(text, sign(text)))


@pytest.mark.django_db(transaction=True)
def test_of_many_who_burn_one_proof_together_one_does() -> None:
    text = asked()
    proof, together, done = shown(text, sign(text)), threading.Barrier(4), []

    def act() -> None:
        try:
            together.wait()
            with transaction.atomic():
                burn(proof)
                done.append(threading.get_ident())
        except NotProven:
            pass
        finally:
            connection.close()

    threads = [threading.Thread(target=act) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_the_seal_covers_the_time() -> None:
    """Else a text that has run out could be given a new time."""
    text = asked()
    nonce = re.findall(r"Nonce: ([0-9a-f]{64})", text)[0]
    later = f"{NOW + linking.GOOD_SECONDS:08x}"
    changed = text.replace(nonce, later + nonce[8:])
    for old, new in (("20:10:05Z", "20:20:05Z"), ("20:00:05Z", "20:10:05Z")):
        changed = changed.replace(old, new, 1)
    with pytest.raises(NotProven):
        shown(changed, sign(changed), now=NOW + linking.GOOD_SECONDS + 60)
