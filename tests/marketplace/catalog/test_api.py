"""The catalog for programs: what it answers, what it refuses, and what costs nothing to ask."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sellers import listings
from sellers.drafts import finish
from sellers.market import goods
from sellers.models import CatalogChange, CatalogEntry
from sellers.on_sale import entries
from sellers.prices import Ask
from sellers.release_words import RELEASE_WORDS
from sellers.reviews import judging
from sellers.terms import RELEASES, Sample
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK

CATALOG = "/api/catalog"
ATOM = "{http://www.w3.org/2005/Atom}"


def get(path="", **more):
    return Client().get(f"{CATALOG}{path}", **more)


@pytest.fixture
def weather(stall):
    return stall.publish("acme/weather", tags=["weather"], category="data")


def test_a_search_shows_what_an_agent_chooses_by(weather):
    answer = get("?q=weather&network=eip155:84532&colour=red").json()
    [item] = answer["items"]
    assert item["path"] == "acme/weather"
    assert item["priceUsd"] == "0.01"
    [price] = item["prices"]
    assert price == {
        **goods.one("acme/weather").offers[0].requirements.to_wire(),
        "networkName": "Base Sepolia",
        "testnet": True,
        "symbol": "USDC",
        "decimals": 6,
        "amountUsd": "0.01",
    }
    assert item["quality"]["calls30d"] == 0
    assert item["quality"]["success7d"] is None
    assert item["links"]["v1"].endswith("/call/acme/weather?x402Version=1")
    assert answer["unappliedFilters"] == ["colour"]
    assert answer["next"] is None
    assert "title" in answer["sellerDeclared"]


def test_the_next_page_is_an_address_that_works(stall):
    for name in ("a", "b", "c"):
        stall.publish(f"acme/{name}")
    first = get("?limit=2&sort=newest&q=weather").json()
    second = Client().get(first["next"].removeprefix("http://127.0.0.1:8402")).json()
    assert [item["path"] for item in first["items"] + second["items"]] == [
        "acme/c", "acme/b", "acme/a",
    ]  # fmt: skip
    assert second["next"] is second["nextCursor"] is None


def test_it_says_when_only_some_of_the_words_were_found(weather):
    some, whole = get("?q=get+the+weather+of+Mars").json(), get("?q=weather").json()
    assert [item["path"] for item in some["items"]] == ["acme/weather"]
    assert (some["relaxed"], whole["relaxed"]) == (True, False)


def test_one_listing_says_everything_about_itself(stall, weather):
    stall.revise(weather, prices=[Ask("0.02", NETWORK, Cast.seller.address)], category="data")
    listings.propose(weather.pk, finish(stall.draft(title="A secret plan"), stall.site))
    said = get("/acme/weather").json()
    assert said["inputSchema"]["type"] == "object"
    assert said["sample"]["json"] == {"celsius": 21}
    assert said["links"]["sample"].endswith("/call/acme/weather?demo=true")
    assert said["release"]["mode"] == "hold"
    assert said["settlement"]["fetchAgainDays"] == 7
    assert set(said["qualityDefinitions"]) == set(said["quality"])
    assert said["seller"]["wallets"] == [{"payTo": Cast.seller.address, "signedFor": False}]
    shown = [
        (each["number"], each["prices"][0]["amountUsd"], each["live"]) for each in said["revisions"]
    ]
    assert shown == [(2, "0.02", True), (1, "0.01", False)]
    assert "secret plan" not in str(said)


def test_an_instant_answer_is_promised_to_trusted_wallets_only(stall):
    promised = {}
    for release in RELEASES:
        stall.publish(f"acme/{release}", release=release)
        said = get(f"/acme/{release}").json()
        promised[release] = (said["release"]["words"], said["settlement"]["charged"])
    for release, texts in promised.items():
        for text in texts:
            assert ("at once to a wallet that has paid here before" in text) == (
                release == "instant"
            )
    assert set(RELEASE_WORDS) == set(RELEASES)


def test_a_sample_is_shown_as_what_it_is(stall):
    for slug, sample, key in (
        ("text", Sample(200, "text/plain", b"hello"), "text"),
        ("bytes", Sample(200, "image/png", b"\x89PNG\xff"), "base64"),
    ):
        stall.publish(f"acme/{slug}", sample=sample)
        assert key in get(f"/acme/{slug}").json()["sample"]


@pytest.mark.parametrize("act", [listings.pause, lambda pk: judging.suspend(pk, "spam")])
def test_what_stopped_selling_vanishes_at_once_also_for_who_knew_it(weather, act):
    known = {path: get(path)["ETag"] for path in ("?q=weather", "/acme/weather")}
    act(weather.pk)
    assert get("?q=weather", headers={"if-none-match": known["?q=weather"]}).json()["items"] == []
    gone = get("/acme/weather", headers={"if-none-match": known["/acme/weather"]})
    assert gone.status_code == 404
    assert "error" in gone.json()


def test_what_is_known_is_not_searched_again(weather):
    for path in ("?q=weather", "/acme/weather", "/changes.atom"):
        etag = get(path)["ETag"]
        with CaptureQueriesContext(
            connection,
        ) as asked:
            again = get(path, headers={"if-none-match": etag})
        assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
        assert len(asked) == 1
    assert get("?q=weather")["ETag"] != get("?q=rain")["ETag"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_TIMEOUT_SECONDS", 301),
        ("PRICE_GRACE_SECONDS", 301),
        ("UPSTREAM_TOTAL_SECONDS", 91.0),
        ("ANSWER_BYTES_MAX", 20_000_000),
    ],
)
def test_new_settings_are_another_edition(weather, settings, name, value):
    before = goods.edition()
    setattr(settings, name, value)
    assert goods.edition() != before


@pytest.mark.parametrize(("seconds", "said"), [(91.0, 90), (60.0, 60)])
def test_a_listing_says_the_limits_of_now(weather, settings, seconds, said):
    settings.ANSWER_BYTES_MAX, settings.UPSTREAM_TOTAL_SECONDS = 20_000_000, seconds
    limits = get("/acme/weather").json()["limits"]
    assert (limits["totalSeconds"], limits["answerBytesMax"]) == (said, 20_000_000)


def test_anybody_may_read_it_from_anywhere_and_must_ask_again(weather):
    answer = get()
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cache-Control"] == "public, no-cache"
    assert Client().options(CATALOG).status_code == 204
    assert Client().head(CATALOG).status_code == 200
    posted = Client().post(CATALOG)
    assert (posted.status_code, posted["Allow"]) == (405, "GET, HEAD")
    assert "error" in posted.json()


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "sort=x",
        "q=%ff%fe",
        "q=%C0%80",
        "q=" + "x" * 1_001,
        "q=" + "x" * 5_000,
        "&".join(f"a{n}=1" for n in range(60)),
        "cursor=x",
        "sort=price&sort=newest",
        "maxPrice=1e400",
        "maxPrice=1e-20000",
    ],
)
def test_what_cannot_be_understood_is_answered_with_what_to_do(weather, query):
    answer = get(f"?{query}")
    assert answer.status_code == 400
    assert len(answer.json()["error"]) > 10
    assert Client(headers={"Accept": "text/html"}).get(f"/market?{query}").status_code == 400
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "query",
    [
        "q=%01",
        "q=%2525",
        "?",
        "&&&",
        "=",
        "q",
        "q=;;;",
        "q=a&q=a",
        "%ZZ=1",
        "q=%F0%9F%92%A9",
        "q=+",
    ],
)
def test_what_is_odd_is_answered_all_the_same(weather, query):
    assert get(f"?{query}").status_code == 200


def test_changes_come_in_order_and_go_on_where_they_ended(stall, weather):
    listings.pause(weather.pk)
    stall.publish("acme/tides")
    first = get("/changes?limit=2").json()
    assert [(each["path"], each["kind"]) for each in first["items"]] == [
        ("acme/weather", "created"), ("acme/weather", "paused"),
    ]  # fmt: skip
    assert first["more"] is True
    assert first["oldest"] == 0, "nothing was let go yet"
    rest = get(f"/changes?since={first['next']}").json()
    assert [each["kind"] for each in rest["items"]] == ["created"]
    assert rest["more"] is False
    assert get(f"/changes?since={rest['next']}").json()["items"] == []
    feed = ElementTree.fromstring(get("/changes.atom").content)
    assert [entry.find(f"{ATOM}title").text for entry in feed.iter(f"{ATOM}entry")] == [
        "acme/tides: created", "acme/weather: paused", "acme/weather: created",
    ]  # fmt: skip


def test_who_was_away_for_too_long_is_told_to_begin_anew(stall, weather):
    listings.pause(weather.pk)
    listings.resume(weather.pk)
    long_ago = timezone.now() - entries.CHANGES_KEPT - timedelta(days=1)
    first, second, third = CatalogChange.objects.order_by("version")
    CatalogChange.objects.filter(version__lte=second.version).update(at=long_ago)
    assert entries.forget_changes() == 1
    gone = get(f"/changes?since={first.version}")
    assert gone.status_code == 410
    assert gone.json()["next"] == goods.version()
    kept = get(f"/changes?since={second.version}").json()["items"]
    assert [each["version"] for each in kept] == [third.version]
    begun = get("/changes?since=0").json()
    assert [each["version"] for each in begun["items"]] == [second.version, third.version]
    assert begun["oldest"] == second.version, "whoever begins is told what is missing"
    assert get(f"/changes?since={third.version + 9}").status_code == 410  # an older database


@pytest.mark.parametrize("query", ["since=x", "since=-1", "since=" + "9" * 40, "limit=0", "a=b"])
def test_an_odd_number_of_changes_is_refused(db, query):
    assert get(f"/changes?{query}").status_code == 400


def test_an_empty_catalog_is_one(db):
    assert get().json()["items"] == []
    assert get("/changes").json() == {"items": [], "next": 0, "more": False, "oldest": 0}
    assert get("/changes.atom").status_code == 200
    assert get("/nobody/nothing").status_code == 404


def test_seller_text_carries_nothing_hidden(stall):
    hidden = "\u202e\u200b\U000e0041\x07"
    stall.publish(
        "acme/x", title=f"City{hidden} weather", description=f"Now.{hidden}", tags=[hidden + "a"]
    )
    for path in ("", "/acme/x"):
        assert not set(hidden) & set(get(path).content.decode())
    assert CatalogEntry.objects.get().title == "City weather"


def test_searches_of_one_network_are_counted_whichever_door_they_come_by(weather, settings):
    settings.SEARCHES_PER_MINUTE = 3
    here, elsewhere = {"REMOTE_ADDR": "81.2.69.142"}, {"REMOTE_ADDR": "81.2.70.7"}
    known = get("?q=weather", **here)
    page = Client(headers={"Accept": "text/html"}, **here)
    assert page.get("/market?q=weather").status_code == 200
    again = get("?q=weather", headers={"If-None-Match": known["ETag"]}, **here)
    assert again.status_code == 304, "what did not change is no search"
    neighbour = get("?q=weather", REMOTE_ADDR="81.2.69.7")
    assert neighbour.status_code == 200
    refused = get("?q=weather", **here)
    assert refused.status_code == 429
    assert "at most 3 searches a minute" in refused.json()["error"]
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert (refused["RateLimit-Limit"], refused["RateLimit-Remaining"]) == ("3", "0")
    told = page.get("/market?q=weather")
    assert (told.status_code, told["Retry-After"]) == (429, told["RateLimit-Reset"])
    assert "Too many searches came from your network" in told.content.decode()
    assert get("?q=weather", **elsewhere).status_code == 200
    assert get("?q=weather", REMOTE_ADDR="127.0.0.1").status_code == 200, "our own proxy"
