"""The Bazaar's questions, asked as its official client asks them, and as nobody should."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from x402.extensions.bazaar import (
    ListDiscoveryResourcesParams,
    SearchDiscoveryResourcesParams,
    with_bazaar,
)
from x402.extensions.bazaar.facilitator import validate_discovery_extension
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync

from marketplace.catalog import search
from marketplace.catalog.discovery import BODY_BYTES_MAX
from sellers.models import CatalogEntry, Listing
from sellers.prices import Ask
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK, Storefront
from tests.fixtures.typescript import typescript_folder
from tests.marketplace.catalog.crowd import crowd

LIST, SEARCH = "/discovery/resources", "/discovery/search"
MERCHANT, VALIDATE = "/discovery/merchant", "/discovery/validate"
SOLANA = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"


@pytest.fixture
def market(stall: Storefront) -> dict[str, Listing]:
    """Three services; the first by rank is the weather."""

    def sell(path: str, dollars: str, pay_to: str, **more: Any) -> Listing:
        return stall.publish(path, prices=[Ask(dollars, NETWORK, pay_to)], **more)

    sold = {
        "weather": sell("acme/weather", "0.03", Cast.seller.address, tags=["weather"]),
        "tides": sell("acme/tides", "0.02", Cast.seller.address, title="Tide tables",
                      description="When the sea comes."),
        "maps": sell("zeta/maps", "0.05", Cast.other_seller.address, title="Maps of the sea",
                     description="Where it is."),
    }  # fmt: skip
    for score, name in enumerate(("maps", "tides", "weather"), 1):
        CatalogEntry.objects.filter(pk=sold[name].pk).update(score=score * 100, calls_30d=score)
    return sold


def asked(address: str, status: int = 200) -> Any:
    response = Client().get(address)
    assert response.status_code == status, (address, response.content)
    return response.json()


def test_questions_of_one_network_are_counted(market: Any, settings: Settings) -> None:
    settings.SEARCHES_PER_MINUTE = 3
    here = Client(REMOTE_ADDR="81.2.69.142")
    by_wallet = f"{MERCHANT}?payTo={Cast.seller.address}"
    for address in (LIST, f"{SEARCH}?query=sea", by_wallet):
        assert here.get(address).status_code == 200
    for address in (LIST, f"{SEARCH}?query=sea", by_wallet):
        refused = here.get(address)
        assert refused.status_code == 429
        assert 1 <= int(refused["Retry-After"]) <= 60
    assert Client(REMOTE_ADDR="81.2.70.7").get(LIST).status_code == 200


def names(found: Any) -> list[str]:
    rows = found.get("items", found.get("resources"))
    return [row["resource"].rpartition("/")[2] for row in rows]


@pytest.fixture
def bazaar() -> Any:
    """The official client, whose requests come to this site."""

    def answer(request: httpx.Request) -> httpx.Response:
        response = Client().get(request.url.raw_path.decode())
        return httpx.Response(response.status_code, content=response.content)

    client = httpx.Client(transport=httpx.MockTransport(answer))
    config = FacilitatorConfig(url="https://market.example", http_client=client)
    return with_bazaar(HTTPFacilitatorClientSync(config)).extensions.bazaar


def test_the_official_client_lists(market: dict[str, Listing], bazaar: Any) -> None:
    whole = bazaar.list_resources()
    assert whole.x402_version == 2
    assert (whole.pagination.limit, whole.pagination.offset, whole.pagination.total) == (20, 0, 3)
    first = whole.items[0]
    assert first.resource.endswith("/call/acme/weather")
    assert (first.type, first.x402_version) == ("http", 2)
    assert first.accepts[0]["amount"] == "30000"
    assert first.service_name == "City weather"
    assert first.tags == ["weather"]
    assert validate_discovery_extension(first.extensions["bazaar"]).valid
    params = ListDiscoveryResourcesParams(
        type="http", pay_to=Cast.seller.address.lower(), scheme="exact", network=NETWORK,
        extensions="bazaar", limit=1, offset=1,
    )  # fmt: skip
    page = bazaar.list_resources(params)
    assert [item.resource.rpartition("/")[2] for item in page.items] == ["tides"]
    assert (page.pagination.limit, page.pagination.offset, page.pagination.total) == (1, 1, 2)


def test_the_official_client_searches(market: dict[str, Listing], bazaar: Any) -> None:
    first = bazaar.search(SearchDiscoveryResourcesParams(query="sea", limit=1))
    assert first.partial_results is True
    again = bazaar.search(
        SearchDiscoveryResourcesParams(query="sea", limit=1, cursor=first.pagination.cursor)
    )
    found = [one.resources[0].resource.rpartition("/")[2] for one in (first, again)]
    assert sorted(found) == ["maps", "tides"]
    assert again.partial_results is False
    assert again.pagination.cursor is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["weather", "tides", "maps"]),
        ("?type=http", ["weather", "tides", "maps"]),
        ("?type=mcp", []),
        ("?extensions=bazaar,payment-identifier", ["weather", "tides", "maps"]),
        ("?type=grpc", []),
        (f"?payTo={SOLANA}", []),
        (f"?asset={SOLANA}", []),
        ("?extensions=siwx", []),
        ("?network=eip155:1", []),
        ("?scheme=upto", []),
        ("?maxUsdPrice=0.03", ["weather", "tides"]),
        ("?tags=weather", ["weather"]),
        ("?urlSubstring=/zeta/", ["maps"]),
        ("?limit=2", ["weather", "tides"]),
        ("?limit=2&offset=2", ["maps"]),
        ("?offset=3", []),
        ("?offset=10000", []),
        ("?query=sea&offset=1", 1),
    ],
)
def test_filters_are_applied(market: dict[str, Listing], query: str, found: Any) -> None:
    said = asked(f"{LIST}{query}")
    assert (names(said) if isinstance(found, list) else len(names(said))) == found
    assert said["unappliedFilters"] == []
    assert (said["pagination"]["total"] == 0) == (found == [] and "offset" not in query)


def test_whatever_is_counted_can_be_paged_to(stall: Storefront) -> None:
    crowd(stall.publish("acme/weather"), listings=520)
    wallet = f"{MERCHANT}?payTo={Cast.seller.address}"
    for start, total in (
        (f"{LIST}?query=weather", search.CANDIDATES_MAX),
        (f"{wallet}&query=weather", search.CANDIDATES_MAX),
        (f"{LIST}?query=weather&sort=price", 520),
        (f"{wallet}&sort=newest", 520),
    ):
        said = asked(f"{start}&limit=100&offset={total - 10}")
        assert (said["pagination"]["total"], len(names(said))) == (total, 10), start
        assert names(asked(f"{start}&offset={total}")) == [], start


def test_what_is_not_applied_is_named(market: dict[str, Listing]) -> None:
    assert asked(f"{LIST}?colour=red")["unappliedFilters"] == ["colour"]
    said = asked(f"{SEARCH}?query=weather&offset=4&mood=good")
    assert said["unappliedFilters"] == ["mood", "offset"]
    assert (said["searchMethod"], said["x402Version"], said["relaxed"]) == ("text", 2, False)
    assert asked(f"{SEARCH}?query=the+weather+of+Mars")["relaxed"] is True
    assert asked(f"{LIST}?cursor=x")["unappliedFilters"] == ["cursor"]
    # Whether a quote is signed is known when it is made, and not here.
    for address in (f"{LIST}?", f"{SEARCH}?query=sea&"):
        said = asked(f"{address}extensions=bazaar,offer-receipt")
        assert said["unappliedFilters"] == ["extensions"]
        assert names(said)
        assert names(asked(f"{address}extensions=offer-receipt,siwx")) == []
    merchant = asked(f"{MERCHANT}?payTo={Cast.seller.address}&cursor=x&mood=good")
    assert merchant["unappliedFilters"] == ["mood", "cursor"]


@pytest.mark.parametrize(
    "address",
    [
        f"{LIST}?limit=0",
        f"{LIST}?limit=1000000",
        f"{LIST}?offset=-1",
        f"{LIST}?offset=10001",
        f"{LIST}?offset=99999999999999999999",
        f"{LIST}?offset=%D9%A1",
        f"{LIST}?offset=1&offset=2",
        f"{LIST}?network=base%00",
        f"{LIST}?payTo=0x12",
        f"{LIST}?payTo={Cast.seller.address[2:]}",
        f"{LIST}?asset=USDC",
        f"{LIST}?maxUsdPrice=NaN",
        f"{LIST}?maxUsdPrice=1e-20000",
        f"{SEARCH}?query=sea&maxUsdPrice=1e-20000",
        f"{LIST}?" + "&".join(f"a{n}=1" for n in range(60)),
        f"{LIST}?type=%ff",
        f"{LIST}?" + "a" * 5_000,
        SEARCH,
        f"{SEARCH}?query=",
        f"{SEARCH}?query=%E2%80%8B",
        f"{SEARCH}?query={'a' * 1_001}",
        f"{SEARCH}?query=sea&cursor=nonsense",
        MERCHANT,
        f"{MERCHANT}?payTo=nobody",
    ],
)
def test_what_cannot_be_read_is_refused_in_words(stall: Storefront, address: str) -> None:
    assert asked(address, 400)["error"]


def test_a_merchant_is_a_wallet(market: dict[str, Listing]) -> None:
    said = asked(f"{MERCHANT}?payTo={Cast.seller.address.lower()}")
    assert said["payTo"] == Cast.seller.address
    assert names(said) == ["weather", "tides"]
    assert said["pagination"]["total"] == 2
    foreign = asked(f"{MERCHANT}?payTo={SOLANA}")
    assert (foreign["payTo"], foreign["resources"]) == (SOLANA, [])
    assert foreign["pagination"]["total"] == 0


def validated(resource: Any, status: int = 200, **more: Any) -> Any:
    response = Client(enforce_csrf_checks=True).post(
        VALIDATE, {"resource": resource, **more}, content_type="application/json"
    )
    assert response.status_code == status
    assert response["Access-Control-Allow-Origin"] == "*"
    return response.json()


def test_a_listing_is_sound_in_the_words_of_its_own_checklist(market: dict[str, Listing]) -> None:
    address = names_in_full()[0]
    said = validated(address, method="GET")
    assert (said["valid"], said["statusCode"], said["x402Version"]) == (True, 402, 2)
    assert {"check", "passed", "severity", "detail", "expected", "actual"} <= set(
        said["preflight"][0]
    )
    assert said["paymentRequirements"][0]["amount"] == "30000"
    assert said["index"]["active"] is True
    assert validated(f"{address}/Oslo?demo=true")["valid"] is True
    other = validated(address, method="POST")
    assert [check["check"] for check in other["preflight"] if not check["passed"]].count(
        "method"
    ) == 1


def names_in_full() -> list[str]:
    return [item["resource"] for item in asked(LIST)["items"]]


def test_what_is_not_for_sale_is_not_sound(market: dict[str, Listing]) -> None:
    root = names_in_full()[0].rpartition("/call/")[0]
    said = validated(f"{root}/call/acme/nothing")
    assert (said["valid"], said["statusCode"], said["index"]["active"]) == (False, 404, False)


@pytest.mark.parametrize(
    "resource",
    ["https://elsewhere.example/call/acme/weather", "", 1, None, "http://127.0.0.1:8402/call/acme",
     "http://127.0.0.1:8402/call/acme/weather\u0000"],
)  # fmt: skip
def test_only_our_own_are_looked_at(stall: Storefront, resource: Any) -> None:
    """Nobody makes this site ask addresses of their choice."""
    assert validated(resource, 400)["error"]


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"null", b'"x"', b"x" * (BODY_BYTES_MAX + 1)])
def test_a_body_that_is_no_question_is_refused(stall: Storefront, body: bytes) -> None:
    response = Client().post(VALIDATE, body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["error"]


def test_pages_of_others_may_ask(stall: Storefront) -> None:
    response = Client().options(VALIDATE)
    assert response.status_code == 204
    assert response["Access-Control-Allow-Methods"] == "POST, OPTIONS"
    assert Client().get(VALIDATE).status_code == 405
    assert Client().post(LIST).status_code == 405


def test_the_typescript_client_reads_the_same(
    live_server: LiveServer, storefront: Storefront
) -> None:
    storefront.publish(tags=["weather"], example={"query": {"city": "Oslo"}})
    done = subprocess.run(
        ["node", "discover.mjs", live_server.url, "weather"],
        cwd=typescript_folder(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["valid"] for one in said["checked"]] == [True]
    (listed,), (found,) = said["listed"]["items"], said["found"]["resources"]
    assert listed == found
    assert listed["resource"].endswith("/call/acme/weather")
    assert said["listed"]["pagination"] == {"limit": 10, "offset": 0, "total": 1}
