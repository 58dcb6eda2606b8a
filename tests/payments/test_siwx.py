"""SIGN-IN-WITH-X: only the payer's wallet, only our question, only once."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct
from eth_account.signers.local import LocalAccount

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.database.pool import Pool, one
from payments.wallets.questions import Question, challenge
from payments.wallets.siwx import Asker, AsksTooOften, NotProven, SiwxReason, proven_payer
from payments.wiring.networks import open_chain
from tests.fixtures.purchases import NETWORK, Purchases
from tests.fixtures.rpc_proxy import RpcProxy

URI = "http://127.0.0.1:8402/p/019aa3b4-0000-7000-8000-000000000001/answer"
SECRET = b"s" * 32
NOW = 1_763_668_805

# Made with x402 2.25.0 and its sign-in library (signinwithethereum), from a key of 32 times 0x11.
OFFICIAL_KEY = "0x" + "11" * 32
OFFICIAL_NONCE = "691f7345" + "ab" * 28
OFFICIAL_SIGNATURE = (
    "0xb8b4c2e2146ec2fdb953a13340c41fd3e31b1f1d5ae3e223a803d4b1984f6980"
    "0478f4e2c9b3499f5ed31a0c4092ee3f1a86166941daf75b93f501615212633b1b"
)


@dataclass
class Buyer:
    """A wallet with a key of its own, and what a client makes of our question."""

    account: LocalAccount

    @property
    def address(self) -> str:
        return str(self.account.address)

    def answers(self, question: dict[str, Any], **changes: Any) -> str:
        """The header's value; `changes` are made after signing, None takes a field away."""
        info, chain = question["info"], question["supportedChains"][0]
        text = asked(question).text(self.address)
        signature = self.account.sign_message(encode_defunct(text=text)).signature
        fields = {**info, **chain, "address": self.address, "signature": "0x" + signature.hex()}
        return encode({k: v for k, v in (fields | changes).items() if v is not None})


def asked(question: dict[str, Any]) -> Question:
    nonce = question["info"]["nonce"]
    network = question["supportedChains"][0]["chainId"]
    return Question(question["info"]["uri"], network, nonce, int(nonce[:8], 16))


def encode(fields: object) -> str:
    return base64.b64encode(json.dumps(fields).encode()).decode()


@pytest.fixture
def buyer() -> Buyer:
    return Buyer(Account.create())


@pytest.fixture
def question() -> dict[str, Any]:
    return challenge(SECRET, uri=URI, network=NETWORK, now=NOW)


@pytest.fixture
def pool(purchases: Purchases) -> Pool:
    return purchases.pool


async def prove(pool: Pool, header: str, buyer: Buyer, **changes: Any) -> str:
    usual: dict[str, Any] = {
        "payer": buyer.address, "uri": URI, "network": NETWORK, "secret": SECRET, "now": NOW + 10,
        "pool": pool, "chain": None, "asker": Asker("", 1),
    }  # fmt: skip
    return await proven_payer(header, **(usual | changes))


async def refusal(pool: Pool, header: str, buyer: Buyer, **changes: Any) -> SiwxReason:
    with pytest.raises(NotProven) as refused:
        await prove(pool, header, buyer, **changes)
    return refused.value.reason


def test_the_text_is_the_official_clients_own() -> None:
    account = Account.from_key(OFFICIAL_KEY)
    text = Question(URI, NETWORK, OFFICIAL_NONCE, NOW).text(account.address)
    signature = account.sign_message(encode_defunct(text=text)).signature
    assert "0x" + signature.hex() == OFFICIAL_SIGNATURE


def test_the_question_has_the_shape_clients_read(question: dict[str, Any]) -> None:
    types = pytest.importorskip("x402.extensions.sign_in_with_x.types")
    client = pytest.importorskip("x402.extensions.sign_in_with_x.client")
    read = types.SIWxExtension.model_validate(question)
    client.assert_siwx_challenge_bound_to_origin(read.info, URI)
    assert [each.chain_id for each in read.supported_chains] == [NETWORK]
    assert read.info.nonce.isalnum()


async def test_the_official_validation_agrees_with_what_we_ask(
    question: dict[str, Any], buyer: Buyer
) -> None:
    parse = pytest.importorskip("x402.extensions.sign_in_with_x.parse").parse_siwx_header
    fields = parse(buyer.answers(question))
    assert fields.nonce == question["info"]["nonce"]
    assert fields.issued_at.endswith(".000Z")


async def test_the_payer_is_proven(pool: Pool, question: dict[str, Any], buyer: Buyer) -> None:
    assert await prove(pool, buyer.answers(question), buyer) == buyer.address


async def test_an_address_in_small_letters_is_the_same_wallet(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    text = asked(question).text(buyer.address.lower())
    signature = buyer.account.sign_message(encode_defunct(text=text)).signature
    header = buyer.answers(
        question, address=buyer.address.lower(), signature="0x" + signature.hex()
    )
    assert await prove(pool, header, buyer) == buyer.address


async def test_a_hardware_wallets_last_byte_may_count_from_0(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    text = asked(question).text(buyer.address)
    signature = bytes(buyer.account.sign_message(encode_defunct(text=text)).signature)
    low = signature[:64] + bytes((signature[64] - 27,))
    header = buyer.answers(question, signature="0x" + low.hex())
    assert await prove(pool, header, buyer) == buyer.address


async def test_a_proof_is_good_once(pool: Pool, question: dict[str, Any], buyer: Buyer) -> None:
    header = buyer.answers(question)
    await prove(pool, header, buyer)
    assert await refusal(pool, header, buyer) == SiwxReason.NONCE


async def test_a_refused_proof_does_not_burn_the_question(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    stranger = Buyer(Account.create())
    forged = stranger.answers(question, address=buyer.address)
    assert await refusal(pool, forged, buyer) == SiwxReason.SIGNATURE
    assert await prove(pool, buyer.answers(question), buyer) == buyer.address


async def test_another_wallet_is_not_the_payer(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    stranger = Buyer(Account.create())
    assert await refusal(pool, stranger.answers(question), buyer) == SiwxReason.SIGNATURE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"domain": "souk.example"}, SiwxReason.DOMAIN),
        ({"uri": URI + "?x"}, SiwxReason.URI),
        ({"chainId": "eip155:0x1"}, SiwxReason.CHAIN_ID),
        ({"chainId": "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"}, SiwxReason.CHAIN_ID),
        ({"chainId": "eip155:1"}, SiwxReason.UNSUPPORTED_CHAIN),
        ({"type": "ed25519"}, SiwxReason.UNSUPPORTED_CHAIN),
        ({"nonce": "0" * 64}, SiwxReason.NONCE),
        ({"nonce": "short"}, SiwxReason.NONCE),
        ({"issuedAt": "2025-11-20T20:00:06.000Z"}, SiwxReason.ISSUED_AT),
        ({"expirationTime": "2099-01-01T00:00:00.000Z"}, SiwxReason.EXPIRATION_TIME),
        ({"expirationTime": None}, SiwxReason.EXPIRATION_TIME),
        ({"notBefore": "2025-11-20T20:00:05.000Z"}, SiwxReason.NOT_BEFORE),
        ({"address": "0x1234"}, SiwxReason.SIGNATURE),
        ({"signature": "0x"}, SiwxReason.MALFORMED_SIGNATURE),
        ({"signature": "0xabc"}, SiwxReason.MALFORMED_SIGNATURE),
        ({"signature": "0x" + "00" * 2049}, SiwxReason.MALFORMED_SIGNATURE),
        ({"signature": "0x" + "00" * 65}, SiwxReason.SIGNATURE),
        ({"signature": "0x" + "11" * 96}, SiwxReason.SIGNATURE),
        ({"address": None}, SiwxReason.HEADER),
        ({"nonce": 7}, SiwxReason.HEADER),
    ],
)
async def test_a_changed_field_is_refused_by_its_own_reason(
    pool: Pool,
    question: dict[str, Any],
    buyer: Buyer,
    changes: dict[str, Any],
    reason: SiwxReason,
) -> None:
    assert await refusal(pool, buyer.answers(question, **changes), buyer) == reason


@pytest.mark.parametrize(
    "header",
    ["", "%%%", "e30", "W10=", encode("text"), "bnVsbA==", base64.b64encode(b"{").decode(),
     base64.b64encode(b'{"nonce":"a","nonce":"b"}').decode(), "A" * 10_000, "äöü", "e30=\n"],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(pool: Pool, buyer: Buyer, header: str) -> None:
    assert await refusal(pool, header, buyer) == SiwxReason.HEADER


async def test_a_question_is_good_for_five_minutes(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    header = buyer.answers(question)
    assert await refusal(pool, header, buyer, now=NOW + 301) == SiwxReason.TOO_OLD
    assert await prove(pool, header, buyer, now=NOW + 300) == buyer.address


async def test_a_clock_a_little_behind_is_tolerated_and_a_wrong_one_is_not(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    header = buyer.answers(question)
    assert await refusal(pool, header, buyer, now=NOW - 61) == SiwxReason.IN_FUTURE
    assert await prove(pool, header, buyer, now=NOW - 60) == buyer.address


async def test_a_question_for_one_payment_opens_no_other(
    pool: Pool, question: dict[str, Any], buyer: Buyer
) -> None:
    other = URI.replace("0001", "0002")
    header = buyer.answers(question)
    assert await refusal(pool, header, buyer, uri=other) == SiwxReason.URI
    moved = buyer.answers(question, uri=other)
    assert await refusal(pool, moved, buyer, uri=other) == SiwxReason.NONCE


async def test_another_sites_question_is_not_ours(pool: Pool, buyer: Buyer) -> None:
    question = challenge(b"x" * 32, uri=URI, network=NETWORK, now=NOW)
    assert await refusal(pool, buyer.answers(question), buyer) == SiwxReason.NONCE


async def test_burnt_questions_are_swept_once_they_are_long_over(pool: Pool, buyer: Buyer) -> None:
    old = b"\x01" * 32
    await one(
        pool,
        "insert into payments_usednonce values (%s, clock_timestamp() - interval '2 hours'),"
        " (%s, clock_timestamp()) returning 1",
        (old, b"\x02" * 32),
    )
    question = challenge(SECRET, uri=URI, network=NETWORK, now=NOW)
    await prove(pool, buyer.answers(question), buyer)
    assert await one(pool, "select 1 from payments_usednonce where nonce = %s", (old,)) is None
    row = await one(pool, "select count(*) from payments_usednonce")
    assert row == (2,)


async def test_a_chain_is_asked_about_so_many_proofs_of_a_network_and_no_more(
    pool: Pool, question: dict[str, Any], buyer: Buyer, rpc_proxy: RpcProxy, settings: Any
) -> None:
    """One question serves for any number of signatures that fit no key."""
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": [rpc_proxy.url], "ASSETS": []}}
    chain = open_chain(NETWORK)
    here, elsewhere = Asker("81.2.69.0/24", 2), Asker("81.2.70.0/24", 2)
    signature = "0x" + Account.create().sign_message(encode_defunct(text="else")).signature.hex()
    wrong = buyer.answers(question, signature=signature)
    try:
        for _ in range(2):
            with pytest.raises(NotProven) as refused:
                await prove(pool, wrong, buyer, chain=chain, asker=here)
            assert refused.value.reason is SiwxReason.SIGNATURE
        asked_so_far = rpc_proxy.count()
        assert asked_so_far
        with pytest.raises(AsksTooOften) as often:
            await prove(pool, wrong, buyer, chain=chain, asker=here)
        assert 1 <= often.value.retry_seconds <= 60
        assert rpc_proxy.count() == asked_so_far
        with pytest.raises(NotProven) as refused:
            await prove(pool, wrong, buyer, chain=chain, asker=elsewhere)
        assert refused.value.reason is SiwxReason.SIGNATURE
        right = buyer.answers(question)
        assert await prove(pool, right, buyer, chain=chain, asker=here) == buyer.address
    finally:
        await chain.close()
