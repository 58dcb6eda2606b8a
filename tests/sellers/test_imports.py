"""OpenAPI documents become drafts; hostile ones become a word on what is wrong with them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.fernet import Fernet
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from sellers.addresses import URL_CHARACTERS_MAX
from sellers.drafting import fetches, readings, worksheets
from sellers.drafting.imports import typed_of
from sellers.drafting.typed import draft_of, path_names
from sellers.drafting.worksheets import WORKSHEETS_MAX
from sellers.input_rules import admit_example, admit_input
from sellers.models import Fetch
from sellers.openapi import documents
from sellers.openapi.documents import DOCUMENT_BYTES_MAX
from sellers.openapi.operations import OPERATIONS_MAX, InAndOut, Operation, operations
from sellers.refusals import ListingRefused
from sellers.site import this_site
from tests.fixtures.cast import Cast
from tests.fixtures.programs import program_of
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.conftest import SITE
from tests.sellers.desk import ASSET, NETWORK, open_desk

YAML = """
openapi: 3.0.3
info: {title: Cities, version: 2024-01-01}
servers: [{url: "https://{where}.example/v1", variables: {where: {default: api}}}]
paths:
  /cities/{city-id}:
    parameters:
      - {name: city-id, in: path, required: true, schema: {type: integer}, example: 7}
    get:
      summary: One city
      description: What is known of a city.
      tags: [geo, Developer tools]
      parameters:
        - $ref: '#/components/parameters/Lang'
      responses:
        200:
          description: ok
          content:
            application/json:
              schema: {$ref: '#/components/schemas/City'}
              example: {name: Oslo, example: 1}
    delete: {responses: {'204': {description: gone}}}
  /cities:
    post:
      operationId: addCity
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/City'}
            example: {name: Oslo}
      responses: {'201': {description: made}}
components:
  parameters:
    Lang: {name: lang, in: query, schema: {type: string, enum: [en, no]}, description: Language}
  schemas:
    City:
      type: object
      required: [name]
      properties:
        name: {type: string, nullable: true}
        size: {type: number, minimum: 0, exclusiveMinimum: true}
        example: {type: integer}
        twin: {$ref: '#/components/schemas/City'}
"""


def written_out(found: list[Operation]) -> list[InAndOut]:
    return [each.in_and_out for each in found]


def refused(document: Any) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    with pytest.raises(ListingRefused) as caught:
        written_out(operations(text))
    return caught.value.message


def test_each_operation_becomes_a_draft_that_keeps_the_rules() -> None:
    found = {each.key: each for each in operations(YAML)}
    assert list(found) == ["GET /cities/{city-id}", "DELETE /cities/{city-id}", "POST /cities"]
    city = found["GET /cities/{city-id}"]
    assert city.upstream_url == "https://api.example/v1/cities/{city_id}"
    assert (city.title, city.tags) == ("One city", ("geo", "Developer tools"))
    assert typed_of(city)["category"] == "developer-tools"
    assert city.in_and_out.example == {"path": {"city_id": 7}, "query": {"lang": "en"}}
    schema = city.in_and_out.output_schema
    assert schema is not None
    properties = schema["properties"]
    assert properties["name"]["type"] == ["string", "null"]
    assert properties["size"] == {"type": "number", "exclusiveMinimum": 0}
    assert properties["example"] == {"type": "integer"}
    assert properties["twin"] == {}  # where a schema holds itself, it ends
    for each in found.values():
        typed = typed_of(each)
        draft = draft_of(typed, SITE)
        taken = admit_input(draft.input_schema, draft.example, draft.method, path_names(typed))
        admit_example(draft.example, taken)


def test_headers_that_no_call_carries_are_left_out() -> None:
    names = ["X-Trace", "Authorization", "Cookie", "Idempotency-Key", "If-Match", "X_Forwarded_For"]
    wanted = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in names]
    path = {"get": {"summary": "One city", "parameters": wanted, "responses": {}}}
    servers = [{"url": "https://api.example"}]
    document = {"openapi": "3.1.0", "servers": servers, "paths": {"/city": path}}
    (city,) = operations(json.dumps(document))
    assert city.in_and_out.headers == ("x-trace",)
    assert typed_of(city)["forward_headers"] == "x-trace"


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "is an object"),
        ("[1]", "is an object"),
        ("{", "neither JSON nor YAML"),
        ("a: [", "neither JSON nor YAML"),
        ("a: [1\n  b: }", "expected ',' or ']' in line 2, column 4"),
        ({"swagger": "2.0", "paths": {}}, "this one says 2.0"),
        ({"openapi": "4.0", "paths": {}}, "this one says 4.0"),
        ({"openapi": "3.1.0"}, "no operation"),
        ("a: &a [x]\nb: *a\nopenapi: 3.1.0", "aliases"),
        ("openapi: 3.1.0\nx: " + "[" * 100 + "]" * 100, "nested too deeply"),
        ("openapi: 3.1.0\nx: [" + "1," * 100_001 + "]", "too large"),
        ("x" * (DOCUMENT_BYTES_MAX + 1), "at most 2 MB"),
        ("openapi: !!python/object/apply:os.system ['true']", "neither JSON nor YAML"),
    ],
)
def test_what_is_no_document_is_refused_with_a_reason(document: Any, said: str) -> None:
    assert said in refused(document)


def test_a_title_that_is_too_long_is_cut_between_words() -> None:
    long = {"summary": "One city " + "and what is known of it " * 5}
    unbroken = {"summary": "x" * 100}
    paths = {"/a": {"get": long}, "/b": {"get": unbroken}}
    document = {"openapi": "3.1.0", "paths": paths}
    titles = [each.title for each in operations(json.dumps(document), "https://api.example")]
    assert titles == [
        "One city and what is known of it and what is known of it and what is known of it",
        "x" * 80,
    ]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "https://inside.example/schema.json"}, "leads out of the document"),
        ({"$ref": "#/components/nothing"}, "leads nowhere"),
        ({"$ref": "file:///etc/passwd"}, "leads out of the document"),
    ],
)
def test_a_reference_stays_in_the_document(schema: Any, said: str) -> None:
    media = {"application/json": {"schema": schema}}
    post = {"requestBody": {"content": media}, "responses": {}}
    assert said in refused({"openapi": "3.1.0", "paths": {"/x": {"post": post}}})


def test_references_that_multiply_are_cut_off() -> None:
    levels: dict[str, Any] = {
        f"L{n}": {"type": "array", "prefixItems": [{"$ref": f"#/components/schemas/L{n + 1}"}] * 10}
        for n in range(11)
    }
    levels["L11"] = {"type": "string"}
    media = {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}
    post = {"requestBody": {"content": media}, "responses": {}}
    document = {
        "openapi": "3.1.0",
        "paths": {"/x": {"post": post}},
        "components": {"schemas": levels},
    }
    assert "references" in refused(document)


def sharing(count: int, schema: dict[str, Any], **media: Any) -> str:
    """So many operations that all answer with one component."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Shared"}, **media}}
    said = {"responses": {"200": {"$ref": "#/components/responses/Shared"}}}
    paths = {f"/{number}": {"post": said} for number in range(count)}
    components = {"schemas": {"Shared": schema}, "responses": {"Shared": {"content": content}}}
    return json.dumps({"openapi": "3.1.0", "paths": paths, "components": components})


def fields(count: int) -> dict[str, Any]:
    field = {"type": "string", "description": "What it means, in a line."}
    return {"type": "object", "properties": {f"f{number}": field for number in range(count)}}


def test_hundreds_of_operations_may_share_a_large_component() -> None:
    found = operations(sharing(OPERATIONS_MAX, fields(200)))
    written = [each.output_schema for each in written_out(found)]
    assert [len(schema["properties"]) for schema in written if schema] == [200] * OPERATIONS_MAX


@pytest.mark.parametrize(
    "shared",
    [
        sharing(100, fields(8_000)),
        sharing(100, {"enum": [["a"] * 20_000]}),
        sharing(100, {"enum": ["a" * 1_500_000]}),
        sharing(100, {"properties": {"a" * 1_500_000: True}}),
        sharing(100, {}, example="a" * 1_500_000),
        sharing(100, {f"x-{number}": 1 for number in range(40_000)}),
    ],
    ids=["fields", "values", "text", "name", "example", "extensions"],
)
def test_what_operations_share_counts_each_time_it_is_written_out(shared: str) -> None:
    found = operations(shared)
    assert found[0].in_and_out.output_schema is not None, "one of them is no trouble"
    with pytest.raises(ListingRefused, match="too large together"):
        written_out(found)


def test_a_component_is_written_out_for_no_operation_that_is_not_chosen() -> None:
    near = fields(8_000)
    chosen = operations(sharing(OPERATIONS_MAX, near))[-1]
    assert chosen.in_and_out.output_schema == near


def test_lists_in_lists_are_followed_so_deep_and_no_further() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    media = {"application/json": {"schema": {"items": deep}}}
    post = {"requestBody": {"content": media}}
    text = json.dumps({"openapi": "3.1.0", "paths": {"/x": {"post": post}}})
    assert operations(text)[0].in_and_out.input_schema["properties"]["body"]["items"]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("99999999999999999999", 1e20),
        ("true", True),
        ("~", None),
        ("!!int 7", 7),
        ("no", "no"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("12:30:45", "12:30:45"),
        ("12:30:45.5", "12:30:45.5"),
        ("2024-01-01", "2024-01-01"),
        ("1" * 41, "1" * 41),
        (".inf", ".inf"),
        ("=", "="),
        (":".join("1" * 1_000), ":".join("1" * 1_000)),
    ],
)
def test_a_plain_value_of_yaml_is_what_json_would_make_of_it(written: str, value: Any) -> None:
    parsed = documents.parsed(f"value: {written}")["value"]
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    "written",
    ["!!int 1:1:1", "!!float 1:1:1", "!!int 1_000", "!!bool odd", "!!timestamp odd", "!!set {a}"],
)
def test_a_tag_of_yaml_makes_nothing_that_json_does_not_have(written: str) -> None:
    assert "neither JSON nor YAML" in refused(f"value: {written}")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(item=json_values, operation=json_values, schema=json_values)
def test_no_document_breaks_the_reader(item: Any, operation: Any, schema: Any) -> None:
    said = operation if isinstance(operation, dict) else {}
    parameters = [{"name": "q", "in": "query", "schema": schema}]
    paths = {
        "/x": {"get": {**said, "parameters": parameters}, "post": said},
        "/y": item,
    }
    with suppress(ListingRefused):
        for each in operations(json.dumps({"openapi": "3.1.0", "paths": paths})):
            assert typed_of(each)["method"]


def addresses(servers: Any, **places: str) -> dict[str, str]:
    weather: dict[str, Any] = {"/weather/{city-id}": {"get": {"summary": "Weather"}}}
    document = {"openapi": "3.1.0", "paths": weather} | ({"servers": servers} if servers else {})
    found = operations(json.dumps(document), **places)
    return {each.upstream_url: "full" if each.has_address else "lost" for each in found}


def test_a_servers_variables_are_written_out_once() -> None:
    ten = {"a": "{b}" * 10, "b": "{c}" * 10, "c": "x" * 10}
    variables = {name: {"default": default} for name, default in ten.items()}
    servers = [{"url": "https://{a}.example/{d}/{c}", "variables": variables}]
    (known,) = addresses(servers)
    assert known.startswith("https://" + "{b}" * 10 + ".example/{d}/" + "x" * 10)


@pytest.mark.parametrize(
    "server",
    [
        {"url": "https://api.example/" + "x" * URL_CHARACTERS_MAX},
        {"url": "https://{a}.example", "variables": {"a": {"default": "x" * URL_CHARACTERS_MAX}}},
        {"url": "{a}" * 200, "variables": {"a": {"default": "x" * 20}}},
    ],
)
def test_a_server_longer_than_an_address_is_refused(server: dict[str, Any]) -> None:
    with pytest.raises(ListingRefused, match="the address of a server"):
        addresses([server])


def test_a_place_longer_than_an_address_is_refused() -> None:
    with pytest.raises(ListingRefused, match="an address of at most"):
        addresses([], base_url="https://api.example/" + "x" * URL_CHARACTERS_MAX)


FETCHED = "https://api.example/docs/openapi.json"


@pytest.mark.parametrize(
    ("server", "places", "address"),
    [
        ("/v1", {"document_url": FETCHED}, "https://api.example/v1"),
        ("../v1/", {"document_url": FETCHED}, "https://api.example/v1"),
        ("v1", {"document_url": FETCHED}, "https://api.example/docs/v1"),
        ("//eu.example", {"document_url": FETCHED}, "https://eu.example"),
        ("", {"document_url": FETCHED}, "https://api.example"),
        ("https://eu.example/v1", {"document_url": FETCHED}, "https://eu.example/v1"),
        ("/v1", {"document_url": FETCHED, "base_url": "https://b.example"}, "https://b.example/v1"),
        ("", {"base_url": "https://b.example/v1"}, "https://b.example/v1"),
        ("", {"document_url": FETCHED, "base_url": "https://b.example/v1"}, "https://b.example/v1"),
    ],
)
def test_a_relative_server_is_read_from_where_the_document_lies(
    server: str, places: dict[str, str], address: str
) -> None:
    servers = [{"url": server}] if server else []
    assert addresses(servers, **places) == {f"{address}/weather/{{city_id}}": "full"}


@pytest.mark.parametrize("server", ["/v1", "", "api.example/v1", "http//api.example"])
def test_a_relative_server_of_a_pasted_document_is_no_address(server: str) -> None:
    (known,) = addresses([{"url": server}]).values()
    assert known == "lost"


def test_a_server_that_is_no_address_breaks_nothing() -> None:
    assert list(addresses([{"url": "http://[x"}], document_url=FETCHED)) == [
        "http://[x/weather/{city_id}"
    ]


@pytest.mark.django_db
def test_what_has_no_address_is_named_and_can_be_given_one(settings: Settings) -> None:
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, "http://127.0.0.1:9")
    relative = YAML.replace("https://{where}.example/v1", "/v1")
    eu = "    get:\n      servers: [{url: 'https://eu.example'}]\n      summary: One city"
    text = relative.replace("    get:\n      summary: One city", eu)

    def page(**said: Any) -> str:
        return desk.client.post("/sell/import", {"text": text, **said}).content.decode()

    shown = page()
    assert "names its server as <code>/v1</code>, which is no full address" in shown
    assert "Say below where it is" in shown
    marked = [part.split("</li>")[0] for part in shown.split('name="operation"')[1:]]
    assert ["no address" in each for each in marked] == [False, True, True]

    again = page(again="1", base_url="https://b.example", operation="POST /cities", action="choose")
    assert "Read from what you typed, calls go to <code>https://b.example/v1</code>" in again
    assert "no address" not in again
    assert 'value="POST /cities" checked' in again
    assert not desk.seller.worksheets.exists()

    chosen = {"text": text, "action": "choose", "operation": "POST /cities"}
    made = desk.client.post("/sell/import", chosen | {"base_url": "https://b.example"}, follow=True)
    assert "Without an address" not in made.content.decode()
    sheet = desk.seller.worksheets.get()
    assert sheet.typed["upstream_url"] == "https://b.example/v1/cities"
    made = desk.client.post("/sell/import", chosen, follow=True)
    assert "Without an address: addCity. The document does not" in made.content.decode()


@pytest.mark.django_db
def test_a_fetched_documents_relative_server_is_said_in_full(
    settings: Settings, upstream: ScriptedUpstream
) -> None:
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, upstream.url)
    text = YAML.replace("https://{where}.example/v1", "/v1")
    upstream.on("/docs/openapi.yaml", answer(text.encode(), content_type="application/yaml"))
    asked = {"url": f"{upstream.url}/docs/openapi.yaml"}
    here = desk.client.post("/sell/import", asked)["Location"]
    fetches.run_due(this_site())
    page = desk.client.get(here).content.decode()
    said = f"where the document was fetched, calls go to <code>{upstream.url}/v1</code>"
    assert said in page
    assert "no address" not in page
    chosen = {**asked, "text": text, "action": "choose", "operation": "POST /cities"}
    assert desk.client.post("/sell/import", chosen).status_code == 302
    assert desk.seller.worksheets.get().typed["upstream_url"] == f"{upstream.url}/v1/cities"


@pytest.mark.django_db
def test_a_seller_chooses_operations_and_gets_drafts(
    settings: Settings, upstream: ScriptedUpstream
) -> None:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, upstream.url)
    upstream.on("/openapi.yaml", answer(YAML.encode(), content_type="application/yaml"))
    named = f"{upstream.url}/openapi.yaml"
    here = desk.client.post("/sell/import", {"url": named})["Location"]
    assert upstream.calls == [], "nobody waits for a stranger's address"
    assert "You may leave" in desk.client.get(here).content.decode()
    Fetch.objects.update(created_at=timezone.now() - timedelta(seconds=90))
    assert re.search(r"asked <time[^>]*>1 minute ago<", desk.client.get(here).content.decode())
    waiting = desk.client.get(here, headers={"HX-Request": "true"})
    assert "document from:#live" in waiting.content.decode()
    assert "HX-Refresh" not in waiting
    assert fetches.run_due(this_site()) == 1
    assert fetches.run_due(this_site()) == 0, "done"
    assert desk.client.get(here, headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = desk.client.get(here)
    assert "One city" in page.content.decode()
    kept = page.context["choice"].fetch_id
    again = desk.client.post("/sell/import", {"fetch": kept, "action": "choose"})
    assert again.status_code == 422
    chosen = {"fetch": kept, "action": "choose", "operation": ["POST /cities", "GET /nothing"]}
    assert desk.client.post("/sell/import", chosen).status_code == 302
    sheet = desk.seller.worksheets.get()
    assert (sheet.typed["method"], sheet.typed["title"]) == ("POST", "addCity")
    file = SimpleUploadedFile("openapi.yaml", YAML.encode())
    assert "One city" in desk.client.post("/sell/import", {"file": file}).content.decode()
    gone = desk.client.post("/sell/import", {"url": f"{upstream.url}/gone"})["Location"]
    upstream.on("/gone", answer(b"no", status=404))
    fetches.run_due(this_site())
    ended = desk.client.get(gone).content.decode()
    assert "answers with 404" in ended
    assert f"{upstream.url}/gone" in ended, "what was typed is kept"
    settings.LOOKS_HOUR_MAX = 2
    enough = desk.client.post("/sell/import", {"url": named})
    assert "enough documents" in enough.content.decode()
    Fetch.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert fetches.forget() == 3, "the file that was handed in is one of them"
    inside = desk.client.post("/sell/import", {"url": "https://169.254.169.254/openapi"})
    assert inside.status_code == 422
    assert "link-local" in inside.content.decode()


@pytest.mark.django_db
def test_documents_are_counted_before_they_are_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    settings.DOCUMENTS_HOUR_MAX = 2
    desk = open_desk("atlas", Cast.seller, "http://127.0.0.1:9")
    assert desk.client.post("/sell/import", {"text": "nothing: at all"}).status_code == 422
    shown = desk.client.post("/sell/import", {"text": YAML})
    assert shown.status_code == 200
    kept = shown.context["choice"].fetch_id

    def read(text: str) -> Any:
        raise AssertionError("it was read before it was counted")

    monkeypatch.setattr("sellers.openapi.operations.parsed", read)
    choice = {"fetch": kept, "action": "choose", "operation": "POST /cities"}
    for refused in (
        desk.client.post("/sell/import", {"text": YAML}),
        desk.client.post("/sell/import", choice),
        desk.client.get(f"/sell/import/{kept}"),
    ):
        assert refused.status_code == 429
        assert 3_590 < int(refused["Retry-After"]) <= 3_600
        assert "That is enough documents for an hour" in refused.content.decode()
    robot = program_of(desk.seller)
    for said in (
        robot("POST", "/import/read", {"document": YAML}),
        robot("POST", "/import", {"fetch": str(kept), "operations": ["POST /cities"]}),
    ):
        assert (said.status, said.document["error"]) == (429, "too_often")
        assert 3_590 < int(said.headers["Retry-After"]) <= 3_600
    assert not desk.seller.worksheets.exists()
    rival = open_desk("rival", Cast.other_seller, "http://127.0.0.1:9")
    monkeypatch.undo()
    assert rival.client.post("/sell/import", {"text": YAML}).status_code == 200


@pytest.mark.django_db
def test_one_document_of_a_seller_is_read_at_a_time(settings: Settings) -> None:
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, "http://127.0.0.1:9")
    with readings.turn(desk.seller, this_site()):
        refused = desk.client.post("/sell/import", {"text": YAML})
        assert refused.status_code == 429
        assert 1 <= int(refused["Retry-After"]) <= readings.ONE_SECONDS_MAX
        assert "Another document of yours is being read" in refused.content.decode()
    with suppress(ListingRefused), readings.turn(desk.seller, this_site()):
        operations("no document")
    assert desk.client.post("/sell/import", {"text": YAML}).status_code == 200


@pytest.mark.django_db
def test_a_large_document_is_sent_once(settings: Settings) -> None:
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, "http://127.0.0.1:9")
    # It grows by half where a form is sent without files: every " is three bytes then.
    whole = DOCUMENT_BYTES_MAX - len(YAML) - len("#\n")
    text = f"{YAML}#{chr(34) * whole}\n"
    file = SimpleUploadedFile("openapi.yaml", text.encode())
    page = desk.client.post("/sell/import", {"file": file})
    assert page.status_code == 200
    assert len(page.content) < 20_000
    choice = page.context["choice"]
    chosen = {"fetch": choice.fetch_id, "action": "choose", "operation": "POST /cities"}
    encoded = "application/x-www-form-urlencoded"
    made = desk.client.post("/sell/import", urlencode(chosen), content_type=encoded)
    assert made.status_code == 302
    assert desk.seller.worksheets.get().typed["title"] == "addCity"
    # Somebody else's is nobody's.
    other = open_desk("rival", Cast.other_seller, "http://127.0.0.1:9")
    refused = other.client.post("/sell/import", chosen)
    assert refused.status_code == 422
    assert "not kept any more" in refused.content.decode()
    assert not other.seller.worksheets.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("before", [WORKSHEETS_MAX - 2, WORKSHEETS_MAX - 1])
def test_more_than_fit_are_not_half_done(settings: Settings, before: int) -> None:
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    desk = open_desk("atlas", Cast.seller, "http://127.0.0.1:9")
    for _ in range(before):
        worksheets.start(desk.seller, {})
    keys = [each.key for each in operations(YAML)][:2]
    said = desk.client.post("/sell/import", {"text": YAML, "action": "choose", "operation": keys})
    fits = before + 2 <= WORKSHEETS_MAX
    assert said.status_code == (302 if fits else 422)
    assert desk.seller.worksheets.count() == (WORKSHEETS_MAX if fits else before)
    if not fits:
        page = said.content.decode()
        assert "That would be 2 drafts, and there is room for 1" in page
        assert page.count(" checked>") == 2, "what was ticked stays ticked"
        program = program_of(desk.seller)("POST", "/import", {"document": YAML, "operations": keys})
        assert (program.status, desk.seller.worksheets.count()) == (422, before)
