"""The site's signatures on the shelf: put there without a restart, and gone before they run out."""

import json
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
import pytest_asyncio
from django.db.models import F
from pytest_django.fixtures import Settings

from marketplace.calls.promises import SPARE_SECONDS, Promises
from marketplace.calls.shelf import Shelf, Shelved
from marketplace.calls.stock import Stock
from payments.database.pool import Pool, open_pool
from payments.receipts.signing import Signer, did_document, did_web, generate_pem
from payments.x402.headers import encode_header
from payments.x402.networks import DEFAULT_ASSETS
from sellers import signed_offers
from sellers.models import SignedOffers
from sellers.prices import Ask
from sellers.signed_offers import sign_due
from sellers.site import this_site
from tests.fixtures.cast import Cast
from tests.fixtures.promises import promised
from tests.fixtures.storefront import NETWORK, Storefront, in_thread

PATH = "acme/weather"
BASE = "eip155:8453"


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size_max=4)
    yield opened
    await opened.close()


@pytest.fixture
def signer(storefront: Storefront) -> Signer:
    return Signer.from_pem(generate_pem(), did_web(storefront.site.public_base_url))


@pytest_asyncio.fixture
async def shelf(pool: Pool, storefront: Storefront) -> Shelf:
    shelf = Shelf(pool, Stock(pool, storefront.site), entries_max=100)
    await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    return shelf


@pytest.fixture
def closed() -> set[str]:
    """The networks that take no payment now."""
    return set()


@pytest.fixture
def promises(pool: Pool, shelf: Shelf, storefront: Storefront, closed: set[str]) -> Promises:
    return Promises(pool, shelf, storefront.site, closed=lambda _: frozenset(closed))


async def sign(storefront: Storefront, signer: Signer) -> None:
    assert await in_thread(sign_due, signer, storefront.site) == 1


async def sign_again(storefront: Storefront, signer: Signer) -> None:
    await in_thread(SignedOffers.objects.all().delete)
    await sign(storefront, signer)


async def shelved(shelf: Shelf) -> Shelved:
    place = await shelf.get(PATH)
    assert isinstance(place, Shelved)
    return place


def promise_in(quote: Shelved, signer: Signer) -> dict[str, object] | None:
    """What is promised in a quote; the quote is the same in body, header and memory."""
    document = json.loads(quote.challenge_body)
    assert quote.challenge_header == encode_header(quote.challenge.to_wire())
    assert encode_header(document) == quote.challenge_header
    extension = document["extensions"].get("offer-receipt")
    if extension is None:
        assert quote.signed is None
        return None
    ((offer),) = extension["info"]["offers"]
    said: dict[str, object] = promised(
        offer["signature"], did_document(signer.public_key, signer.did)
    )
    assert quote.signed is not None
    assert said["validUntil"] == quote.signed.valid_until_unix
    return said


async def test_a_listing_that_is_signed_when_it_is_read_is_quoted_so(
    storefront: Storefront, shelf: Shelf, signer: Signer
) -> None:
    await sign(storefront, signer)
    quote = await shelved(shelf)
    said = promise_in(quote, signer)
    assert said is not None
    assert (said["resourceUrl"], said["amount"]) == (quote.url, "10000")


async def test_a_new_signature_reaches_what_is_on_the_shelf(
    storefront: Storefront, shelf: Shelf, promises: Promises, signer: Signer
) -> None:
    plain = await shelved(shelf)
    assert promise_in(plain, signer) is None
    await sign(storefront, signer)
    await promises.renew()
    quote = await shelved(shelf)
    assert promise_in(quote, signer) is not None
    assert (quote.offers, quote.revision_hash) == (plain.offers, plain.revision_hash)
    await promises.renew()
    assert await shelved(shelf) is quote  # nothing newer: nothing is written again


async def test_a_later_signature_takes_the_place_of_an_earlier(
    storefront: Storefront,
    shelf: Shelf,
    promises: Promises,
    signer: Signer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await sign(storefront, signer)
    first = promise_in(await shelved(shelf), signer)
    monkeypatch.setattr(signed_offers, "VALID_SECONDS", 400)
    await sign_again(storefront, signer)
    await promises.renew()
    second = promise_in(await shelved(shelf), signer)
    assert first is not None
    assert second is not None
    assert second["validUntil"] != first["validUntil"]


async def test_a_new_price_is_never_quoted_with_the_old_promise(
    storefront: Storefront, shelf: Shelf, promises: Promises, signer: Signer
) -> None:
    await sign(storefront, signer)
    await promises.renew()
    before = await shelved(shelf)
    listing = await in_thread(lambda: SignedOffers.objects.get().revision.listing)
    dearer = [Ask("0.02", NETWORK, Cast.seller.address)]
    await in_thread(lambda: storefront.revise(listing, prices=dearer))
    await promises.renew()  # the door has not seen the change, and what it sells is as it was
    assert await shelved(shelf) is before
    await shelf.refresh()
    assert promise_in(await shelved(shelf), signer) is None
    await sign(storefront, signer)
    await promises.renew()
    said = promise_in(await shelved(shelf), signer)
    assert said is not None
    assert said["amount"] == "20000"


async def test_a_promise_that_runs_out_is_dropped_without_the_database(
    storefront: Storefront,
    shelf: Shelf,
    promises: Promises,
    signer: Signer,
    pool: Pool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await sign(storefront, signer)
    quote = await shelved(shelf)
    await promises.drop_expired()
    assert await shelved(shelf) is quote
    assert quote.signed is not None
    almost = quote.signed.valid_until_unix - SPARE_SECONDS
    monkeypatch.setattr(time, "time", lambda: almost)
    await pool.close()
    await promises.drop_expired()
    assert promise_in(await shelved(shelf), signer) is None


async def test_what_ran_out_is_not_put_on_the_shelf(
    storefront: Storefront, shelf: Shelf, signer: Signer
) -> None:
    await sign(storefront, signer)
    ran_out = {"valid_until_unix": F("valid_until_unix") - 300}
    await in_thread(lambda: SignedOffers.objects.update(**ran_out))
    assert promise_in(await shelved(shelf), signer) is None


async def test_old_signatures_are_not_read_again_and_again(
    storefront: Storefront, shelf: Shelf, promises: Promises, signer: Signer
) -> None:
    plain = await shelved(shelf)
    await sign(storefront, signer)
    an_age = {"signed_at": F("signed_at") - timedelta(minutes=1)}
    await in_thread(lambda: SignedOffers.objects.update(**an_age))
    await promises.renew()
    assert await shelved(shelf) is plain


@pytest.fixture
async def two_networks(
    pool: Pool, storefront: Storefront, settings: Settings, closed: set[str]
) -> tuple[Shelf, Promises]:
    """A listing that is sold on two networks, and what keeps its quote."""
    assets = [asset.address for asset in DEFAULT_ASSETS if asset.network == BASE]
    here = settings.CHAINS[NETWORK]
    settings.CHAINS = {NETWORK: here, BASE: {**here, "ASSETS": assets}}
    storefront.site = this_site()
    shelf = Shelf(pool, Stock(pool, storefront.site), entries_max=100)
    prices = [Ask("0.01", each, Cast.seller.address) for each in (NETWORK, BASE)]
    await in_thread(partial(storefront.publish, PATH, prices=prices))
    await shelf.refresh()
    return shelf, Promises(pool, shelf, storefront.site, closed=lambda _: frozenset(closed))


def networks_in(body: bytes) -> set[str]:
    return {price["network"] for price in json.loads(body)["accepts"]}


async def test_a_network_that_takes_nothing_is_not_quoted_where_there_is_another(
    two_networks: tuple[Shelf, Promises], closed: set[str], storefront: Storefront, signer: Signer
) -> None:
    """Programs sign for the first price that they can pay, again and again."""
    shelf, promises = two_networks
    await sign(storefront, signer)
    whole = await shelved(shelf)
    assert networks_in(whole.challenge_body) == {NETWORK, BASE}
    await promises.leave_out_closed()
    assert await shelved(shelf) is whole, "nothing changed"

    closed.add(BASE)
    await promises.leave_out_closed()
    fewer = await shelved(shelf)
    assert networks_in(fewer.challenge_body) == {NETWORK}
    assert networks_in(fewer.challenge_v1_body) == {"base-sepolia"}
    assert promise_in(fewer, signer) is not None, "the signature stays with its price"
    assert fewer.offers == whole.offers, "who signed for the other is heard all the same"
    await sign_again(storefront, signer)
    await promises.renew()
    assert networks_in((await shelved(shelf)).challenge_body) == {NETWORK}

    closed.add(NETWORK)
    await promises.leave_out_closed()
    assert networks_in((await shelved(shelf)).challenge_body) == {NETWORK}, "one is always told"
    closed.clear()
    await promises.leave_out_closed()
    assert networks_in((await shelved(shelf)).challenge_body) == {NETWORK, BASE}
