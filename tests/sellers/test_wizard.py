"""From an address to a listing in review, step by step, with nothing typed ever lost."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from sellers.drafting.typed import typed_input
from sellers.models import Listing, Look, UpstreamSecret
from sellers.secrets import Vault
from sellers.terms import Terms
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, TOKEN, WORDS, Desk, open_desk, value

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    return open_desk("atlas", Cast.seller, upstream.url)


def test_an_address_and_a_wallet_become_a_listing_in_review(
    desk: Desk, upstream: ScriptedUpstream
) -> None:
    upstream.on("/weather", answer(b'{"celsius":21}'))
    listing = desk.submitted()
    assert (listing.state, listing.slug) == (Listing.State.IN_REVIEW, "weather")
    assert listing.proposed_revision is not None
    terms = Terms.from_json(listing.proposed_revision.terms)
    assert terms.upstream_url == f"{upstream.url}/weather"
    assert terms.sample.body == b'{"celsius":21}'
    assert terms.output_schema["required"] == ["celsius"]
    assert [(p.amount_atomic, p.pay_to) for p in terms.prices] == [(10_000, Cast.seller.address)]
    assert not desk.seller.worksheets.exists()
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert "in review" in page
    assert "City weather" in desk.client.get("/sell/").content.decode()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (f"/sell/drafts/{UUID(int=1)}/review", "You have no such draft"),
        ("/sell/listings/nothing/", "You have no such listing"),
        (f"/sell/health/{UUID(int=1)}", "You have no such listing"),
    ],
)
def test_what_is_gone_says_so_and_where_the_others_are(desk: Desk, address: str, said: str) -> None:
    page = desk.client.get(address, headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert said in page.content.decode()
    assert '<a class="button" href="/sell/">' in page.content.decode()


def test_every_step_lacks_something_until_it_is_done(desk: Desk) -> None:
    sheet = desk.start()
    for slug in ("endpoint", "shape", "words", "price", "payout"):
        assert desk.step(sheet, slug).status_code == 422, slug
    review = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert review.status_code == 422
    assert not Listing.objects.exists()


@pytest.mark.parametrize(
    ("slug", "typed", "said"),
    [
        ("endpoint", {"upstream_url": "http://10.0.0.1/x"}, "Only https://"),
        ("endpoint", {"upstream_url": "https://169.254.169.254/"}, "link-local"),
        ("endpoint", {"upstream_url": "https://0x7f.1/"}, "neither a host name"),
        ("endpoint", {"upstream_url": "https://me:pw@api.example/"}, "user name"),
        ("endpoint", {"upstream_url": "https://a.example/", "forward_headers": "a b"}, "letters"),
        (
            "endpoint",
            {"upstream_url": "https://a.example/", "forward_headers": "x-trace, Cookie"},
            "Cookie is never passed on",
        ),
        ("words", {"title": "x", "description": "y", "slug": "z"}, "At least 3"),
        ("words", {"title": "Good title", "description": "Good", "slug": "No Good"}, "a-z"),
        ("price", {f"price:{TOKEN}": "0.0000001"}, "At least"),
        ("price", {f"price:{TOKEN}": "a dollar"}, "decimal number"),
        ("delivery", {"release": "hold", "stream": "on"}, "Only with release upfront"),
        ("delivery", {"release": "hold", "total_seconds": "soon"}, "number of seconds"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_stays_as_it_was_typed(
    desk: Desk, slug: str, typed: dict[str, str], said: str
) -> None:
    sheet = desk.start()
    page = desk.step(sheet, slug, **typed)
    text = page.content.decode()
    assert page.status_code == 422
    assert said in text
    assert 'aria-invalid="true"' in text
    sheet.refresh_from_db()
    for name, wrong in typed.items():
        assert sheet.typed[name] == wrong
        assert wrong in text


def test_two_tabs_never_overwrite_each_other_silently(desk: Desk) -> None:
    sheet = desk.start()
    path = f"/sell/drafts/{sheet.pk}/words"
    first, second = (desk.client.get(path).content.decode() for _ in range(2))

    def save(page: str, **typed: str) -> tuple[int, str]:
        hidden = {name: value(page, name) for name in ("version", "tab")}
        answer = desk.client.post(f"{path}/autosave", {**hidden, **typed})
        return answer.status_code, answer.content.decode()

    assert save(first, title="Of the first tab")[0] == 200
    assert save(first, title="Of the first tab, still")[0] == 200
    status, said = save(second, title="Of the second tab")
    assert status == 409
    assert "Of the first tab, still" in said
    assert "Of the second tab" in said
    assert save(second, description="Another field is no conflict")[0] == 200
    sheet.refresh_from_db()
    assert sheet.typed["title"] == "Of the first tab, still"
    # The whole form, without a script: the page comes back with both texts, and a way on.
    hidden = {name: value(second, name) for name in ("version", "tab")}
    page = desk.client.post(path, {**hidden, "title": "Of the second tab", "action": "save"})
    text = page.content.decode()
    assert page.status_code == 409
    assert 'value="Of the second tab"' in text
    assert "Of the first tab, still" in text
    hidden = {name: value(text, name) for name in ("version", "tab")}
    desk.client.post(path, {**hidden, "title": "Of the second tab", "action": "save"})
    sheet.refresh_from_db()
    assert sheet.typed["title"] == "Of the second tab"


def test_a_look_shows_each_step_and_what_to_do(desk: Desk, upstream: ScriptedUpstream) -> None:
    upstream.on("/private", answer(b"no", status=401))
    sheet = desk.start()
    url = f"{upstream.url}/private"
    desk.step(sheet, "endpoint", "look", upstream_url=url, method="GET")
    waiting = desk.client.get(f"/sell/drafts/{sheet.pk}/look", headers={"HX-Request": "true"})
    assert "hx-get" in waiting.content.decode()
    desk.look()
    page = desk.client.get(f"/sell/drafts/{sheet.pk}/look", headers={"HX-Request": "true"})
    text = page.content.decode()
    assert "hx-get" not in text
    for word in ("DNS", "Address", "Status", "401", "secret headers"):
        assert word in text
    assert Look.objects.get().state == Look.State.BAD


def test_a_look_that_leads_inside_is_refused_with_the_reason(desk: Desk) -> None:
    sheet = desk.start()
    url = "https://inside.example/x"
    with patch("payments.egress.clients._addresses", return_value=("127.0.0.1",)):
        desk.step(sheet, "endpoint", "look", upstream_url=url, method="GET")
        desk.look()
    (last,) = Look.objects.get().steps
    assert last["name"] == "Address"
    assert "leads to an address that cannot be called" in last["said"]


def test_a_secret_reaches_the_upstream_and_nothing_else(
    desk: Desk, upstream: ScriptedUpstream, settings: Settings
) -> None:
    canary = "canary-7f3a9c"
    upstream.on("/weather", answer(b'{"celsius":21}'))
    sheet = desk.start()
    url = f"{upstream.url}/weather"
    desk.step(sheet, "endpoint", "secret", upstream_url=url, method="GET",
              secret_name="X-Api-Key", secret_value=canary)  # fmt: skip
    desk.step(sheet, "endpoint", "look", upstream_url=url, method="GET")
    desk.look()
    assert [call.header("x-api-key") for call in upstream.calls] == [canary]
    desk.prove()
    desk.fill(sheet)
    pages = [
        desk.client.get(f"/sell/drafts/{sheet.pk}/{slug}").content.decode()
        for slug in ("endpoint", "shape", "words", "price", "payout", "delivery", "review")
    ]
    sheet.refresh_from_db()
    assert canary not in "".join(pages)
    assert canary not in str(sheet.typed) + str(sheet.sealed)
    desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    kept = UpstreamSecret.objects.get()
    vault = Vault(settings.SELLER_SECRETS_KEYS)
    assert vault.open(kept.listing_id, kept.name, bytes(kept.sealed)) == canary
    assert canary not in desk.client.get("/sell/listings/weather/").content.decode()


@pytest.mark.parametrize("action", ["next", "save", "look"])
def test_a_secret_is_kept_without_its_own_button(
    desk: Desk, upstream: ScriptedUpstream, action: str
) -> None:
    upstream.on("/weather", answer(b'{"celsius":21}'))
    sheet = desk.start()
    here = {"upstream_url": f"{upstream.url}/weather", "method": "GET"}
    typed = {"secret_name": "X-Api-Key", "secret_value": "canary-7f3a9c"}
    for half in typed:
        refused = desk.step(sheet, "endpoint", action, **here, **{half: typed[half]})
        assert refused.status_code == 422
        assert ('value="X-Api-Key"' in refused.content.decode()) is (half == "secret_name")
    went = desk.step(sheet, "endpoint", action, **here, **typed)
    assert went["Location"].endswith("/shape" if action == "next" else "/endpoint")
    desk.step(sheet, "endpoint", "look", **here)
    desk.look()
    assert {call.header("x-api-key") for call in upstream.calls} == {"canary-7f3a9c"}


def test_what_was_kept_is_not_asked_for_again(desk: Desk) -> None:
    sheet = desk.start()
    typed = {"secret_name": "x-api-key", "secret_value": "canary-7f3a9c"}
    refused = desk.step(sheet, "endpoint", upstream_url="not a page", method="GET", **typed)
    assert refused.status_code == 422
    assert 'value="x-api-key"' not in refused.content.decode()
    assert "drop-secret:x-api-key" in refused.content.decode()


@pytest.mark.parametrize("name", ["Host", "x_souk_payer", "Content-Type"])
def test_a_secret_header_that_no_call_carries_is_not_kept(desk: Desk, name: str) -> None:
    sheet = desk.start()
    typed = {"secret_name": name, "secret_value": "canary-7f3a9c"}
    page = desk.step(sheet, "endpoint", "secret", upstream_url="https://api.example/x", **typed)
    assert page.status_code == 422
    assert "is written by the marketplace itself" in page.content.decode()
    sheet.refresh_from_db()
    assert sheet.sealed == {}
    sheet.typed |= {"secret_headers": [name.lower()]}  # of a listing older than the rule
    sheet.sealed, sheet.sealed_for = {name.lower(): "x"}, "https://api.example/x"
    sheet.save()
    page = desk.step(sheet, "endpoint", upstream_url="https://api.example/x", method="GET")
    assert page.status_code == 422
    assert "is written by the marketplace itself" in page.content.decode()


def test_a_secret_is_meant_for_the_host_it_was_given_for(
    desk: Desk, upstream: ScriptedUpstream
) -> None:
    upstream.on("/weather", answer(b'{"celsius":21}'))
    sheet = desk.start()
    desk.step(sheet, "endpoint", "secret", upstream_url="https://api.example/x", method="GET",
              secret_name="x-api-key", secret_value="canary-7f3a9c")  # fmt: skip
    moved = desk.step(sheet, "endpoint", upstream_url=f"{upstream.url}/weather", method="GET")
    assert moved.status_code == 422
    assert "Give a value for x-api-key" in moved.content.decode()
    desk.step(sheet, "endpoint", "look", upstream_url=f"{upstream.url}/weather", method="GET")
    desk.look()
    assert [call.header("x-api-key") for call in upstream.calls] == [None]


def test_a_look_that_no_worker_survives_is_given_up(desk: Desk, upstream: ScriptedUpstream) -> None:
    sheet = desk.start()
    desk.step(sheet, "endpoint", "look", upstream_url=f"{upstream.url}/weather", method="GET")
    Look.objects.update(created_at=timezone.now() - timedelta(hours=1))
    desk.look()
    assert Look.objects.get().state == Look.State.BAD
    assert upstream.calls == []


def test_parameters_make_the_schema_and_the_example_call(
    desk: Desk, upstream: ScriptedUpstream
) -> None:
    upstream.on("/cities/Oslo", answer(b'{"days":3}'))
    sheet = desk.start()
    url = f"{upstream.url}/cities/{{city}}"
    desk.step(sheet, "endpoint", upstream_url=url, method="GET")
    rows = {
        "rows": "1", "input_mode": "rows",
        "row-0-name": "city", "row-0-in": "path", "row-0-type": "string", "row-0-example": "Oslo",
        "row-1-name": "days", "row-1-type": "integer", "row-1-example": "3",
        "row-1-required": "on", "row-1-about": "How many days",
    }  # fmt: skip
    desk.step(sheet, "shape", "look", **rows)
    desk.look()
    assert [call.target for call in upstream.calls] == ["/cities/Oslo?days=3"]
    piece = f"/sell/drafts/{sheet.pk}/look?at=shape"
    found = desk.client.get(piece, headers={"HX-Request": "true"}).content.decode()
    assert "Use it as the example answer" in found
    assert desk.step(sheet, "shape", "as-json", **rows).status_code == 302
    sheet.refresh_from_db()
    assert '"days"' in sheet.typed["input_schema"]
    page = desk.client.get(f"/sell/drafts/{sheet.pk}/shape").content.decode()
    assert "&quot;maximum&quot;" not in page
    schema = sheet.typed["input_schema"]
    desk.step(sheet, "shape", "as-rows", input_mode="json", input_schema=schema,
              example=sheet.typed["example"])  # fmt: skip
    sheet.refresh_from_db()
    assert [row["name"] for row in sheet.typed["rows"]] == ["city", "days"]
    assert sheet.typed["rows"][1]["about"] == "How many days"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"properties": {"query": {"$ref": "https://inside.example/s.json"}}}', "$ref"),
        ('{"type": "object", "properties": {"query": ', "no JSON"),
        ('{"properties": {"body": {"type": "object"}}}', "has no body here"),
        ('{"properties": {"query": {"type": "object", "properties": {"demo": {}}}}}', "demo"),
        ("[" * 60 + "]" * 60, "a JSON object"),
    ],
)
def test_a_schema_that_cannot_be_published_stays_as_it_was_typed(
    desk: Desk, schema: str, said: str
) -> None:
    sheet = desk.start()
    desk.step(sheet, "endpoint", "save", upstream_url="https://api.example/", method="GET")
    typed = {"input_mode": "json", "input_schema": schema, "sample_body": '{"ok":true}'}
    page = desk.step(sheet, "shape", **typed)
    assert page.status_code == 422
    assert said in page.content.decode()
    sheet.refresh_from_db()
    assert sheet.typed["input_schema"] == schema


def test_fields_of_a_body_are_sent_as_json(desk: Desk, upstream: ScriptedUpstream) -> None:
    upstream.on("/score", answer(b'{"score":0.5}'))
    sheet = desk.start()
    desk.step(sheet, "endpoint", "save", upstream_url=f"{upstream.url}/score", method="POST")
    rows = {
        "rows": "1", "input_mode": "rows", "row-0-name": "text", "row-0-type": "string",
        "row-0-example": "good", "row-0-required": "on", "row-1-name": "strict",
        "row-1-type": "boolean", "row-1-example": "true",
    }  # fmt: skip
    desk.step(sheet, "shape", "look", **rows)
    desk.look()
    assert [(call.method, call.body) for call in upstream.calls] == [
        ("POST", b'{"text":"good","strict":true}')
    ]
    page = desk.client.get(f"/sell/drafts/{sheet.pk}/shape").content.decode()
    hidden = {name: value(page, name) for name in ("version", "tab")}
    sent = {**hidden, **rows, "action": "next", "sample_body": '{"score":0.5}'}
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/shape", sent).status_code == 302


PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.mark.parametrize("action", ["next", "save"])
def test_a_logo_is_kept_without_its_own_button(desk: Desk, action: str) -> None:
    sheet = desk.start()
    for picture, title, status, kept in (
        (b"<svg/>", "Weather", 422, False), (PNG, "", 422 if action == "next" else 302, True),
    ):  # fmt: skip
        given = {**WORDS, "title": title, "logo_file": SimpleUploadedFile("logo.png", picture)}
        assert desk.step(sheet, "words", action, slug="weather", **given).status_code == status
        sheet.refresh_from_db()
        assert bool(sheet.typed.get("logo")) is kept


def test_a_logo_is_a_picture_and_stays_with_what_was_approved(
    desk: Desk, upstream: ScriptedUpstream
) -> None:
    upstream.on("/weather", answer(b'{"celsius":21}'))
    sheet = desk.start()

    def give(picture: bytes, name: str) -> Any:
        file = SimpleUploadedFile(name, picture, content_type="image/png")
        return desk.step(sheet, "words", "logo", logo_file=file, title="Kept")

    svg = give(b"<svg onload='alert(1)' xmlns='http://www.w3.org/2000/svg'/>", "logo.png")
    assert (svg.status_code, "PNG, JPEG or WebP picture" in svg.content.decode()) == (422, True)
    assert give(PNG + bytes(65_536), "big.png").status_code == 422
    assert give(PNG, "logo.svg").status_code == 302
    sheet.refresh_from_db()
    assert sheet.typed["title"] == "Kept"
    shown = Client().get(f"/logo/{sheet.typed['logo']}")
    assert (shown.content, shown["Content-Type"]) == (PNG, "image/png")
    assert shown["Content-Security-Policy"].startswith("sandbox")
    assert shown["X-Content-Type-Options"] == "nosniff"
    desk.prove()
    desk.fill(sheet)
    desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    revision = desk.seller.listings.get().proposed_revision
    assert revision is not None
    assert revision.terms["logo"] == sheet.typed["logo"]
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert f"/logo/{sheet.typed['logo']}" in page


def test_another_sellers_draft_is_as_good_as_none(desk: Desk) -> None:
    sheet = desk.start(upstream_url="https://api.example/")
    other = open_desk("quill", Cast.other_seller, desk.upstream_url)
    for path in ("", "endpoint", "review", "look"):
        assert other.client.get(f"/sell/drafts/{sheet.pk}/{path}").status_code == 404, path
    for path in ("endpoint", "endpoint/autosave", "review", "discard"):
        assert other.client.post(f"/sell/drafts/{sheet.pk}/{path}").status_code == 404, path
    sheet.refresh_from_db()
    assert sheet.typed == {"upstream_url": "https://api.example/"}


def test_hostile_texts_stay_texts(desk: Desk, upstream: ScriptedUpstream) -> None:
    upstream.on("/weather", answer(b'{"x":"<script>alert(1)</script>"}'))
    sheet = desk.start()
    mark = "<img src=x onerror=alert(1)>\u202e"
    desk.step(sheet, "endpoint", "look", upstream_url=f"{upstream.url}/weather", method="GET")
    desk.look()
    desk.step(sheet, "words", title=mark, description=mark, slug="x", tags=mark)
    for slug in ("endpoint", "shape", "words", "review"):
        page = desk.client.get(f"/sell/drafts/{sheet.pk}/{slug}").content.decode()
        assert "<img src=x" not in page
        assert "<script>alert" not in page
    assert "<img src=x" not in desk.client.get("/sell/").content.decode()


def test_text_beyond_all_measure_is_refused_and_kept_on_the_page(desk: Desk) -> None:
    sheet = desk.start()
    long = "x" * 100_001
    page = desk.step(sheet, "words", title="Title", description=long, slug="x")
    assert page.status_code == 422
    assert long in page.content.decode()


ROWS_CAN_SAY = {
    "type": "object",
    "properties": {"days": {"type": "integer"}},
    "required": [],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, ""),
        ({"properties": {"days": {"type": "integer", "maximum": 7}}}, "query.days has maximum"),
        ({"properties": {"days": {"type": "array"}}}, "query.days is no text"),
        ({"additionalProperties": True}, "query takes other names"),
        ({"minProperties": 1}, "query has minProperties"),
        ({"required": ["city"]}, "query needs what it does not name"),
    ],
)
def test_a_schema_that_rows_cannot_say_is_left_alone(
    desk: Desk, query: dict[str, Any], said: str
) -> None:
    schema = json.dumps({"properties": {"query": ROWS_CAN_SAY | query}})
    typed = {"input_mode": "json", "input_schema": schema, "example": '{"query": {"days": 3}}'}
    sheet = desk.start()
    page = desk.step(sheet, "shape", "as-rows", **typed)
    sheet.refresh_from_db()
    if not said:
        assert page.status_code == 302
        assert [row["example"] for row in sheet.typed["rows"]] == ["3"]
        return
    assert page.status_code == 422
    assert f"Rows cannot say this: {said}" in page.content.decode()
    assert {name: sheet.typed[name] for name in typed} == typed


def test_a_name_in_two_places_is_lost_in_neither(desk: Desk) -> None:
    sheet = desk.start()
    desk.step(sheet, "endpoint", "save", upstream_url=f"{desk.upstream_url}/x/{{id}}", method="GET")
    said = {
        "properties": {
            where: {"type": "object", "properties": {"id": {"type": kind}}, "required": ["id"],
                    "additionalProperties": False}
            for where, kind in (("path", "string"), ("query", "integer"))
        }
    }  # fmt: skip
    for schema in (said, {"properties": {"query": said["properties"]["query"]}}):
        example = {where: {"id": 3} for where in schema["properties"]}
        typed = {
            "input_mode": "json", "input_schema": json.dumps(schema),
            "example": json.dumps(example),
        }  # fmt: skip
        page = desk.step(sheet, "shape", "as-rows", **typed)
        assert page.status_code == 422
        assert "Rows cannot say this: id is in the path and in the query" in page.content.decode()
        sheet.refresh_from_db()
        assert {name: sheet.typed[name] for name in typed} == typed
        assert typed_input(schema, example, sheet.typed["upstream_url"])["input_mode"] == "json"


def test_a_row_is_removed_by_its_place_and_no_other_goes_with_it(desk: Desk) -> None:
    sheet = desk.start()
    desk.step(sheet, "endpoint", "save", upstream_url=f"{desk.upstream_url}/x/{{id}}", method="GET")
    rows = {
        "rows": "1", "input_mode": "rows",
        "row-0-name": "id", "row-0-in": "path", "row-0-example": "Oslo",
        "row-1-name": "", "row-1-about": "first",
        "row-2-name": "id", "row-2-about": "second",
        "row-3-name": "", "row-3-about": "third",
    }  # fmt: skip

    def kept() -> list[str]:
        sheet.refresh_from_db()
        return [row["about"] for row in sheet.typed["rows"] if row.get("about")]

    page = desk.step(sheet, "shape", "next", **rows)
    assert "Id is there twice" in page.content.decode()
    assert 'value="second"' in page.content.decode()
    for odd in ("id", "9", "9" * 5_000, ""):
        desk.step(sheet, "shape", f"drop-row:{odd}", **rows)
        assert kept() == ["first", "second", "third"]
    page = desk.client.get(f"/sell/drafts/{sheet.pk}/shape").content.decode()
    assert page.count(">Remove") == 3
    assert 'value="second"' in page
    desk.step(sheet, "shape", "drop-row:3", **rows)
    assert kept() == ["first", "second"]
    desk.step(sheet, "shape", "drop-row:2", **rows)
    assert kept() == ["first", "third"]
    assert sheet.typed["rows"][0]["example"] == "Oslo"


@pytest.mark.parametrize(
    ("action", "field", "text", "said"),
    [
        ("look", "example", '{"query": "city=Oslo"}', "The query is an object"),
        ("look", "example", '{"path": ["Oslo"]}', "The path is an object"),
        ("as-rows", "input_schema", "[1]", "a JSON object"),
        ("as-rows", "input_schema", '{"properties": []}', "properties is a JSON object"),
        ("as-rows", "input_schema", '{"properties": {"query": true}}', "query is no object"),
        ("as-rows", "example", '{"body": [1]}', "the example has body"),
    ],
)
def test_a_slip_in_what_is_typed_is_named_at_its_field(
    desk: Desk, action: str, field: str, text: str, said: str
) -> None:
    sheet = desk.start()
    desk.step(sheet, "endpoint", "save", upstream_url=f"{desk.upstream_url}/x", method="GET")
    page = desk.step(sheet, "shape", action, input_mode="json", **{field: text})
    assert page.status_code == 422
    assert said in page.content.decode()
    sheet.refresh_from_db()
    assert sheet.typed[field] == text
    assert sheet.typed["input_mode"] == "json"
