"""The public pages say what is for sale, at the door's prices, and nothing a seller smuggled in."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace import csp
from payments.models import OpenOffer
from sellers import listings
from sellers.drafts import finish
from sellers.models import CatalogEntry, Listing, Payout, SoldRevision
from sellers.prices import Ask
from sellers.profile import directory, profiles
from sellers.profile.profiles import Profile
from sellers.terms import Sample
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK, Storefront

PEOPLE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HTMX = {**PEOPLE, "HX-Request": "true"}
HOSTILE = '<script>alert(1)</script>"\' onload=x hx-get="/account/" {{ 7|add:7 }}'


@pytest.fixture
def client() -> Client:
    return Client(headers=PEOPLE)


@pytest.fixture
def market(stall: Storefront) -> dict[str, Listing]:
    """Three services of two sellers."""

    def sell(path: str, title: str, dollars: str, **more: Any) -> Listing:
        pay_to = Cast.other_seller if path.startswith("zeta") else Cast.seller
        prices = [Ask(dollars, NETWORK, pay_to.address)]
        return stall.publish(path, title=title, prices=prices, **more)

    return {
        "weather": sell("acme/weather", "City weather", "0.03", tags=["sea"], category="data"),
        "tides": sell("acme/tides", "Tide tables", "0.02", tags=["sea"]),
        "words": sell("zeta/words", "Translate words", "0.01", category="search"),
    }


def read(client: Client, address: str, status: int = 200, **headers: str) -> str:
    response = client.get(address, headers=headers or None)
    assert response.status_code == status, address
    return str(response.content.decode())


def titles(page: str) -> list[str]:
    return re.findall(r'<h3>(?:<img[^>]*>)?<a href="/l/[^"]*"[^>]*>([^<]*)</a>', page)


# The way in


def test_an_empty_market_says_so_and_how_to_sell(client: Client, stall: Storefront) -> None:
    page = read(client, "/")

    assert "Nothing is for sale yet" in page
    assert 'href="/sell/"' in page
    assert "Nothing is for sale yet" in read(client, "/market")


def test_the_way_in_shows_goods_categories_and_a_line_for_agents(
    client: Client, market: dict[str, Listing], settings: Settings
) -> None:
    CatalogEntry.objects.filter(pk=market["tides"].pk).update(score=900)

    page = read(client, "/")

    assert titles(page)[0] == "Tide tables"
    assert set(titles(page)) == {"City weather", "Tide tables", "Translate words"}
    assert re.findall(r'class="chip" href="([^"]*)"', page) == [
        "/market?category=data",
        "/market?category=search",
    ]
    assert f"curl -s {settings.PUBLIC_BASE_URL}/llms.txt" in page
    assert f"curl -i {settings.CALL_BASE_URL}/call/acme/tides" in page
    assert "demo on a chain" not in page


def test_a_demo_says_that_it_is_one(
    client: Client, market: dict[str, Listing], settings: Settings
) -> None:
    settings.DEMO_CHAIN_RPC = "http://127.0.0.1:1"

    page = read(client, "/")

    assert "This is a demo on a chain of its own" in page
    assert "python3 manage.py buy" in page


# Browsing


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=translate", ["Translate words"]),
        ("category=search", ["Translate words"]),
        ("tag=sea&sort=price", ["Tide tables", "City weather"]),
        ("maxPrice=0.02&sort=price", ["Translate words", "Tide tables"]),
        ("network=eip155:8453", []),
        ("seller=acme&sort=newest", ["Tide tables", "City weather"]),
        ("verified=1", []),
        (f"q={Cast.other_seller.address.lower()}", ["Translate words"]),
    ],
)
def test_filters_are_the_addresss_and_need_no_script(
    client: Client, market: dict[str, Listing], query: str, found: list[str]
) -> None:
    page = read(client, f"/market?{query}")

    assert titles(page) == found
    assert f"{len(found)} service" in page


def test_what_has_some_of_the_words_only_is_said_to(
    client: Client, market: dict[str, Listing]
) -> None:
    page = read(client, "/market?q=the+city+weather+of+Mars")

    assert titles(page)[0] == "City weather"
    assert "with any of these words; none has them all" in page
    assert "none has them all" not in read(client, "/market?q=city+weather")


def test_what_was_chosen_stands_in_the_form(client: Client, market: dict[str, Listing]) -> None:
    page = read(client, "/market?q=sea+%3Cb%3E&maxPrice=0.5&category=data&sort=price&method=GET")

    assert 'name="q" value="sea &lt;b&gt;"' in page
    assert 'name="maxPrice" value="0.5"' in page
    assert '<option value="data" selected>' in page
    assert '<input type="hidden" name="method" value="GET">' in page


def test_a_filter_is_called_the_same_where_it_is_set_and_where_it_is_cleared(
    storefront: Storefront,
) -> None:
    storefront.publish("acme/weather")
    page = Client().get("/market?verified=1", headers={"Accept": "text/html"}).content.decode()
    assert "Seen to work today" in page
    assert "seen to work today" in page
    assert "checked today" not in page


def test_nothing_found_names_the_filter_to_clear(
    client: Client, market: dict[str, Listing]
) -> None:
    page = read(client, "/market?q=weather&maxPrice=0.001")

    assert "No service for $0.001 or less for “weather”" in page
    assert 'href="/market?q=weather">Clear the price' in page
    assert 'href="/market?maxPrice=0.001">Clear the search' in page


def test_a_question_nobody_understands_is_answered_with_400_and_kept(
    client: Client, market: dict[str, Listing]
) -> None:
    page = read(client, "/market?maxPrice=cheap&q=sea", status=400)

    assert "amount of dollars" in page
    assert 'name="maxPrice" value="cheap"' in page
    assert titles(page) == []


def test_names_nobody_knows_are_named(client: Client, market: dict[str, Listing]) -> None:
    page = read(client, "/market?q=sea&colour=%3Cred%3E")

    assert "Not understood, and left out: colour" in page


def test_htmx_gets_the_results_alone_and_a_clean_address(
    client: Client, market: dict[str, Listing]
) -> None:
    response = client.get("/market?q=weather&category=&maxPrice=", headers=HTMX)
    page = response.content.decode()

    assert page.lstrip().startswith('<div id="results"')
    assert "<html" not in page
    assert 'aria-live="polite"' in page
    assert response["HX-Push-Url"] == "/market?q=weather"
    assert {"HX-Request", "HX-History-Restore-Request"} <= set(
        response["Vary"].replace(" ", "").split(",")
    )
    back = client.get("/market?q=weather", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in back.content.decode()


def test_more_goes_on_where_the_page_ended(client: Client, market: dict[str, Listing]) -> None:
    first = read(client, "/market?sort=price&limit=2")
    (more,) = set(re.findall(r'hx-get="(/market\?[^"]*cursor=[^"]*)"', first))

    rest = client.get(more.replace("&amp;", "&"), headers=HTMX)
    whole = read(client, more.replace("&amp;", "&"))

    assert titles(first) == ["Translate words", "Tide tables"]
    assert titles(rest.content.decode()) == titles(whole) == ["City weather"]
    assert 'id="results"' not in rest.content.decode()
    assert rest["HX-Push-Url"] == "false"
    assert 'href="/market?sort=price&amp;limit=2">Back to the first' in whole


# A listing


def test_a_listing_costs_what_its_open_offer_says(
    client: Client, market: dict[str, Listing], settings: Settings
) -> None:
    response = client.get("/l/acme/weather")
    page = response.content.decode()
    offer = OpenOffer.objects.get(listing_id=market["weather"].pk, closed_at=None)

    assert 'title="30000 base units' in page
    assert f"<code>{int(offer.amount_atomic)}</code>" in page
    assert f"<code>{offer.pay_to}</code>" in page
    facts = json.loads(re.search(r'data-facts="([^"]*)"', page)[1].replace("&quot;", '"'))  # type: ignore[index]
    assert (facts["path"], facts["base"], facts["method"]) == ("/call/acme/weather", "", "GET")
    assert "demo" not in facts
    assert response["Content-Security-Policy"] == csp._CALLING
    assert "x402Version=1" in page
    address = f"{settings.CALL_BASE_URL}/call/acme/weather"
    assert f'action="{address}" method="get"' in page  # without a script: to the page of the 402


def test_calls_sold_at_another_host_may_be_made_from_the_page(
    client: Client, market: dict[str, Listing], settings: Settings
) -> None:
    settings.CALL_BASE_URL, settings.DEMO_CHAIN_RPC = "https://calls.example", "http://127.0.0.1:1"

    page = read(client, "/l/acme/weather")
    facts = json.loads(re.search(r'data-facts="([^"]*)"', page)[1].replace("&quot;", '"'))  # type: ignore[index]

    assert facts["base"] == "https://calls.example"
    assert facts["demo"] == {"network": NETWORK, "faucet": "/demo/faucet"}


def test_sellers_texts_are_text(client: Client, stall: Storefront) -> None:
    schema = {
        "type": "object",
        "properties": {
            "query": {
                "type": "object",
                "properties": {"city": {"type": "string", "description": HOSTILE}},
            }
        },
    }
    stall.publish(
        "acme/evil",
        title=HOSTILE[:70],
        description=f"{HOSTILE} {'W' * 400}",
        tags=["<b>x</b>"],
        input_schema=schema,
        example={"query": {"city": HOSTILE}},
        sample=Sample(200, "text/plain", HOSTILE.encode()),
    )

    for address in ("/", "/market", "/l/acme/evil", "/s/acme"):
        page = read(client, address)
        assert "<script>alert" not in page
        assert "<b>x</b>" not in page
        assert "14" not in re.findall(r"onload=x[^<]{0,80}", page)[0]
        for attribute in re.findall(r'\shx-[a-z:-]+="([^"]*)"', page):
            assert "alert" not in attribute


def test_programs_get_the_same_as_json(client: Client, market: dict[str, Listing]) -> None:
    for accept in ("application/json", "*/*"):
        said = client.get("/l/acme/weather", headers={"Accept": accept})
        assert said.json()["path"] == "acme/weather"
        assert "Accept" in said["Vary"]
    found = client.get("/market?q=translate", headers={"Accept": "application/json"}).json()
    assert [item["path"] for item in found["items"]] == ["zeta/words"]
    seller = client.get("/s/acme", headers={"Accept": "application/json"})
    assert seller["Location"] == "/api/catalog?seller=acme"


def test_a_paused_listing_says_so_and_sells_nothing(
    client: Client, market: dict[str, Listing]
) -> None:
    listings.pause(market["weather"].pk)

    page = read(client, "/l/acme/weather", status=404)

    assert "Not for sale at the moment" in page
    assert "paused" in page
    assert "City weather" not in page
    assert titles(read(client, "/s/acme")) == ["Tide tables"]
    assert "City weather" not in read(client, "/")


def test_what_was_never_approved_is_not_there(client: Client, stall: Storefront) -> None:
    terms = finish(stall.draft(title="Not looked at"), stall.site)
    listings.create_draft(directory.open_seller("newcomer"), "secret", terms)

    for address in ("/l/newcomer/secret", "/s/newcomer", "/l/nobody/x", "/s/nobody"):
        assert "Not looked at" not in read(client, address, status=404)
        assert "not for sale at the moment" not in read(client, address, status=404).lower()


def test_prices_of_the_past_are_those_that_were_approved(client: Client, stall: Storefront) -> None:
    listing = stall.publish("acme/weather", prices=[Ask("0.03", NETWORK, Cast.seller.address)])
    stall.revise(listing, prices=[Ask("0.07", NETWORK, Cast.seller.address)])
    stall.revise(
        listing, prices=[Ask("0.07", NETWORK, Cast.seller.address)], description="Another text."
    )

    history = read(client, "/l/acme/weather").partition('id="history"')[2]

    assert re.findall(r'title="(\d+) base units', history) == ["70000", "30000"]
    SoldRevision.objects.filter(listing_id=listing.pk).delete()  # sold since before it was kept
    assert "What it has cost" in read(client, "/l/acme/weather")


# A seller


def test_a_seller_says_who_they_are_and_nothing_of_it_acts(
    client: Client, market: dict[str, Listing]
) -> None:
    profile = Profile(
        name="Acme & Söhne", about=f"We sell weather. {HOSTILE}",
        website="https://acme.example/?a=1&b=2", contact="ask@acme.example",
    )  # fmt: skip
    profiles.write(market["weather"].seller, profile)

    page = read(client, "/s/acme")

    assert "<h1>Acme &amp; Söhne</h1>" in page
    assert 'href="https://acme.example/?a=1&amp;b=2" rel="nofollow noreferrer ugc"' in page
    assert 'href="mailto:ask@acme.example"' in page
    assert "<script>alert" not in page
    assert "by <a" not in page


def test_a_sellers_wallet_is_proven_or_said_not_to_be(
    client: Client, market: dict[str, Listing]
) -> None:
    seller = market["weather"].seller
    assert "not proven" in read(client, "/s/acme")

    Payout.objects.create(seller=seller, address=Cast.seller.address, proof={})
    page = read(client, "/s/acme")

    assert "not proven" not in page
    assert "proven" in page
    assert f"{timezone.now():%B %Y}" in page
    assert titles(page) == ["Tide tables", "City weather"]
