"""A version 1 payment names no token; which one it is in is found out and never assumed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_account import Account

from marketplace.calls.attached import completed
from marketplace.calls.shelf import Absent, Place
from payments.ids import new_id
from payments.presented import Presented
from payments.x402 import v1
from payments.x402.networks import DEFAULT_ASSETS, Asset, chain_id_of
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import PaymentPayload, Requirements
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import Purchases
from tests.fixtures.wallet import TERMS, pack

CELO = "eip155:42220"
USDC, USDT, USAT = CELO_TOKENS = [asset for asset in DEFAULT_ASSETS if asset.network == CELO]
BASE_USDC = next(asset for asset in DEFAULT_ASSETS if asset.network == "eip155:8453")
TOKENS = [BASE_USDC, *CELO_TOKENS]
WALLET_SIGNATURE = b"\x01" * 97  # a contract wallet's, which says nothing offline
ANYBODY: Any = None  # for questions that need no database


def offer_in(token: Asset, amount: int = 10_000, seconds: int = 300) -> Requirements:
    return Requirements(
        scheme="exact",
        network=token.network,
        amount_atomic=amount,
        asset=token.address,
        pay_to=Cast.seller.address,
        max_timeout_seconds=seconds,
        extra={"name": token.eip712_name, "version": token.eip712_version},
    )


def selling(*offers: Requirements, earlier: Sequence[Requirements] = ()) -> Place:
    """What is for sale, as far as a payment is compared with it."""

    def revision(offered: Sequence[Requirements]) -> Any:
        return SimpleNamespace(
            offers=[SimpleNamespace(requirements=offer) for offer in offered], earlier=()
        )

    sold = revision(offers)
    sold.earlier = (revision(earlier),)
    return cast(Place, sold)


def payment_in(token: Asset, signature: bytes = b"", amount: int = 10_000) -> v1.Payment:
    terms = {
        "from": Cast.buyer.address,
        "to": Cast.seller.address,
        "value": amount,
        "validAfter": 0,
        "validBefore": 2**31,
        "nonce": secrets.token_bytes(32),
    }
    domain = {
        "name": token.eip712_name,
        "version": token.eip712_version,
        "chainId": chain_id_of(token.network),
        "verifyingContract": token.address,
    }
    signed = Account.sign_typed_data(
        Cast.buyer.private_key, domain, {"TransferWithAuthorization": TERMS}, terms
    )
    written = {key: str(value) for key, value in terms.items()}
    written["nonce"] = f"0x{cast(bytes, terms['nonce']).hex()}"
    network = {CELO: "celo", BASE_USDC.network: "base"}[token.network]
    return v1.decode_payment(
        pack(
            {
                "x402Version": 1,
                "scheme": "exact",
                "network": network,
                "payload": {
                    "authorization": written,
                    "signature": f"0x{(signature or bytes(signed.signature)).hex()}",
                },
            }
        )
    )


async def read(place: Place, payment: v1.Payment, pool: Any = ANYBODY) -> PaymentPayload:
    return await completed(pool, place, TOKENS, payment)


async def test_the_only_token_of_a_network_is_the_one() -> None:
    offer = offer_in(BASE_USDC)
    assert (await read(selling(offer), payment_in(BASE_USDC))).accepted == offer


@pytest.mark.parametrize("token", CELO_TOKENS, ids=lambda token: token.symbol)
async def test_among_several_the_signature_says_which(token: Asset) -> None:
    place = selling(*map(offer_in, CELO_TOKENS))
    assert (await read(place, payment_in(token))).accepted == offer_in(token)


async def test_a_price_that_still_stands_is_found_among_the_earlier_ones() -> None:
    place = selling(offer_in(USDC, 20_000), earlier=[offer_in(USDC, seconds=240)])
    assert (await read(place, payment_in(USDC))).accepted == offer_in(USDC, seconds=240)


@pytest.mark.parametrize(
    "place",
    [selling(offer_in(USDC, 9_999)), selling(offer_in(USDT)), Absent.CLOSED, Absent.UNKNOWN],
    ids=["other_price", "other_token", "closed", "unknown"],
)
async def test_without_an_offer_it_is_still_the_same_payment_for_the_same_token(
    place: Place,
) -> None:
    """So that whoever paid already is answered, whatever has become of the listing."""
    payment = payment_in(USDC)
    accepted = (await read(place, payment)).accepted
    assert (accepted.asset, accepted.amount_atomic) == (USDC.address, 10_000)
    assert accepted != offer_in(USDC)


async def test_a_network_nobody_takes_here_is_refused() -> None:
    with pytest.raises(PaymentRefused) as refusal:
        await completed(ANYBODY, Absent.UNKNOWN, CELO_TOKENS, payment_in(BASE_USDC))
    assert refusal.value.reason is Reason.NO_MATCHING_REQUIREMENTS


async def test_a_contract_wallet_means_the_only_offer_it_can_mean(purchases: Purchases) -> None:
    payment = payment_in(USDC, WALLET_SIGNATURE)
    place = selling(offer_in(USDT), offer_in(USAT, 20_000))
    assert (await read(place, payment, purchases.pool)).accepted == offer_in(USDT)


async def test_a_contract_wallet_that_may_mean_two_is_told_what_names_the_token(
    purchases: Purchases,
) -> None:
    place = selling(offer_in(USDC), offer_in(USDT))
    with pytest.raises(PaymentRefused, match="No matching") as refusal:
        await read(place, payment_in(USDC, WALLET_SIGNATURE), purchases.pool)
    assert "version 2" in refusal.value.detail


async def test_a_contract_wallets_payment_that_we_hold_is_known_again(
    purchases: Purchases,
) -> None:
    payment = payment_in(USDC, WALLET_SIGNATURE)
    taken = Presented.read(payment.accepting(payment.terms(USDT)), {USDT.network})
    await purchases.claim(identity=taken.identity, payment_id=new_id())
    place = selling(offer_in(USDC), replace(offer_in(USDT), amount_atomic=20_000))
    assert (await read(place, payment, purchases.pool)).accepted.asset == USDT.address
