"""What nobody sees is in no format, wherever a seller wrote it; what must stay exact is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from marketplace.catalog import built, format_views
from marketplace.catalog.documents.market import this_market
from sellers.models import Seller
from sellers.profile import profiles
from sellers.profile.profiles import Profile
from sellers.refusals import ListingRefused
from sellers.terms import Sample
from tests.fixtures.storefront import Storefront, in_thread
from tests.marketplace.catalog.mcp.agent import ask, use
from tests.marketplace.gateway.visitor import App, visit

HIDDEN = "\x07\x1b\x9b\u00ad\u034f\u200b\u200d\u202e\u2066\u2069\u3164\ufe0f\ufeff\ue000\U000e0041"
WIDE = {"Accept": "text/html"}
PATHS = ("acme/json", "acme/table", "acme/file")
LINES = f"city,sky\nOslo,{HIDDEN}rain\n\n Rome, {HIDDEN}sun"
SEEN_LINES = "city,sky\nOslo,rain\n\n Rome, sun"
OURS = (
    "/api/catalog", "/api/catalog?q=weather", "/api/catalog/changes", "/api/catalog/changes.atom",
    "/discovery/resources", "/discovery/search?query=weather", "/market", "/s/acme",
    *format_views.SITE_WIDE, *(f"/s/acme/{name}" for name in format_views.OF_SELLER),
    *(f"/{place}{path}" for path in PATHS for place in ("api/catalog/", "l/")),
    *(f"/l/{path}/SKILL.md" for path in PATHS),
)  # fmt: skip


def schema(part: str) -> dict[str, Any]:
    """An object with hidden words wherever a schema has words."""
    field = {"type": "string", "title": f"City{HIDDEN}", "description": f"A city{HIDDEN}"}
    inner = {"type": "object", "title": f"All{HIDDEN}", "properties": {part: field}}
    return {**inner, "description": f"Whole{HIDDEN}"}


def publish(front: Storefront, path: str, sample: Sample, **more: Any) -> None:
    front.publish(
        path,
        title=f"City{HIDDEN} weather",
        description=f"Now.{HIDDEN} And here.",
        service_name=f"Weather{HIDDEN}",
        tags=[f"{HIDDEN}weather", f"ci{HIDDEN}ties"],
        input_schema={"type": "object", "properties": {"query": schema("city")}},
        example={"query": {"city": "Oslo"}},
        sample=sample,
        category="data",
        **more,
    )


def publish_all(front: Storefront) -> None:
    said = {f"s{HIDDEN}ky": f"ra{HIDDEN}in", "more": [f"{HIDDEN}", {"x": f"two\nlines{HIDDEN}"}]}
    document = json.dumps(said).encode()  # as programs write it: hidden ones as escapes
    json_, table, file = PATHS
    publish(front, json_, Sample(200, "application/json", document), output_schema=schema("sky"))
    publish(front, table, Sample(200, "text/csv; charset=utf-8", LINES.encode()))
    publish(front, file, Sample(200, "application/octet-stream", LINES.encode()))
    profile = Profile(f"Ac{HIDDEN}me", f"One.{HIDDEN} Two.", "https://acme.example", "a@b.example")
    profiles.write(Seller.objects.get(slug="acme"), profile)
    built.build(this_market(), timezone.now())


def served() -> dict[str, str]:
    found = {}
    for path in OURS:
        response = Client(headers=WIDE).get(path)
        assert response.status_code == 200, path
        found[path] = response.content.decode()
    checked = {"resource": f"{this_market().call_base_url}/call/{PATHS[0]}", "method": "GET"}
    answer = Client().post("/discovery/validate", checked, content_type="application/json")
    return {**found, "validate": answer.content.decode()}


async def of_door(surface: App) -> dict[str, str]:
    found = {}
    for path in PATHS:
        call = f"/call/{path}"
        quote = await visit(surface, "GET", call)
        found |= {call: quote.body.decode(), f"{call} header": json.dumps(quote.quote)}
        for more, accept in (("/SKILL.md", "*/*"), ("?x402Version=1", "*/*"), ("", "text/html")):
            seen = await visit(surface, "GET", call + more, {"Accept": accept})
            found[f"{call}{more} {accept}"] = seen.body.decode()
        for tool in ("read_service", "quote_service", "sample_service", "call_service"):
            found[f"{path} {tool}"] = json.dumps(await use(surface, tool, path=path))
        demo = await use(surface, path.partition("/")[2], "/mcp/acme", demo=True)
        found[f"{path} demo"] = json.dumps(demo)
    found["tools"] = json.dumps(await ask(surface, "tools/list", path="/mcp/acme"))
    found["search"] = json.dumps(await use(surface, "search_services", query="weather"))
    return found


def texts_in(said: Any) -> Iterator[str]:
    """Every text of a document, also of JSON that stands in a text."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield name
            yield from texts_in(value)
    elif isinstance(said, list):
        for value in said:
            yield from texts_in(value)
    elif isinstance(said, str):
        yield said
        if said[:1] in ("{", "["):
            yield from texts_in(json.loads(said))


async def test_no_format_carries_what_nobody_sees(surface: App, storefront: Storefront) -> None:
    await in_thread(publish_all, storefront)
    documents = {**await in_thread(served), **await of_door(surface)}
    assert len(documents) > 45
    for name, text in documents.items():
        for each in texts_in(text):
            assert not set(HIDDEN) & set(each), (name, ascii(each))
            assert text[:1] == "{" or not re.search(r"\\u[0-9a-fA-F]{4}", each), (name, each)


async def test_a_sample_keeps_its_lines_and_a_file_its_bytes(
    surface: App, storefront: Storefront
) -> None:
    await in_thread(publish_all, storefront)

    def sample_of(path: str) -> dict[str, Any]:
        shown: dict[str, Any] = Client().get(f"/api/catalog/{path}").json()["sample"]
        return shown

    seen = {"sky": "rain", "more": ["", {"x": "two\nlines"}]}
    json_, table, file = [await in_thread(sample_of, path) for path in PATHS]
    assert json_["json"] == seen
    assert table["text"] == SEEN_LINES
    assert set(file) == {"status", "contentType", "base64"}
    tool = await use(surface, "sample_service", path=PATHS[0])
    assert tool["structuredContent"] == json.loads(tool["content"][0]["text"]) == seen
    assert (await use(surface, "sample_service", path=PATHS[1]))["content"][0]["text"] == SEEN_LINES
    demo = await visit(surface, "GET", f"/call/{PATHS[1]}?demo=true")
    assert demo.body.decode() == LINES, "the sample itself is what a call really gave"


EXACT: dict[str, Callable[[str], dict[str, Any]]] = {
    "a parameter": lambda h: {"input_schema": of_query({f"city{h}": {"type": "string"}})},
    "a choice": lambda h: {"input_schema": of_query({"city": {"enum": ["Oslo", f"Rome{h}"]}})},
    "a default": lambda h: {"input_schema": of_query({"city": {"default": f"Rome{h}"}})},
    "an example": lambda h: {"example": {"query": {"city": f"Oslo{h}"}}},
    "a member": lambda h: {"output_schema": {"properties": {f"sky{h}": {"type": "string"}}}},
    "a content type": lambda h: {"sample": Sample(200, f"text/plain{h}", b"x")},
}


def of_query(members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {"query": {"type": "object", "properties": members}}}


@pytest.mark.parametrize("given", EXACT.values(), ids=EXACT.keys())
def test_what_programs_compare_is_refused_where_it_hides_something(
    stall: Storefront, given: Callable[[str], dict[str, Any]]
) -> None:
    example = {"query": {"city": "Oslo"}}
    for each in HIDDEN:
        with pytest.raises(ListingRefused):
            stall.publish(**{"example": example, **given(each)})
    stall.publish(**{"example": example, **given("")})
