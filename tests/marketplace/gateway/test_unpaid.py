"""Without a payment the door quotes, whatever is asked and however, and no upstream hears of it."""

import asyncio
from base64 import b64encode

import psycopg
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from marketplace.calls.shelf import Place, Shelf
from marketplace.gateway import page
from marketplace.gateway.app import Door
from marketplace.surface import Surface
from payments.models import GasUse
from sellers import listings
from sellers.models import Seller
from sellers.offers import HEADER_BYTES_MAX
from sellers.terms import Sample
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK, SAMPLE, Storefront, in_thread, settle
from tests.fixtures.upstream import ScriptedUpstream
from tests.marketplace.gateway.visitor import App, Line, scope_of, visit

WEATHER = "/call/acme/weather"
CITY = "/call/acme/city"
SANDBOX = "sandbox; default-src 'none'"
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "get")


@pytest.fixture
def shop(storefront: Storefront) -> Storefront:
    """One listing without and one with a path parameter."""
    storefront.publish("acme/weather")
    storefront.publish(
        "acme/city",
        upstream_url=f"{storefront.upstream.url}/weather/{{city}}",
        example={"path": {"city": "Basel"}},
    )
    return storefront


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("body", [b"", b"{}", b"not json"])
async def test_any_verb_is_quoted_before_anything_is_judged(
    shop: Storefront, surface: App, verb: str, body: bytes
) -> None:
    seen = await visit(surface, verb, WEATHER, {"content-type": "application/json"}, body)
    assert seen.status == 402
    assert seen["payment-required"] == b64encode(seen.body).decode()
    assert seen.json == seen.quote
    assert seen["content-length"] == str(len(seen.body))
    assert seen["content-type"] == "application/json"
    assert seen["cache-control"] == "no-store"
    assert seen["content-security-policy"] == SANDBOX
    assert seen["x-content-type-options"] == "nosniff"
    assert seen["cross-origin-resource-policy"] == "cross-origin"
    assert seen["access-control-allow-origin"] == "*"


async def test_the_quote_says_what_is_for_sale(shop: Storefront, surface: App) -> None:
    quote = (await visit(surface, "GET", WEATHER)).quote
    assert quote["x402Version"] == 2
    assert quote["error"] == "Payment required"
    assert quote["resource"]["url"] == f"{shop.site.call_base_url}{WEATHER}"
    assert [(o["amount"], o["network"]) for o in quote["accepts"]] == [("10000", NETWORK)]
    assert quote["accepts"][0]["payTo"] == Cast.seller.address
    assert quote["demo"]["example"] == f"{shop.site.call_base_url}{WEATHER}?demo=true"


async def test_the_resource_is_never_taken_from_the_request(shop: Storefront, surface: App) -> None:
    lies = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil"}
    seen = await visit(surface, "GET", f"{WEATHER}?city=Basel", lies)
    assert seen.quote["resource"]["url"] == f"{shop.site.call_base_url}{WEATHER}"
    assert "evil" not in str(seen.quote)


async def test_a_path_value_is_quoted_at_its_own_address(shop: Storefront, surface: App) -> None:
    """Graders compare the quote's address with the one that they asked."""
    base = shop.site.call_base_url
    bare = (await visit(surface, "GET", CITY)).quote
    for asked, named in (
        (f"{CITY}/New%20York", f"{base}{CITY}/New%20York"),
        (f"{CITY}/Z%c3%bcrich?x=1", f"{base}{CITY}/Z%C3%BCrich"),
        (f"{CITY}/a%2Fb", f"{base}{CITY}/a%2Fb"),
    ):
        seen = await visit(surface, "GET", asked)
        assert seen["payment-required"] == b64encode(seen.body).decode()
        assert seen.quote["resource"] == {**bare["resource"], "url": named}
        assert seen.quote["v1"] == f"{named}?x402Version=1"
        same = {"resource": bare["resource"], "v1": bare["v1"]}
        assert {**seen.quote, **same} == bare
        dear = await visit(surface, "GET", asked, {"x-max-price": "0.001 USD"})
        assert (dear.quote["error"], dear.quote["resource"]["url"]) == ("price_above_max", named)
        page = await visit(surface, "GET", asked, {"accept": "text/html"})
        assert page.quote == seen.quote
        old = (await visit(surface, "GET", f"{asked.partition('?')[0]}?x402Version=1")).json
        assert [entry["resource"] for entry in old["accepts"]] == [f"{named}?x402Version=1"]
    assert (await visit(surface, "GET", CITY)).quote == bare


async def test_a_path_value_too_long_for_the_header_is_quoted_at_the_listings(
    shop: Storefront, surface: App
) -> None:
    below = {}
    for characters in (2, 2_500, 8_000):
        seen = await visit(surface, "GET", f"{CITY}/{'x' * characters}")
        assert seen["payment-required"] == b64encode(seen.body).decode()
        assert len(seen["payment-required"] or "") <= HEADER_BYTES_MAX
        url = seen.quote["resource"]["url"]
        below[characters] = len(url.removeprefix(f"{shop.site.call_base_url}{CITY}"))
    assert below == {2: 3, 2_500: 2_501, 8_000: 0}


async def test_head_is_quoted_without_a_body(shop: Storefront, surface: App) -> None:
    get, head = [await visit(surface, verb, WEATHER) for verb in ("GET", "HEAD")]
    assert head.status == 402
    assert head.body == b""
    assert head.headers == get.headers


@pytest.mark.parametrize("headers", [{}, {"payment-signature": "e30="}], ids=["unpaid", "paid"])
async def test_without_the_database_nobody_knows_what_is_for_sale(
    shop: Storefront, surface: App, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]
) -> None:
    """It is no fault of ours, and whoever has paid is told to send the same payment again."""

    async def lost(shelf: Shelf, path: str) -> Place:
        raise psycopg.OperationalError("the connection is lost")

    monkeypatch.setattr(Shelf, "get", lost)
    seen = await visit(surface, "GET", "/call/acme/not-at-hand", headers)
    assert (seen.status, seen.json["error"]) == (503, "unavailable")
    assert int(seen["retry-after"]) > 0
    assert "payment-required" not in seen.headers


async def test_a_preflight_is_never_paywalled(shop: Storefront, surface: App) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    seen = await visit(surface, "OPTIONS", WEATHER, asked)
    assert (seen.status, seen.body) == (204, b"")
    assert seen["access-control-allow-origin"] == "*"
    allowed = (seen["access-control-allow-headers"] or "").lower().split(", ")
    assert {
        "payment-signature",
        "x-payment",
        "sign-in-with-x",
        "access-control-expose-headers",
        "content-type",
    } <= set(allowed)
    exposed = (seen["access-control-expose-headers"] or "").lower()
    assert "date" in exposed.replace(" ", "").split(",")
    for name in ("payment-required", "payment-response", "x-payment-response"):
        assert name in exposed


# Who may be told what: names and states -------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/call/acme/nothing",
        "/call/nobody/weather",
        "/call/acme",
        "/call/acme/",
        "/call/",
        "/call//acme/weather",
        "/call/acme//weather",
        "/call/acme/weather/",
        "/call/acme/weather//",
        "/call/acme/weather/extra",
        "/call/acme/./weather",
        "/call/acme/weather/..",
        "/call/acme/weather/%2e%2e",
        "/call/acme/city/a/b",
        "/call/acme/city/%00",
        "/call/acme/city/%ff",
        "/call/acme/city/%zz",
        "/call/acme/city/%",
        "/call/ACME/weather",
        "/call/acme/weather%20",
        "/call/acme%2Fweather",
        b"/call/acme/city/\xff",
    ],
)
async def test_a_path_that_is_not_on_the_table_is_not_found(
    shop: Storefront, surface: App, target: str | bytes
) -> None:
    seen = await visit(surface, "GET", target)
    assert seen.status == 404
    assert seen.json["error"] == "not_found"
    assert seen["payment-required"] is None
    assert seen["content-security-policy"] == SANDBOX
    assert seen.json["detail"].endswith(f" {shop.site.public_base_url}/api/catalog")


@pytest.mark.parametrize(
    "target",
    [
        CITY,
        f"{CITY}/Basel",
        f"{CITY}/a%2Fb",
        f"{CITY}/Z%C3%BCrich",
        f"{CITY}/..%2F..",
        "/call/%61cme/city/Basel",
    ],
)
async def test_one_segment_stays_one_segment(shop: Storefront, surface: App, target: str) -> None:
    assert (await visit(surface, "GET", target)).status == 402


async def test_what_is_closed_is_not_quoted(shop: Storefront, surface: App) -> None:
    listing = await in_thread(shop.publish, "acme/tides")
    await in_thread(listings.pause, listing.pk)
    seen = await visit(surface, "GET", "/call/acme/tides")
    assert seen.status == 503
    assert int(seen["retry-after"] or "0") > 0
    assert seen["payment-required"] is None


async def test_what_cannot_be_settled_is_not_quoted(shop: Storefront, surface: App) -> None:
    assert (await visit(surface, "GET", WEATHER)).status == 402
    await in_thread(settle, NETWORK, refusing_why="the relayer is low on gas")
    async with asyncio.timeout(30):
        while (seen := await visit(surface, "GET", WEATHER)).status == 402:
            await asyncio.sleep(0.05)
    assert seen.status == 503
    assert int(seen["retry-after"] or "0") > 0
    assert (await visit(surface, "GET", f"{WEATHER}?demo=true")).status == 200


@pytest.mark.parametrize(("spent_wei", "status"), [(10**16 - 1, 402), (10**16, 503)])
async def test_what_would_cost_more_gas_than_is_allowed_is_not_quoted(
    shop: Storefront, surface: App, spent_wei: int, status: int
) -> None:
    """Nobody is asked to sign what would be refused until midnight."""
    await in_thread(spend_gas, shop, spent_wei)
    if status == 503:
        async with asyncio.timeout(30):
            while (await visit(surface, "GET", WEATHER)).status == 402:
                await asyncio.sleep(0.05)
    seen = await visit(surface, "GET", WEATHER)
    assert seen.status == status
    assert seen["retry-after"] == (None if status == 402 else "3600")
    assert (await visit(surface, "GET", f"{WEATHER}?demo=true")).status == 200


def spend_gas(shop: Storefront, wei: int) -> None:
    seller = Seller.objects.get(slug="acme")
    today = timezone.now().date()
    GasUse.objects.create(network=NETWORK, seller_id=seller.pk, day=today, gas_wei=wei, payments=1)


# Samples --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "target", "body"),
    [
        ("GET", f"{WEATHER}?demo=true", b""),
        ("POST", f"{WEATHER}?city=Basel&demo=true", b"{}"),
        ("HEAD", f"{WEATHER}?demo=true", b""),
        ("POST", WEATHER, b'{"city":"Basel","demo":true}'),
        ("GET", WEATHER, b'{"demo":true}'),
    ],
)
async def test_a_sample_is_free(
    shop: Storefront, surface: App, upstream: ScriptedUpstream, verb: str, target: str, body: bytes
) -> None:
    seen = await visit(surface, verb, target, body=body)
    assert seen.status == 200
    assert seen.body == (b"" if verb == "HEAD" else SAMPLE.body)
    assert seen["x-demo"] == "true"
    assert seen["content-type"] == SAMPLE.content_type
    assert seen["content-security-policy"] == SANDBOX
    assert upstream.calls == []


@pytest.mark.parametrize(
    ("verb", "target", "body"),
    [
        ("GET", f"{WEATHER}?demo=1", b""),
        ("GET", f"{WEATHER}?demo", b""),
        ("GET", f"{WEATHER}?demo=%ff", b""),
        ("HEAD", WEATHER, b'{"demo":true}'),
        ("POST", WEATHER, b'{"demo":"true"}'),
        ("POST", WEATHER, b'{"demo":false}'),
        ("POST", WEATHER, b'[{"demo":true}]'),
        ("POST", WEATHER, b'{"demo":true'),
    ],
)
async def test_nothing_else_is_a_sample(
    shop: Storefront, surface: App, verb: str, target: str, body: bytes
) -> None:
    assert (await visit(surface, verb, target, body=body)).status == 402


async def test_a_body_that_is_too_long_is_quoted_all_the_same(
    shop: Storefront, surface: App
) -> None:
    seen = await visit(
        surface, "POST", WEATHER, body=b'{"demo":true,"x":"%s"}' % (b"x" * 1_000_001)
    )
    assert seen.status == 402


async def test_a_sample_page_cannot_act_on_this_origin(
    storefront: Storefront, surface: App
) -> None:
    hostile = Sample(200, "text/html", b"<script>alert(document.cookie)</script>")
    await in_thread(storefront.publish, "acme/page", sample=hostile)
    seen = await visit(surface, "GET", "/call/acme/page?demo=true")
    assert (seen.status, seen.body) == (200, hostile.body)
    assert seen["content-security-policy"] == SANDBOX
    assert seen["x-content-type-options"] == "nosniff"


# A buyer's wish -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ("0.02 USD", "Payment required"),
        ("0.01", "Payment required"),
        ("0.009 USD", "price_above_max"),
        ("0", "price_above_max"),
        ("cheap", "Payment required"),
    ],
)
async def test_a_price_above_the_wish_is_said(
    shop: Storefront, surface: App, wish: str, error: str
) -> None:
    seen = await visit(surface, "GET", WEATHER, {"X-Max-Price": wish})
    assert seen.status == 402
    assert seen.quote["error"] == error
    assert seen.json == seen.quote
    assert len(seen.quote["accepts"]) == 1


# Browsers -------------------------------------------------------------------------------


async def test_a_browser_gets_a_page_and_the_header_still(shop: Storefront, surface: App) -> None:
    accept = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "user-agent": "Mozilla/5.0"}
    seen = await visit(surface, "GET", WEATHER, accept)
    plain = await visit(surface, "GET", WEATHER)
    assert seen.status == 402
    assert seen.quote == plain.quote
    assert seen["content-type"] == "text/html; charset=utf-8"
    assert seen["vary"] == plain["vary"] == "Accept"
    text = seen.body.decode()
    assert '$0.01 <span class="soft">0.01 USDC</span>' in text
    assert "Base Sepolia, test network" in text
    assert f"{shop.site.call_base_url}{WEATHER}?demo=true" in text
    assert f"manage.py buy {shop.site.call_base_url}{WEATHER}" in text


@pytest.mark.parametrize(("rpc", "leads"), [("http://127.0.0.1:1", True), ("", False)])
async def test_on_the_demo_the_page_leads_to_a_wallet_to_pay_with(
    shop: Storefront, surface: App, settings: Settings, rpc: str, leads: bool
) -> None:
    settings.DEMO_CHAIN_RPC = rpc
    seen = await visit(
        surface, "GET", WEATHER, {"accept": "text/html", "user-agent": "Mozilla/5.0"}
    )
    assert ("a demo wallet to pay with" in seen.body.decode()) is leads


async def test_the_page_runs_our_script_and_nothing_of_a_sellers(
    storefront: Storefront, shop: Storefront, surface: App
) -> None:
    await in_thread(
        storefront.publish,
        "acme/loud",
        title="<script>alert(1)</script>",
        description='"><img src=x onerror=alert(1)>',
    )
    seen = await visit(surface, "GET", "/call/acme/loud", {"accept": "text/html"})
    text = seen.body.decode()
    ours = f'<script type="module" src="{shop.site.public_base_url}/static/built/pay.js"></script>'
    assert text.count(ours) == text.count("<script") == 1
    assert "<img" not in text
    assert "&lt;script&gt;" in text
    assert seen["content-security-policy"] == page.POLICY
    assert f"script-src {shop.site.public_base_url}/static/;" in page.POLICY
    assert "unsafe" not in page.POLICY


@pytest.mark.parametrize(
    ("dest", "status"),
    [
        ("script", 403),
        ("worker", 403),
        ("sharedworker", 403),
        ("serviceworker", 403),
        ("style", 403),
        ("object", 403),
        ("embed", 403),
        ("iframe", 403),
        ("frame", 403),
        ("document", 200),
        ("empty", 200),
        ("image", 200),
    ],
)
async def test_no_page_can_load_an_answer_as_a_part_of_itself(
    shop: Storefront, surface: App, dest: str, status: int
) -> None:
    seen = await visit(surface, "GET", f"{WEATHER}?demo=true", {"sec-fetch-dest": dest})
    assert seen.status == status
    assert seen["content-security-policy"] == SANDBOX


# No way in ------------------------------------------------------------------------------

_SPELLINGS = st.sampled_from(
    [
        "/call/acme/weather",
        "/call/acme/city",
        "/call/acme/city/Basel",
        "/call/acme/weather/",
        "/call//acme/weather",
        "/call/acme/weather/../weather",
        "/call/acme/weather;v=1",
        "/call/acme/weather%0a",
        "/call/acme/city/%2e%2e",
        "/call/acme/city/..%2fweather",
        "/call/acme/city/http:%2f%2fevil.example",
        "/call/ACME/weather",
        "/call/acme/weather%00",
        "/call/%61%63me/weather",
        "/call/acme/weather\\",
    ]
)
_QUERIES = st.lists(
    st.sampled_from(["x402Version=1", "demo=true", "demo=false", "paid=1", "city=Basel", "%ff"]),
    max_size=3,
)
_HEADERS = st.lists(
    st.sampled_from(
        [
            (b"x-payment", b"e30="),
            (b"payment_signature", b"e30="),
            (b"x_payment", b"e30="),
            (b"sign-in-with-x", b"e30="),
            (b"payment-response", b"e30="),
            (b"authorization", b"Bearer x"),
            (b"x-http-method-override", b"OPTIONS"),
            (b"x-original-url", b"/call/acme/weather"),
            (b"x-forwarded-for", b"127.0.0.1"),
            (b"upgrade", b"websocket"),
            (b"accept", b"text/html"),
            (b"sec-fetch-dest", b"script"),
            (b"x-max-price", b"0.001"),
            (b"transfer-encoding", b"chunked"),
            (b"content-length", b"7"),
            (b"host", b"localhost"),
        ]
    ),
    max_size=5,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.sampled_from((*VERBS, "HEAD", "OPTIONS", "CONNECT")),
    spelling=_SPELLINGS,
    query=_QUERIES,
    headers=_HEADERS,
    body=st.sampled_from([b"", b"{}", b'{"demo":true}', b"\x00\xff", b"x" * 70_000]),
)
async def test_no_unpaid_request_reaches_an_upstream(
    shop: Storefront,
    surface: App,
    upstream: ScriptedUpstream,
    verb: str,
    spelling: str,
    query: list[str],
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    seen = await visit(surface, verb, f"{spelling}?{'&'.join(query)}", headers, body)
    assert upstream.calls == []
    assert upstream.connections == 0
    assert seen.status in {200, 204, 400, 402, 403, 404}
    if seen.status == 200:
        assert seen["x-demo"] == "true"
    if verb == "HEAD":
        assert seen.body == b""
    is_page = seen.status == 402 and "html" in (seen["content-type"] or "")
    policy = seen["content-security-policy"] or ""
    assert policy == page.POLICY if is_page else policy.startswith(SANDBOX)


async def until_at_hand(door: Door) -> None:
    """Nothing is kept before the shelf's first look at the database, which nobody waits for."""
    async with asyncio.timeout(60):
        while door.at_once(scope_of("GET", WEATHER, [(b"accept", b"*/*")])) is None:
            await visit(door, "GET", WEATHER)


_NAMES = st.sampled_from(
    [
        *(b"accept", b"user-agent", b"x-max-price", b"content-length", b"transfer-encoding"),
        *(b"sec-fetch-dest", b"payment-signature", b"payment_signature", b"x-payment", b"x_y"),
        *(b"sign-in-with-x", b"x-long"),
    ]
)
_VALUES = st.sampled_from(
    [b"", b"0", b"e30=", b"text/html", b"0.001 USD", b"1 USD", b"script", b"z" * 20_000]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    verb=st.sampled_from(["GET", "HEAD", "POST", "OPTIONS"]),
    target=st.sampled_from([WEATHER, f"{WEATHER}?demo=true", CITY, f"{CITY}/Basel", "/call/a/b"]),
    headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=4),
)
async def test_a_price_said_at_once_is_the_one_said_with_patience(
    shop: Storefront, surface: Surface, verb: str, target: str, headers: list[tuple[bytes, bytes]]
) -> None:
    """A bare request for a price takes a shorter way; nobody can tell by the answer."""
    door = surface._door
    assert door is not None
    await until_at_hand(door)
    assert await visit(surface, verb, target, headers) == await visit(door, verb, target, headers)


async def test_a_fault_at_once_is_no_price(
    shop: Storefront, surface: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Door, *_: object) -> None:
        raise RuntimeError("broken")

    await visit(surface, "GET", WEATHER)
    monkeypatch.setattr(Door, "_quote", broken)
    seen = await visit(surface, "GET", WEATHER)
    assert (seen.status, seen.json["error"]) == (503, "internal_fault")


@pytest.fixture
def one_place(settings: Settings) -> None:
    settings.LISTING_IN_FLIGHT_MAX = 1


async def test_a_body_that_pays_for_nothing_takes_no_paid_calls_place(
    shop: Storefront, one_place: None, surface: App
) -> None:
    asked, ends = asyncio.Event(), asyncio.Event()

    async def drip() -> dict[str, object]:
        asked.set()
        await ends.wait()
        return {"type": "http.disconnect"}

    line = Line([])
    scope = scope_of("POST", WEATHER, [(b"content-length", b"9")])
    dripping = asyncio.create_task(surface(scope, drip, line.send))  # type: ignore[arg-type]
    await asked.wait()
    paying = await visit(surface, "GET", WEATHER, {"PAYMENT-SIGNATURE": "e30="})
    ends.set()
    await dripping
    assert (paying.status, paying.json["error"]) == (400, "invalid_payload")
    assert line.seen().status == 402
