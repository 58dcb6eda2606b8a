"""The dollar moves on a signature exactly when the production token would move."""

import pytest
from eth_account import Account
from eth_utils import keccak

from marketplace.embedded.chain import CHAIN_ID, DOLLAR
from tests.embedded.authorizations import FORMS, Payment, handed_in, refusal, sign
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain, calldata

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def payment(chain: Chain, cast: type[Cast]) -> Payment:
    chain.fund(cast.buyer.address, 1)
    return Payment(cast.buyer, cast.seller.address)


def test_it_moves_the_money_once(chain: Chain, payment: Payment, form: str) -> None:
    sent = chain.send(DOLLAR, payment.call(form))
    assert chain.receipt(sent)["status"] == "0x1"
    assert chain.atomic_of(payment.payee) == 250_000
    assert chain.atomic_of(payment.payer.address) == 750_000


def test_it_tells_of_the_authorization_before_the_transfer(
    chain: Chain, payment: Payment, form: str
) -> None:
    used, moved = chain.receipt(chain.send(DOLLAR, payment.call(form)))["logs"]
    assert used["topics"] == [
        "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex(),
        topic(payment.payer.address),
        "0x" + payment.nonce.hex(),
    ]
    assert moved["topics"] == [
        "0x" + keccak(text="Transfer(address,address,uint256)").hex(),
        topic(payment.payer.address),
        topic(payment.payee),
    ]
    assert int(moved["data"], 16) == 250_000


def test_it_refuses_a_second_use(chain: Chain, payment: Payment, form: str) -> None:
    chain.send(DOLLAR, payment.call(form))
    for again in FORMS:
        told = refusal(chain, payment.call(again))
        assert told == "FiatTokenV2: authorization is used or canceled"


def test_the_state_of_an_authorization_is_public(chain: Chain, payment: Payment) -> None:
    question = ("authorizationState(address,bytes32)", payment.payer.address, payment.nonce)
    assert not int.from_bytes(chain.view(DOLLAR, *question))
    chain.send(DOLLAR, payment.call("joined"))
    assert int.from_bytes(chain.view(DOLLAR, *question)) == 1


def test_another_payers_nonce_is_another_nonce(
    chain: Chain, payment: Payment, cast: type[Cast]
) -> None:
    chain.fund(cast.other_buyer.address, 1)
    chain.send(DOLLAR, payment.call("split"))
    other = Payment(cast.other_buyer, payment.payee, nonce=payment.nonce)
    chain.send(DOLLAR, other.call("split"))
    assert chain.atomic_of(payment.payee) == 500_000


@pytest.mark.parametrize(
    ("after", "before", "told"),
    [
        (-1, 1, None),
        (0, 1, "FiatTokenV2: authorization is not yet valid"),
        (-1, 0, "FiatTokenV2: authorization is expired"),
    ],
)
def test_the_window_excludes_its_ends(
    chain: Chain, payment: Payment, form: str, after: int, before: int, told: str | None
) -> None:
    payment.valid_after, payment.valid_before = chain.now + after, chain.now + before
    data = payment.call(form)
    if told is None:
        chain.rpc("eth_call", [{"to": DOLLAR, "data": data}, "latest"])
    else:
        assert refusal(chain, data) == told


def test_it_refuses_more_than_the_payer_has(chain: Chain, payment: Payment, form: str) -> None:
    payment.value = 1_000_000
    chain.rpc("eth_call", [{"to": DOLLAR, "data": payment.call(form)}, "latest"])
    payment.value = 1_000_001
    assert refusal(chain, payment.call(form)) == "ERC20: transfer amount exceeds balance"


def test_it_refuses_a_strangers_signature(
    chain: Chain, payment: Payment, form: str, cast: type[Cast]
) -> None:
    told = refusal(chain, payment.call(form, signer=cast.attacker))
    assert told == "FiatTokenV2: invalid signature"


@pytest.mark.parametrize("field", ["value", "payee", "valid_before", "nonce"])
def test_it_refuses_terms_that_were_not_signed(
    chain: Chain, payment: Payment, form: str, cast: type[Cast], field: str
) -> None:
    signature = sign(payment.payer, "TransferWithAuthorization", payment.values)
    other = {
        "value": 250_001,
        "payee": cast.attacker.address,
        "valid_before": payment.valid_before + 1,
        "nonce": bytes(32),
    }
    setattr(payment, field, other[field])
    told = refusal(chain, payment.call(form, signature=signature))
    assert told == "FiatTokenV2: invalid signature"


@pytest.mark.parametrize(
    "domain", [{"chainId": CHAIN_ID + 1}, {"version": "1"}, {"name": "USD Coin"}]
)
def test_it_refuses_a_signature_for_another_domain(
    chain: Chain, payment: Payment, form: str, domain: dict[str, object]
) -> None:
    signature = sign(payment.payer, "TransferWithAuthorization", payment.values, **domain)
    told = refusal(chain, payment.call(form, signature=signature))
    assert told == "FiatTokenV2: invalid signature"


def test_it_refuses_the_other_half_of_a_signature(
    chain: Chain, payment: Payment, form: str
) -> None:
    signature = sign(payment.payer, "TransferWithAuthorization", payment.values)
    high_s = (ORDER - int.from_bytes(signature[32:64])).to_bytes(32)
    mirrored = signature[:32] + high_s + bytes([55 - signature[64]])
    told = refusal(chain, payment.call(form, signature=mirrored))
    assert told == "ECRecover: invalid signature 's' value"


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_it_refuses_a_v_that_is_not_27_or_28(
    chain: Chain, payment: Payment, form: str, v: int
) -> None:
    signature = sign(payment.payer, "TransferWithAuthorization", payment.values)[:64] + bytes([v])
    told = refusal(chain, payment.call(form, signature=signature))
    assert told == "ECRecover: invalid signature 'v' value"


def test_it_refuses_a_signature_that_belongs_to_nobody(
    chain: Chain, payment: Payment, form: str
) -> None:
    nobody = bytes(31) + b"\0" + bytes(31) + b"\1" + b"\x1b"
    told = refusal(chain, payment.call(form, signature=nobody))
    assert told == "ECRecover: invalid signature"


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_key_signs_65_bytes(chain: Chain, payment: Payment, length: int) -> None:
    signature = sign(payment.payer, "TransferWithAuthorization", payment.values)
    stretched = (signature + b"\0")[:length]
    data = handed_in("joined", "TransferWithAuthorization", payment.values, stretched)
    assert refusal(chain, data) == "ECRecover: invalid signature length"


def test_a_payee_may_take_a_receive_authorization(
    chain: Chain, payment: Payment, form: str, cast: type[Cast]
) -> None:
    data = payment.call(form, kind="ReceiveWithAuthorization")
    told = refusal(chain, data, sender=cast.attacker.address)
    assert told == "FiatTokenV2: caller must be the payee"
    chain.set_balance(payment.payee, 10**18)
    chain.send(DOLLAR, data, sender=payment.payee)
    assert chain.atomic_of(payment.payee) == 250_000


def test_a_receive_authorization_is_no_transfer_authorization(
    chain: Chain, payment: Payment, form: str
) -> None:
    signature = sign(payment.payer, "ReceiveWithAuthorization", payment.values)
    told = refusal(chain, payment.call(form, signature=signature))
    assert told == "FiatTokenV2: invalid signature"


def test_a_cancelled_authorization_pays_nobody(chain: Chain, payment: Payment, form: str) -> None:
    values = [payment.payer.address, payment.nonce]
    signature = sign(payment.payer, "CancelAuthorization", values)
    sent = chain.send(DOLLAR, handed_in(form, "CancelAuthorization", values, signature))
    (told,) = chain.receipt(sent)["logs"]
    assert told["topics"] == [
        "0x" + keccak(text="AuthorizationCanceled(address,bytes32)").hex(),
        topic(payment.payer.address),
        "0x" + payment.nonce.hex(),
    ]
    for way in FORMS:
        told = refusal(chain, payment.call(way))
        assert told == "FiatTokenV2: authorization is used or canceled"


def test_only_the_payer_cancels(
    chain: Chain, payment: Payment, form: str, cast: type[Cast]
) -> None:
    values = [payment.payer.address, payment.nonce]
    signature = sign(cast.attacker, "CancelAuthorization", values)
    told = refusal(chain, handed_in(form, "CancelAuthorization", values, signature))
    assert told == "FiatTokenV2: invalid signature"


def test_what_is_used_cannot_be_cancelled(chain: Chain, payment: Payment, form: str) -> None:
    chain.send(DOLLAR, payment.call(form))
    values = [payment.payer.address, payment.nonce]
    signature = sign(payment.payer, "CancelAuthorization", values)
    told = refusal(chain, handed_in(form, "CancelAuthorization", values, signature))
    assert told == "FiatTokenV2: authorization is used or canceled"


@pytest.mark.parametrize("whose", ["payer", "payee"])
def test_it_refuses_the_blacklisted(chain: Chain, payment: Payment, form: str, whose: str) -> None:
    address = payment.payer.address if whose == "payer" else payment.payee
    chain.blacklist(address)
    told = refusal(chain, payment.call(form))
    assert told == "Blacklistable: account is blacklisted"
    chain.unblacklist(address)
    chain.send(DOLLAR, payment.call(form))
    assert chain.atomic_of(payment.payee) == 250_000


def test_it_refuses_everything_while_paused(chain: Chain, payment: Payment, form: str) -> None:
    chain.pause_token()
    values = [payment.payer.address, payment.nonce]
    cancel = sign(payment.payer, "CancelAuthorization", values)
    assert refusal(chain, payment.call(form)) == "Pausable: paused"
    assert refusal(chain, handed_in(form, "CancelAuthorization", values, cancel)) == (
        "Pausable: paused"
    )
    chain.unpause_token()
    chain.send(DOLLAR, payment.call(form))
    assert chain.atomic_of(payment.payee) == 250_000


def test_an_unknown_call_is_refused(chain: Chain, payment: Payment) -> None:
    known = payment.call("split")
    chain.rpc("eth_call", [{"to": DOLLAR, "data": known}, "latest"])
    for unknown in ("0x", "0x1234", "0xdeadbeef" + known[10:], known[:-64]):
        assert refusal(chain, unknown) == "execution reverted"


def test_dirty_arguments_are_refused(chain: Chain, payment: Payment) -> None:
    known = payment.call("split")
    assert refusal(chain, known[:10] + "1" + known[11:]) == "execution reverted"


def test_its_domain_separator_is_made_of_the_running_chain(chain: Chain) -> None:
    domain = keccak(
        keccak(
            text="EIP712Domain(string name,string version,"
            "uint256 chainId,address verifyingContract)"
        )
        + keccak(text="USDC")
        + keccak(text="2")
        + CHAIN_ID.to_bytes(32)
        + bytes.fromhex(DOLLAR[2:]).rjust(32, b"\0")
    )
    assert chain.view(DOLLAR, "DOMAIN_SEPARATOR()") == domain


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "TRANSFER_WITH_AUTHORIZATION_TYPEHASH()",
            "7c7c6cdb67a18743f49ec6fa9b35f50d52ed05cbed4cc592e13b44501c1a2267",
        ),
        (
            "RECEIVE_WITH_AUTHORIZATION_TYPEHASH()",
            "d099cc98ef71107a616c4f0f941f04c322d8e254fe26b3c6668db87aae413de8",
        ),
        (
            "CANCEL_AUTHORIZATION_TYPEHASH()",
            "158b0a9edf7a828aad02f63cd515c68ef2f50ba807396f6d12842833a1597429",
        ),
        (
            "PERMIT_TYPEHASH()",
            "6e71edae12b1b97f4d1f60370fef10105fa2faae0126114a169c64845d6126c9",
        ),
    ],
)
def test_its_type_hashes_are_the_standards(chain: Chain, name: str, text: str) -> None:
    assert chain.view(DOLLAR, name).hex() == text


def test_a_random_key_pays_as_well_as_the_cast(chain: Chain, cast: type[Cast]) -> None:
    account = Account.create()
    payer = type(cast.buyer)("passer-by", account.address, account.key.hex())
    chain.fund(payer.address, 1)
    chain.send(DOLLAR, Payment(payer, cast.seller.address).call("split"))
    assert chain.atomic_of(cast.seller.address) == 250_000


def topic(address: str) -> str:
    return "0x" + address[2:].lower().rjust(64, "0")


def test_a_zero_payee_is_refused(chain: Chain, payment: Payment, form: str) -> None:
    payment.payee = "0x" + "0" * 40
    assert refusal(chain, payment.call(form)) == "ERC20: transfer to the zero address"


def test_the_token_says_who_it_is(chain: Chain) -> None:
    assert int.from_bytes(chain.view(DOLLAR, "decimals()")) == 6
    for question, text in (("name()", b"USDC"), ("symbol()", b"USDC"), ("version()", b"2")):
        told = chain.view(DOLLAR, question)
        assert told[64:].rstrip(b"\0") == text
    assert calldata("decimals()") == "0x313ce567"
