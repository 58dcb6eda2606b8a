"""The address with `x402Version=1` in its query speaks to old programs, and no other does."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncIterator

import orjson
import pytest

from marketplace.calls.outcomes import CallOutcome, Challenged, Delivered, Refused, Unavailable
from marketplace.calls.shelf import Shelf, Shelved
from marketplace.calls.stock import Stock
from marketplace.gateway.dialects import V1
from payments.database.pool import open_pool
from payments.x402 import v1
from payments.x402.reasons import Reason
from payments.x402.types import Settlement
from sellers import listings
from tests.fixtures.storefront import NETWORK, SAMPLE, Storefront, in_thread
from tests.marketplace.gateway.test_paid import (
    ANSWER,
    PAYMENT,
    SETTLED,
    Counter,
    delivered,
    door,
    nobody_minds,
)
from tests.marketplace.gateway.test_unpaid import SANDBOX, VERBS, WEATHER
from tests.marketplace.gateway.visitor import App, Seen, visit

OLD = f"{WEATHER}?x402Version=1"
PAID = {"X-PAYMENT": "e30="}
NEW_PAID = {"PAYMENT-SIGNATURE": "e30="}


@pytest.fixture
def shop(storefront: Storefront) -> Storefront:
    storefront.publish("acme/weather")
    return storefront


# Unpaid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
async def test_any_verb_is_quoted_in_the_body_and_in_no_header(
    shop: Storefront, surface: App, verb: str, body: bytes
) -> None:
    seen = await visit(surface, verb, OLD, {"content-type": "application/json"}, body)
    assert seen.status == 402
    assert seen["payment-required"] is None
    assert seen["content-type"] == "application/json"
    assert seen["content-length"] == str(len(seen.body))
    assert seen["cache-control"] == "no-store"
    assert seen["content-security-policy"] == SANDBOX
    assert seen["access-control-allow-origin"] == "*"
    assert seen.json["x402Version"] == 1
    (entry,) = seen.json["accepts"]
    assert entry["resource"] == f"{shop.site.call_base_url}{OLD}"
    assert (entry["network"], entry["maxAmountRequired"]) == ("base-sepolia", "10000")


async def test_head_is_quoted_without_a_body(shop: Storefront, surface: App) -> None:
    get, head = [await visit(surface, verb, OLD) for verb in ("GET", "HEAD")]
    assert (head.status, head.body, head.headers) == (402, b"", get.headers)


async def test_a_preflight_is_the_same_in_both_versions(shop: Storefront, surface: App) -> None:
    assert await visit(surface, "OPTIONS", OLD) == await visit(surface, "OPTIONS", WEATHER)


@pytest.mark.parametrize(
    "query",
    [
        *("x402Version=1", "city=Oslo&x402Version=1", "x402%56ersion=1", "x402Version=%31"),
        *("x402Version=1&x402Version=2", "x402Version=2&x402Version=1"),
    ],
)
async def test_however_it_is_asked_for_the_quote_is_the_same(
    shop: Storefront, surface: App, query: str
) -> None:
    assert await visit(surface, "GET", f"{WEATHER}?{query}") == await visit(surface, "GET", OLD)


@pytest.mark.parametrize(
    "query",
    [
        *("x402Version=2", "x402Version=3", "x402Version=", "x402Version", "x402Version=01"),
        *("x402version=1", "x402Version=1.0", "x402Version=%201", "%ff&x402Version=1", "v=1"),
    ],
)
async def test_anything_else_is_the_newest_version_because_graders_put_anything_into_a_query(
    shop: Storefront, surface: App, query: str
) -> None:
    assert await visit(surface, "GET", f"{WEATHER}?{query}") == await visit(surface, "GET", WEATHER)


async def test_a_browser_gets_the_quote_itself_because_it_is_the_body(
    shop: Storefront, surface: App
) -> None:
    page = await visit(surface, "GET", OLD, {"accept": "text/html"})
    assert page == await visit(surface, "GET", OLD)


async def test_the_page_of_a_listing_and_its_new_quote_name_the_old_address(
    shop: Storefront, surface: App
) -> None:
    seen = await visit(surface, "GET", WEATHER, {"accept": "text/html"})
    assert f"<pre>{shop.site.call_base_url}{OLD}</pre>" in seen.body.decode()
    assert seen.quote["v1"] == f"{shop.site.call_base_url}{OLD}"


async def test_a_price_above_the_wish_is_said(shop: Storefront, surface: App) -> None:
    seen = await visit(surface, "GET", OLD, {"X-Max-Price": "0.001 USD"})
    assert (seen.status, seen.json["error"]) == (402, "price_above_max")
    assert (seen.json["x402Version"], len(seen.json["accepts"])) == (1, 1)
    assert seen["payment-required"] is None


async def test_samples_and_closed_listings_are_the_same_in_both_versions(
    shop: Storefront, surface: App
) -> None:
    sample = await visit(surface, "GET", f"{OLD}&demo=true", PAID)
    assert (sample.status, sample.body, sample["x-demo"]) == (200, SAMPLE.body, "true")
    tides = await in_thread(shop.publish, "acme/tides")
    await in_thread(listings.pause, tides.pk)
    assert (await visit(surface, "GET", "/call/acme/tides?x402Version=1")).status == 503
    assert (await visit(surface, "GET", "/call/acme/nothing?x402Version=1")).status == 404


# Paid ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "headers", "where"),
    [
        (WEATHER, PAID, "with x402Version=1"),
        (f"{WEATHER}?x402Version=2", PAID, "with x402Version=1"),
        (f"{WEATHER}?x402Version=7", PAID, "with x402Version=1"),
        (OLD, NEW_PAID, "without x402Version=1"),
    ],
)
async def test_a_payment_in_the_other_version_is_sent_there_and_never_asked_to_pay_again(
    target: str, headers: dict[str, str], where: str
) -> None:
    counter = Counter(delivered())
    seen = await visit(door(counter), "GET", target, headers)
    assert (seen.status, seen.json["error"]) == (400, "payment_of_other_version")
    assert where in seen.json["detail"]
    assert "Send the same payment there" in seen.json["detail"]
    assert seen["payment-required"] is None
    assert counter.requests == []


async def test_one_header_of_each_version_is_one_payment_too_many() -> None:
    counter = Counter(delivered())
    seen = await visit(door(counter), "GET", OLD, {**PAID, **NEW_PAID})
    assert (seen.status, seen.json["error"]) == (400, "more_than_one_payment")
    assert counter.requests == []


async def test_the_call_is_handed_on_without_a_trace_of_its_version() -> None:
    counter = Counter(delivered())
    await visit(door(counter), "POST", f"{OLD}&city=Oslo", PAID, b"{}")
    (request,) = counter.requests
    assert request.query == (("city", "Oslo"),)
    assert (request.credential, request.decode) == ("e30=", v1.decode_payment)


async def ask(outcome: CallOutcome) -> Seen:
    return await visit(door(Counter(outcome)), "GET", OLD, PAID)


def told(seen: Seen) -> object:
    assert seen["payment-response"] is None
    assert seen["payment-required"] is None
    return orjson.loads(b64decode(seen["x-payment-response"] or ""))


async def test_an_answer_comes_with_the_old_header_and_the_networks_old_name() -> None:
    seen = await ask(Delivered(ANSWER, SETTLED, PAYMENT, nobody_minds))
    assert (seen.status, seen.body) == (200, ANSWER.body)
    assert told(seen) == SETTLED.to_wire() | {"network": "base-sepolia"}


async def test_what_is_not_known_yet_names_the_place_to_look_and_is_no_new_quote() -> None:
    pending = Settlement(False, "", "", NETWORK, error_reason=Reason.SETTLEMENT_PENDING)
    seen = await ask(Unavailable("settlement_pending", "Not yet.", 7, PAYMENT, pending))
    assert (seen.status, seen["retry-after"]) == (503, "7")
    assert seen.json["status_url"] == f"https://souk.example/p/{PAYMENT}"
    assert (seen.json["x402Version"], seen.json["error"]) == (1, "settlement_pending")
    assert "accepts" not in seen.json
    assert told(seen) == {
        "success": False,
        "errorReason": "settlement_pending",
        "transaction": "",
        "network": "base-sepolia",
    }


async def test_a_conflict_says_in_which_version_it_speaks() -> None:
    question = {"sign-in-with-x": {"info": {}}}
    seen = await ask(Refused(409, "already_used", "Prove it.", extensions=question))
    assert seen.status == 409
    assert seen.json == {
        "error": "already_used",
        "detail": "Prove it.",
        "x402Version": 1,
        "extensions": question,
    }


@pytest.fixture
async def shelf(shop: Storefront, database_url: str) -> AsyncIterator[Shelf]:
    pool = await open_pool(database_url, size_max=1)
    yield Shelf(pool, Stock(pool, shop.site), entries_max=1)
    await pool.close()


async def test_a_curable_payment_is_asked_for_again_in_its_own_version(shelf: Shelf) -> None:
    counter = Counter(Challenged(Reason.EXPIRED, "too late"))
    seen = await visit(door(counter, shelf), "GET", OLD, PAID)
    assert seen.status == 402
    assert (seen.json["x402Version"], seen.json["error"]) == (1, Reason.EXPIRED)
    assert seen.json["detail"] == "too late"
    (entry,) = seen.json["accepts"]
    assert entry["maxAmountRequired"] == "10000"
    assert seen["payment-required"] is None


@pytest.mark.parametrize(
    ("address", "paid", "name", "network"),
    [
        (OLD, PAID, "x-payment-response", "base-sepolia"),
        (WEATHER, NEW_PAID, "payment-response", NETWORK),
    ],
)
async def test_a_payment_that_was_not_collected_is_named_beside_the_new_quote(
    shelf: Shelf, address: str, paid: dict[str, str], name: str, network: str
) -> None:
    failed = Settlement(False, "0x1", "", NETWORK, error_reason=Reason.TRANSACTION_FAILED)
    counter = Counter(Challenged(Reason.TRANSACTION_FAILED, "", failed, PAYMENT))
    seen = await visit(door(counter, shelf), "GET", address, paid)
    assert (seen.status, seen.json["error"]) == (402, "transaction_failed")
    assert orjson.loads(b64decode(seen[name] or "")) == failed.to_wire() | {"network": network}
    assert seen["x-souk-payment"] == str(PAYMENT)
    assert seen.json["status_url"] == f"https://souk.example/p/{PAYMENT}"
    gone = await visit(door(counter), "GET", address, paid)
    assert (gone.status, gone["x-souk-payment"]) == (404, str(PAYMENT))
    assert gone[name] == seen[name]


async def test_the_quote_is_written_once_for_all_who_ask(shelf: Shelf) -> None:
    await shelf.refresh()  # until it has looked once it keeps nothing
    place = await shelf.get("acme/weather")
    assert isinstance(place, Shelved)
    first, again = V1.quote(place), V1.quote_page(place)
    assert first is again
    assert first.body is place.challenge_v1_body
