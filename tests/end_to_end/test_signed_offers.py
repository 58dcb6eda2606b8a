"""Quotes that the site signed: anybody can check them, and clients that echo them still pay."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.parse import unquote

import pytest
from x402 import x402ClientSync
from x402.http.utils import decode_payment_required_header, encode_payment_signature_header
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client

from sellers.drafts import Draft, finish
from sellers.models import Listing
from sellers.prices import Ask
from sellers.publishing import republish
from sellers.site import this_site
from sellers.terms import Sample
from tests.end_to_end.test_official_clients import (
    Client,
    httpx_client,
    typescript_client,
)
from tests.fixtures.cast import Cast
from tests.fixtures.promises import promised
from tests.fixtures.stack import NETWORK, Sold, Stack
from tests.fixtures.typescript import typescript_folder
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask

SIGNED_SECONDS = 30
COMMON_HEADER_BYTES_MAX = 8_000  # what front ends take that nobody configured


def offers_in(said: Said) -> list[Any]:
    extension = said.challenge["extensions"].get("offer-receipt", {"info": {"offers": []}})
    offers: list[Any] = extension["info"]["offers"]
    return offers


def signed_quote(stack: Stack, sold: Sold) -> Said:
    """A quote as it is once the worker has signed it."""
    stack.wait_until(lambda: offers_in(ask(sold.url)), "a signed quote", SIGNED_SECONDS)
    return ask(sold.url)


def amounts_promised(stack: Stack, said: Said) -> list[str]:
    """The price of every promise in a quote, each checked and each the one quoted beside it."""
    key = ask(f"{stack.base_url}/.well-known/did.json").json
    amounts = []
    for offer in offers_in(said):
        promise = promised(offer["signature"], key)
        accepted = said.challenge["accepts"][offer["acceptIndex"]]
        for name in ("scheme", "network", "asset", "payTo", "amount"):
            assert promise[name] == accepted[name]
        assert promise["resourceUrl"] == said.challenge["resource"]["url"]
        amounts.append(promise["amount"])
    return amounts


def test_a_quote_is_signed_with_the_key_that_the_site_shows(stack: Stack) -> None:
    sold = stack.sell()
    said = signed_quote(stack, sold)
    assert amounts_promised(stack, said) == ["10000"]
    assert json.loads(said.body) == said.challenge


def test_a_new_price_comes_with_a_new_promise_and_never_with_the_old_one(stack: Stack) -> None:
    sold = stack.sell()
    signed_quote(stack, sold)
    seller, _, slug = sold.path.partition("/")
    with stack.database():
        dearer = Draft(
            upstream_url=stack.upstream.url + sold.upstream_path,
            title=f"Dearer {slug}",
            description="A listing of the tests.",
            sample=Sample(200, "application/json", b'{"ok":true}'),
            prices=[Ask("0.02", NETWORK, Cast.seller.address)],
        )
        listing = Listing.objects.get(seller__slug=seller, slug=slug)
        republish(listing, finish(dearer, this_site()), this_site())

    def promises_the_new_price() -> bool:
        return amounts_promised(stack, ask(sold.url)) == ["20000"]

    stack.wait_until(promises_the_new_price, "the new price signed", SIGNED_SECONDS)


@pytest.mark.parametrize("client", [httpx_client, typescript_client], ids=lambda c: c.__name__)
def test_official_clients_pay_a_signed_quote(
    stack: Stack, cast: type[Cast], client: Client
) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.other_buyer.address, 1)
    signed_quote(stack, sold)

    bought = client(cast.other_buyer, sold.url, "GET", None)

    assert (bought.status, json.loads(bought.body)) == (200, {"ok": True})
    assert bought.settlement["success"] is True


def test_a_payment_that_echoes_every_extension_passes_common_front_ends(
    stack: Stack, cast: type[Cast]
) -> None:
    wide = {"query": {f"parameter_{number}": "x" * 20 for number in range(20)}}
    sold = stack.sell(example=wide)
    quote = signed_quote(stack, sold).headers["payment-required"]
    client = register_exact_evm_client(x402ClientSync(), EthAccountSigner(cast.other_buyer.account))

    asked = decode_payment_required_header(quote)
    payload = client.create_payment_payload(asked)
    header = encode_payment_signature_header(payload)

    assert "offer-receipt" in (payload.extensions or {})
    assert set(payload.extensions or {}) >= set(asked.extensions or {})
    assert len(header) < COMMON_HEADER_BYTES_MAX


@pytest.mark.parametrize("below", ["", "/New%20York"])
def test_the_official_verifier_takes_our_promises_and_our_receipts(
    stack: Stack, cast: type[Cast], below: str
) -> None:
    of_path: dict[str, Any] = {
        "fixed_query": "/{city}",
        "example": {"path": {"city": "Oslo"}},
    }
    sold = stack.sell(**(of_path if below else {}))
    stack.upstream.on(unquote(f"{sold.upstream_path}{below}"), answer(b'{"ok":true}'))
    stack.chain.fund(cast.other_buyer.address, 1)
    signed_quote(stack, sold)
    said = ask(f"{sold.url}{below}")
    bought = httpx_client(cast.other_buyer, f"{sold.url}{below}", "GET", None)

    assert said.challenge["resource"]["url"] == f"{sold.url}{below}"
    assert bought.status == 200, bought.body

    def receipts() -> list[tuple[Any, ...]]:
        return stack.rows(
            "select r.jws from payments_receipt r join payments_payment p on p.id = r.payment_id"
            " where p.listing_path = %s",
            sold.path,
        )

    stack.wait_until(receipts, "a receipt", SIGNED_SECONDS)
    done = subprocess.run(
        [
            "node", "promises.mjs", said.headers["payment-required"],
            receipts()[0][0], cast.other_buyer.address,
        ],
        cwd=typescript_folder(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)

    (promise,) = found["promises"]
    assert (promise["resourceUrl"], promise["amount"]) == (sold.url, "10000")
    assert found["accepts"] == said.challenge["accepts"]
    assert found["receipt"]["payer"] == cast.other_buyer.address
    assert found["receiptMatches"] == [True]
