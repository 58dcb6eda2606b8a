"""Documents as they are served: built by the worker or live, current, and leading somewhere."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from jsonschema import Draft202012Validator
from pytest_django.fixtures import Settings

from marketplace.catalog import built, format_views, queries
from marketplace.catalog.documents.market import this_market
from marketplace.catalog.models import BuiltDocument
from payments.documents import REFUNDS_PATH
from sellers.models import Listing, Seller
from sellers.prices import Ask
from sellers.profile import profiles
from sellers.profile.profiles import Profile
from sellers.reviews import judging
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import NETWORK, Storefront, in_thread
from tests.marketplace.gateway.visitor import App, visit

LIVE = tuple(f"/s/acme/{name}" for name in format_views.OF_SELLER)
STATIC = ("/.well-known/ai-catalog.json", "/.well-known/agents.json", "/robots.txt",
          "/sitemap-pages.xml")  # fmt: skip
JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
# What graders of agents send.
LIST_TOOLS = b'{"jsonrpc":"2.0","id":"health-check","method":"tools/list","params":{}}'
JSON_TYPE = JSON["Content-Type"]
SECRET = "nobody-shall-read-this"


def build() -> int:
    """What the worker does every few seconds."""
    return built.build(this_market(), timezone.now())


def got(path: str, status: int = 200, **headers: str) -> Any:
    response = Client(headers=headers).get(path)
    assert response.status_code == status, (path, response.status_code)
    return response


def said(path: str) -> str:
    return str(got(path).content.decode())


def everything() -> dict[str, str]:
    return {path: said(path) for path in (*format_views.SITE_WIDE, *LIVE, *STATIC)}


@pytest.fixture
def listing(stall: Storefront) -> Listing:
    published = stall.publish(
        "acme/weather", example={"query": {"city": "Oslo"}}, category="data", tags=["weather"]
    )
    stall.publish("globe/tides")
    return published


def test_every_document_is_there_once_and_then_only_named(listing: Listing) -> None:
    got("/openapi.json", 503)
    assert build() == len(built.RECIPES)
    assert build() == 0
    for path in (*format_views.SITE_WIDE, *LIVE, *STATIC):
        response = got(path)
        assert response["Access-Control-Allow-Origin"] == "*", path
        unchanged = got(path, 304, **{"If-None-Match": response["ETag"]})
        assert unchanged["ETag"] == response["ETag"]
        assert not unchanged.content
        kind = response["Content-Type"].partition(";")[0]
        if kind.endswith("json"):
            json.loads(response.content)
    assert got("/.well-known/ai-catalog.json")["Content-Type"] == "application/ai-catalog+json"
    assert got("/llms.txt")["Content-Type"] == "text/markdown; charset=utf-8"


def test_pages_of_any_site_may_read_what_programs_read(listing: Listing) -> None:
    build()
    others = ("/.well-known/did.json", "/.well-known/mcp/server-card.json")
    for path in (*format_views.SITE_WIDE, *LIVE, *STATIC, "/l/acme/weather/SKILL.md", *others):
        first = Client().options(path)
        assert first.status_code == 204, path
        assert first["Access-Control-Allow-Origin"] == "*", path
        assert "GET" in first["Access-Control-Allow-Methods"]
        assert "If-None-Match" in first["Access-Control-Allow-Headers"]
        assert Client().post(path).status_code == 405, path


def test_a_document_of_the_site_is_packed_for_who_takes_it(
    listing: Listing, stall: Storefront
) -> None:
    build()
    for path in format_views.SITE_WIDE:
        plain = got(path)
        answer = got(path, **{"Accept-Encoding": "br, gzip;q=0.8"})
        assert gzip.decompress(answer.content) == plain.content, path
        assert answer["Content-Encoding"] == "gzip"
        assert {answer["Vary"], plain["Vary"]} == {"Accept-Encoding"}
        assert int(answer.get("Content-Length", len(answer.content))) == len(answer.content)
        for etag in (plain["ETag"], answer["ETag"]):
            for accepted in ("", "gzip"):
                said = {"If-None-Match": etag, "Accept-Encoding": accepted}
                assert got(path, 304, **said)["Vary"] == "Accept-Encoding"
        for refused in ("", "br", "identity", "gzip;q=0", "gzip; q=0.000", "gzipped"):
            assert "Content-Encoding" not in got(path, **{"Accept-Encoding": refused}), refused
    assert len(got("/openapi.json", **{"Accept-Encoding": "gzip"}).content) < 5_000

    stall.revise(listing, prices=[Ask("0.07", NETWORK, Cast.seller.address)])
    build()
    anew = got("/openapi.json", **{"Accept-Encoding": "gzip"})
    assert b'"0.07"' in gzip.decompress(anew.content)


def test_nothing_but_the_site_s_documents_is_packed(listing: Listing) -> None:
    build()
    for path in ("/", "/market", "/api/catalog", "/api/catalog/acme/weather", *LIVE):
        assert "Content-Encoding" not in got(path, **{"Accept-Encoding": "gzip"}), path


def test_what_is_not_sold_any_more_leaves_the_live_ones_at_once(listing: Listing) -> None:
    build()
    before = {path: got(path)["ETag"] for path in LIVE}
    assert all("acme/weather" in said(path) for path in LIVE[:3])
    judging.suspend(listing.pk, "says Oslo for every city")
    for path in LIVE:
        assert "acme/weather" not in got(path, **{"If-None-Match": before[path]}).content.decode()
    assert got("/s/acme/agent-registration.json").json()["x402Support"] is False
    found = got("/discovery/resources").json()
    assert [item["resource"] for item in found["items"]] == [f"{call_base()}/call/globe/tides"]
    got("/l/acme/weather/SKILL.md", 404)

    assert build() > 0
    for path in format_views.SITE_WIDE:
        assert "acme/weather" not in said(path), path


def call_base() -> str:
    return this_market().call_base_url


def test_a_new_price_is_the_same_everywhere(stall: Storefront, listing: Listing) -> None:
    build()
    stall.revise(listing, prices=[Ask("0.07", NETWORK, Cast.seller.address)])
    build()
    operation = json.loads(said("/openapi.json"))["paths"]["/call/acme/weather"]["get"]
    assert operation["x-payment-info"]["price"]["amount"] == "0.07"
    assert operation["x-payment-info"]["protocols"][0]["x402"]["amount"] == "70000"
    assert "0.07 USDC" in said("/s/acme/llms.txt")
    assert "0.07 USDC" in said("/l/acme/weather/SKILL.md")
    (item,) = json.loads(said("/s/acme/x402.json"))["items"]
    assert item["accepts"][0]["amount"] == "70000"


def test_only_what_changed_is_written_again(listing: Listing) -> None:
    build()
    before = dict(BuiltDocument.objects.values_list("path", "changed_at"))
    profiles.write(Seller.objects.get(slug="acme"), Profile("Acme, the new"))
    assert build() > 0
    after = dict(BuiltDocument.objects.values_list("path", "changed_at"))
    assert after["/openapi.json"] > before["/openapi.json"]
    assert (
        after["/.well-known/agent-registration.json"]
        == before["/.well-known/agent-registration.json"]
    )


def test_a_document_we_stopped_making_is_not_served_for_ever(listing: Listing) -> None:
    build()
    BuiltDocument.objects.create(
        path="/old.json",
        content_type="x",
        body=b"",
        etag="",
        made_from="",
        changed_at=timezone.now(),
    )
    BuiltDocument.objects.filter(path="/llms.txt").update(made_from="")
    build()
    assert not BuiltDocument.objects.filter(path="/old.json").exists()


def test_a_seller_who_never_sold_has_no_files(stall: Storefront) -> None:
    Seller.objects.create(slug="shy", name="Shy")
    for name in format_views.OF_SELLER:
        got(f"/s/shy/{name}", 404)
        got(f"/s/nobody/{name}", 404)


def test_a_profile_is_what_registries_read(listing: Listing) -> None:
    about = "We know the weather of every city. Ask for any."
    profiles.write(
        Seller.objects.get(slug="acme"),
        Profile("Acme Weather", about, "https://acme.example", "hello@acme.example"),
    )
    file = got("/s/acme/agent-registration.json").json()
    assert (file["name"], file["description"]) == ("Acme Weather", about)
    services = {each["name"]: each["endpoint"] for each in file["services"]}
    assert services["email"] == "hello@acme.example"
    assert services["website"] == "https://acme.example"
    assert len(services) >= 4


def test_where_calls_go_and_with_which_secrets_is_in_no_document(
    stall: Storefront, settings: Settings
) -> None:
    url = f"{stall.upstream.url}/{SECRET}"
    stall.publish("acme/weather", upstream_url=url, forward_headers=["x-trace"])
    build()
    for path, text in everything().items():
        assert SECRET not in text, path
        assert stall.upstream.url not in text, path
    for path in ("/discovery/resources", "/discovery/search?query=weather"):
        assert SECRET not in said(path)


def test_the_best_are_listed_and_the_rest_is_pointed_at(
    listing: Listing, settings: Settings
) -> None:
    settings.DOCUMENT_LISTINGS_MAX = 1
    build()
    document = json.loads(said("/openapi.json"))
    paid = [path for path in document["paths"] if path.startswith("/call/")]
    assert len(paid) == 1
    assert "The best 1 of 2" in document["info"]["description"]
    assert "The best 1 of 2" in said("/llms-full.txt")


def publish_each_kind(storefront: Storefront) -> tuple[str, ...]:
    """Listings that are called in every way: by query, by two path values, by one, by a body."""
    url = storefront.upstream.url
    storefront.publish("acme/weather", example={"query": {"city": "Oslo"}})
    storefront.publish(
        "globe/route",
        upstream_url=f"{url}/{{start}}/{{end}}",
        example={"path": {"start": "Oslo", "end": "New York"}},
    )
    storefront.publish(
        "globe/city", upstream_url=f"{url}/{{city}}", example={"path": {"city": "Oslo"}}
    )
    storefront.publish("acme/digest", method="POST", example={"body": {"text": "One."}})
    return "acme/weather", "globe/route", "globe/city", "acme/digest"


async def test_every_address_in_every_document_answers(
    surface: App, storefront: Storefront
) -> None:
    def publish() -> dict[str, str]:
        publish_each_kind(storefront)
        build()
        return everything() | {path: said(path) for path in ("/discovery/resources",)}

    documents = await in_thread(publish)
    named = {address for text in documents.values() for address in addresses(text)}
    assert len(named) > 25
    for address in sorted(named):
        target = address.removeprefix(call_base())
        if target.startswith("/call/"):
            seen = await visit(surface, "GET", target)
            assert seen.status in (200, 402), address
        elif re.fullmatch(r"/mcp(/[a-z]+)?", target):
            tools = await visit(surface, "POST", target, JSON, LIST_TOOLS)
            assert tools.json["result"]["tools"], address
        elif target.startswith("/mcp/"):
            assert (await visit(surface, "GET", target)).status == 200, address
        elif target == REFUNDS_PATH:  # is there, for who sends something
            assert await in_thread(status_of, target) == 405, address
        else:
            assert await in_thread(status_of, target or "/") == 200, address


LED_TO = {
    "catalog": (200, "application/json"), "sample": (200, "application/json"),
    "skill": (200, "text/markdown; charset=utf-8"), "page": (200, "text/html; charset=utf-8"),
    "sellerPage": (200, "text/html; charset=utf-8"), "openapi": (200, "application/json"),
    "discovery": (200, "application/json"), "v1": (402, "application/json"),
}  # fmt: skip


async def test_every_link_of_a_listing_leads_to_what_its_name_says(
    surface: App, storefront: Storefront
) -> None:
    async def led_to(address: str) -> tuple[int, str | None, str]:
        target = address.removeprefix(call_base())
        if target.startswith("/call/"):
            seen = await visit(surface, "GET", target)
            return seen.status, seen["content-type"], seen.body.decode()
        answer = await in_thread(Client(headers={"Accept": "text/html"}).get, target)
        return answer.status_code, answer["Content-Type"], answer.content.decode()

    for path in await in_thread(publish_each_kind, storefront):
        whole = (await in_thread(got, f"/api/catalog/{path}")).json()
        links = whole["links"]
        tools = await visit(surface, "POST", links.pop("mcp").removeprefix(call_base()), JSON,
                            LIST_TOOLS)  # fmt: skip
        assert tools.json["result"]["tools"], path
        assert set(links) == set(LED_TO)
        for name, address in links.items():
            assert (await led_to(address))[:2] == LED_TO[name], (path, name)
        assert path in (await led_to(links["discovery"]))[2]
        assert (await led_to(whole["example"]["url"]))[0] == 402
        page = (await led_to(links["page"]))[2]
        section = page.partition('aria-labelledby="programs"')[2].partition("</section>")[0]
        named = re.findall(r'<li><a href="([^"]+)">([^<]+)</a></li>', section)
        assert len(named) == 4
        for address, words in named:
            wanted = {"How to": LED_TO["skill"], "For pr": LED_TO["v1"]}
            expected = wanted.get(words[:6], LED_TO["openapi"])
            assert (await led_to(address))[:2] == expected, (path, words)


# A request of each of our own operations, and what it is answered with.
ASKED = (
    ("/api/catalog", "get", "/api/catalog?limit=1", 200),
    ("/api/catalog", "get", "/api/catalog", 200),
    ("/api/catalog", "get", "/api/catalog?limit=0", 400),
    ("/api/catalog/{seller}/{listing}", "get", "/api/catalog/acme/weather", 200),
    ("/api/catalog/{seller}/{listing}", "get", "/api/catalog/acme/nothing", 404),
    ("/api/catalog/changes", "get", "/api/catalog/changes?since=0", 200),
    ("/api/catalog/changes", "get", "/api/catalog/changes?since=x", 400),
    ("/discovery/search", "get", "/discovery/search?query=weather&limit=1", 200),
    ("/discovery/search", "get", "/discovery/search?query=weather", 200),
    ("/discovery/search", "get", "/discovery/search", 400),
    ("/discovery/resources", "get", "/discovery/resources", 200),
    ("/discovery/resources", "get", "/discovery/resources?offset=x", 400),
    ("/discovery/validate", "post", "/discovery/validate", 400),
)  # fmt: skip


def test_what_our_own_operations_answer_is_what_openapi_says(
    listing: Listing, settings: Settings
) -> None:
    build()
    paths = got("/openapi.json").json()["paths"]

    def answered(path: str, method: str, target: str, status: int) -> Any:
        body = {} if method == "get" else {"data": b"{}", "content_type": "application/json"}
        response = getattr(Client(), method)(target, **body)
        assert response.status_code == status, target
        said = paths[path][method]["responses"][str(status)]
        for media_type, content in said.get("content", {}).items():
            assert response["Content-Type"] == media_type
            validator = Draft202012Validator(content["schema"])
            assert [wrong.message for wrong in validator.iter_errors(response.json())] == [], target
        return response.json()

    first, last, *_ = [answered(*each) for each in ASKED]
    assert (bool(first["next"]), last["next"]) == (True, None)
    checked = Client().post(
        "/discovery/validate",
        {"resource": f"{call_base()}/call/acme/weather"},
        content_type="application/json",
    )
    schema = paths["/discovery/validate"]["post"]["responses"]["200"]["content"][JSON_TYPE]
    Draft202012Validator(schema["schema"]).validate(checked.json())
    settings.SEARCHES_PER_MINUTE = 0
    for path, _, target, status in ASKED:
        if status == 200 and "429" in paths[path]["get"]["responses"]:
            assert Client(REMOTE_ADDR="81.2.69.142").get(target).status_code == 429, target


def test_openapi_names_every_filter_of_the_catalog_and_no_other(listing: Listing) -> None:
    build()
    asked = got("/openapi.json").json()["paths"]["/api/catalog"]["get"]["parameters"]
    assert {each["name"] for each in asked} == set(queries.SHOWN.values())


def status_of(target: str) -> int:
    response = Client().get(target)
    response.close()  # pictures are files
    return int(response.status_code)


def addresses(text: str) -> Iterator[str]:
    """Every address of ours in a document, and every path of an OpenAPI document."""
    for address in re.findall(rf'{re.escape(call_base())}[^\s"<>)`]*', text):
        if "{" not in address and not address.endswith("/s/"):  # /s/<seller>/…
            yield address.rstrip(".,:")
    if text.startswith("{") and '"openapi"' in text:
        for path, methods in json.loads(text).get("paths", {}).items():
            if "{" not in path and path.startswith("/call/"):
                yield f"{call_base()}{urlsplit(path).path}"
            elif "get" in methods and "{" not in path:
                yield f"{call_base()}{path}{'?query=x' if path.endswith('search') else ''}"
