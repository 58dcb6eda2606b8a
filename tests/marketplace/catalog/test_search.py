"""Search finds what fits, in order, a page at a time; what it cannot understand it says."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pytest

from marketplace.catalog import search
from marketplace.catalog.cursors import Position, write_cursor
from marketplace.catalog.search import BadQuery, Query, bounded, count, find, parse
from payments.x402.networks import DEFAULT_ASSETS
from sellers import listings
from sellers.models import CatalogEntry
from sellers.prices import Ask
from sellers.reviews import judging
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK

USDC = next(each.address for each in DEFAULT_ASSETS if each.network == NETWORK)


@pytest.fixture
def market(stall):
    """Four services of two sellers, of which each is first in some way."""

    def sell(path, title, dollars, **more):
        pay_to = more.pop("pay_to", Cast.seller.address)
        prices = [Ask(dollars, NETWORK, pay_to)]
        said = {"description": "One answer a call.", "title": title, "prices": prices, **more}
        return stall.publish(path, **said).pk

    ids = {
        "weather": sell("acme/weather", "City weather", "0.03", tags=["Weather"], category="data"),
        "tides": sell("acme/tides", "Tide tables", "0.02", tags=["sea", "weather"]),
        "words": sell("zeta/words", "Translate words", "0.01", category="search",
                      description="Translates a text between languages."),
        "maps": sell("zeta/maps", "Maps of the sea", "0.05", pay_to=Cast.other_seller.address),
    }  # fmt: skip
    figures = {"weather": (500, 90, 40), "tides": (800, 20, 5), "words": (100, 900, 60)}
    for name, (score, latency, calls) in figures.items():
        CatalogEntry.objects.filter(pk=ids[name]).update(
            score=score, latency=latency, calls_30d=calls, success_7d=score / 1000
        )
    return ids


def slugs(query="", **more):
    pairs = [tuple(pair.split("=", 1)) for pair in query.split("&") if pair]
    found = find(parse([*pairs, *more.items()])[0])
    return " ".join(good.path.partition("/")[2] for good in found.goods)


FITS = (
    ("", "tides weather words maps"),  # by rank
    ("sort=price", "words tides weather maps"),
    ("sort=latency", "tides weather words maps"),
    ("sort=volume", "words weather tides maps"),
    ("sort=newest", "maps words tides weather"),
    ("q=weather", "weather tides"),
    ("q=translation", "words"),  # by its stem, in the description
    ("q=trans", "words"),  # half typed
    ("q=sea weath", "tides"),
    ("q=sea -tables", "maps"),
    ('q="city weather"', "weather"),
    ("q=weather or languages", "weather tides words"),
    ("q=acme&sort=newest", "tides weather"),
    ("q=nothing-like-it", ""),
    ("tag=weather", "tides weather"),
    ("tag=sea,weather", "tides"),
    ("tags=sea&tags=WEATHER", "tides"),
    ("category=data", "weather"),
    ("category=&q=", "tides weather words maps"),  # an empty form
    ("seller=zeta", "words maps"),
    ("method=post", ""),
    ("network=base-sepolia", "tides weather words maps"),
    ("network=eip155:8453", ""),
    ("network=eip155:8453,eip155:84532&seller=zeta", "words maps"),
    (f"asset={USDC.lower()}&maxPrice=0.02", "tides words"),
    ("asset=0x00000000000000000000000000000000000000aa", ""),
    ("maxPrice=$0.029999", "tides words"),
    ("maxUsdPrice=0", ""),
    ("scheme=exact&sort=price", "words tides weather maps"),
    ("scheme=upto", ""),
    (f"payTo={Cast.other_seller.address.lower()}", "maps"),
    ("urlSubstring=ACME/t", "tides"),
    ("minSuccess=0.5", "tides weather"),
    ("minCalls=30", "weather words"),
    ("verified=true", ""),
    ("verified=false&limit=2", "tides weather"),
)


def test_it_finds_what_fits_in_order(market):
    expected = dict(FITS)
    found = {asked: slugs(asked) for asked in expected}
    either = "q=weather or languages"  # three that fit about as well
    assert set(found.pop(either).split()) == set(expected.pop(either).split())
    assert found == expected


def test_pages_go_on_where_the_last_one_ended(market):
    sorts = [f"sort={sort}" for sort in ("relevance", "price", "latency", "volume", "newest")]
    for asked in [*sorts, "q=weather or sea or words", "seller=acme&sort=price"]:
        pairs = [tuple(pair.split("=", 1)) for pair in asked.split("&")]
        shown, cursor = [], ""
        while True:
            found = find(parse([*pairs, ("limit", "1"), ("cursor", cursor)])[0])
            shown += [good.path.partition("/")[2] for good in found.goods]
            cursor = found.next_cursor
            if not cursor:
                break
        assert " ".join(shown) == slugs(asked)
        assert count(parse(pairs)[0]) == len(shown)


SENTENCES = (
    ("q=get the current weather for a city", "weather tides"),
    ("q=where do maps of the sea and tide tables come from", "tides maps"),
    ("q=Which API translates text between two languages?", "words"),
    ("q=weather-report", "weather tides"),
    ("q=report weather -tide", "weather"),
    ('q="city weather" report', "weather"),
    ("q=languages report&seller=acme", ""),
    ("q=report weather&sort=price", "tides weather"),
    (f"q=weather {'lorem ipsum dolor ' * 50}", "weather tides"),
    ('q="weather report"', ""),
    ("q=nothing", ""),
)


def test_a_sentence_finds_what_has_some_of_its_words_and_the_most_of_them_first(market):
    assert {asked: slugs(asked) for asked, _ in SENTENCES} == dict(SENTENCES)
    for text in ("weather report", "report weather -tide"):
        assert find(Query(text=text)).relaxed
    for text in ("city weather", "nothing", "no-such thing", ""):
        assert not find(Query(text=text)).relaxed


def test_a_sentence_s_pages_go_on_with_some_of_its_words(market):
    for sort in ("relevance", "price"):
        asked = Query(text="report the weather in words", sort=sort, limit=1)
        first = find(asked)
        second = find(replace(asked, cursor=first.next_cursor))
        third = find(replace(asked, cursor=second.next_cursor))
        pages = (first, second, third)
        assert all(page.relaxed for page in pages)
        assert len({good.path for page in pages for good in page.goods}) == 3
        assert third.next_cursor == ""
        assert count(replace(asked, relaxed=True)) == 3


def test_one_word_more_is_worth_more_than_good_figures(stall):
    for path, title, score in (("acme/fits", "Deep sea tide", 0), ("acme/known", "Deep sea", 999)):
        CatalogEntry.objects.filter(pk=stall.publish(path, title=title).pk).update(score=score)
    found = find(Query(text="deep sea tide of Mars"))
    assert [good.path for good in found.goods] == ["acme/fits", "acme/known"]


def test_a_rare_word_is_found_among_many_common_ones(stall, monkeypatch):
    monkeypatch.setattr(search, "CANDIDATES_MAX", 6)
    monkeypatch.setattr(search, "WORD_CANDIDATES_MIN", 2)
    rare = stall.publish("acme/rare", title="Barometer")
    for number in range(8):
        common = stall.publish(f"acme/c{number}", title="City weather")
        CatalogEntry.objects.filter(pk=common.pk).update(score=900)
    CatalogEntry.objects.filter(pk=rare.pk).update(score=0)
    found = find(Query(text="city weather barometer"))
    assert "acme/rare" in [good.path for good in found.goods]


def test_a_cursor_of_another_query_is_refused(market):
    cursor = find(Query(limit=1)).next_cursor
    assert find(Query(limit=3, cursor=cursor)).goods  # another size of page is the same query
    for other in (Query(sort="price", cursor=cursor), Query(text="sea", cursor=cursor)):
        with pytest.raises(BadQuery, match="another query"):
            find(other)


def test_a_cursor_that_is_none_is_refused(market):
    for cursor in (
        "x", "W10", "bnVsbA", "WyJhIiwxLCJiIl0", "é", "W1tdLHt9LDFd", "=" * 300, "eyJhIjoxfQ",
    ):  # fmt: skip
        for sort in ("relevance", "price", "newest"):
            with pytest.raises(BadQuery, match="cursor"):
                find(Query(cursor=cursor, sort=sort))


def test_a_cursor_whose_key_was_changed_is_refused(market):
    for sort, keys in {
        "relevance": (None, "x", 2**40, 1.5, True, []),
        "price": (1, None, "NaN", "x", "1e400", "1e-20000", "0e20000"),
        "newest": (5, -(2**60), "now", 1.5),
    }.items():
        for key in keys:
            query = Query(sort=sort, limit=1)
            said = write_cursor(query, Position(key, uuid4()))
            with pytest.raises(BadQuery, match="cursor"):
                find(replace(query, cursor=said))


def test_what_stopped_selling_is_not_found(market):
    listings.pause(market["weather"])
    judging.suspend(market["tides"], "spam")
    assert slugs("q=weather") == ""
    assert slugs() == "words maps"


def test_what_is_not_known_is_named_and_not_applied():
    query, unapplied = parse([("q", "a"), ("colour", "red"), ("colour", "blue"), ("x" * 99, "")])
    assert query == Query(text="a")
    assert unapplied == ("colour", "x" * 39 + "…")


@pytest.mark.parametrize(
    "pairs",
    [
        [("limit", "0")],
        [("limit", "101")],
        [("limit", "-1")],
        [("limit", "ten")],
        [("limit", "１０")],
        [("sort", "random")],
        [("sort", "price"), ("sort", "newest")],
        [("q", "x" * 1_001)],
        [("urlSubstring", "x" * 201)],
        [("maxPrice", "cheap")],
        [("maxPrice", "-1")],
        [("maxPrice", "NaN")],
        [("maxPrice", "1e999999")],
        [("maxPrice", "1e-20000")],
        [("maxPrice", "0e20000")],
        [("maxPrice", f"0.{'0' * 30}1")],
        [("network", "../../etc")],
        [("asset", "USDC")],
        [("payTo", "0x12")],
        [("method", "TRACE")],
        [("category", "weapons")],
        [("seller", "A B")],
        [("scheme", "'; drop table")],
        [("minSuccess", "95")],
        [("minSuccess", "nan")],
        [("minCalls", "1.5")],
        [("verified", "perhaps")],
        [("cursor", "x" * 401)],
        [("tag", ",".join("abcdefghijk"))],
        [("q", str(each)) for each in range(2)],
        [("a", "b")] * 51,
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_word(pairs):
    with pytest.raises(BadQuery) as refused:
        parse(pairs)
    assert 10 < len(refused.value.message) < 200


HOSTILE = (
    "(a+)+$", "' or 1=1 --", "\\", "'", '"', "!!!", "a:*b & | !c <-> d", "<->", "%s %(x)s",
    "\0\0", "{asked}", "the", "-", "or", "()" * 90, "a " * 100, "☃ 漢字 Ünïcödé", ":*", "\u202e",
)  # fmt: skip


def test_no_text_breaks_the_search(market):
    for text in HOSTILE:
        for sort in ("relevance", "price"):
            find(parse([("q", text), ("sort", sort), ("urlSubstring", text)])[0])
            find(replace(parse([("q", f"{text} else"), ("sort", sort)])[0], relaxed=True))
        count(parse([("q", text)])[0])


NUMBERS = (
    "0", "-0", "1", "1e-20000", "1e-31", "1e-30", "5e-324", "1e-320", "0e20000", "1e999999999999",
    "0.30000000000000004", "999999999", "inf", "snan", "1_0", "１", "0x10", "1e", "9" * 200,
)  # fmt: skip


def test_no_number_breaks_the_search(market):
    answered = 0
    for name in ("maxPrice", "minSuccess", "minCalls", "limit"):
        for number in NUMBERS:
            for sort in ("price", "relevance"):
                with suppress(BadQuery):
                    query = parse([("q", "weather"), (name, number), ("sort", sort)])[0]
                    find(query)
                    assert count(query) <= 3
                    answered += 1
    assert answered > 40


def test_a_price_filter_looks_at_what_is_open_now(stall, market):
    dear, cheap = ([Ask(dollars, NETWORK, Cast.seller.address)] for dollars in ("0.04", "0.02"))
    rain = stall.publish("acme/rain", title="Rain", prices=dear)
    asked = Query(text="rain", max_usd=Decimal("0.03"))
    assert find(asked).goods == ()
    stall.revise(rain, title="Rain", prices=cheap)
    [good] = find(asked).goods
    assert [offer.requirements.amount_atomic for offer in good.offers] == [20_000]


def test_a_search_that_takes_too_long_is_given_up(market, settings):
    settings.SEARCH_MS_MAX = 50
    with pytest.raises(BadQuery, match="too long"), bounded() as cursor:
        cursor.execute("select pg_sleep(60)")
