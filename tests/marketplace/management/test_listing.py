"""`manage.py listing`: an upstream goes on sale from the command line."""

import json
import shlex
from io import StringIO

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from payments.models import OpenOffer
from payments.wiring.keys import upstream_signing_key
from sellers.models import Listing
from sellers.profile.directory import find
from sellers.terms import Terms
from tests.fixtures.upstream import answer, hang_up, raw, redirect

WALLET = "0x00000000000000000000000000000000DeaDBeef"
NETWORK = "eip155:84532"


@pytest.fixture
def run(storefront, settings):
    """Run the command against the scripted upstream; returns what it printed."""
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]

    def run(*arguments):
        printed = StringIO()
        call_command("listing", *arguments, stdout=printed)
        return printed.getvalue()

    return run


@pytest.fixture
def add(run, upstream):
    def add(*arguments, path="/weather", slug="weather", price="0.01"):
        where = ("--seller", "acme", "--slug", slug, "--price", price, "--pay-to", WALLET)
        return run("add", upstream.url + path, *where, *arguments)

    return add


def stored(path="acme/weather"):
    return Terms.from_json(find(path).live_revision.terms)


def test_a_listing_is_on_sale_after_one_command(add, upstream):
    upstream.on("/weather", answer(b'{"celsius":21}'))
    printed = add("--example", "city=Oslo&days=3", "--tag", "weather", "--keep-days", "9")
    assert "acme/weather  live  $0.01 on eip155:84532" in printed
    assert "/call/acme/weather?city=Oslo&days=3" in printed
    terms = stored()
    assert terms.sample.body == b'{"celsius":21}'
    assert terms.example_input == {"query": {"city": "Oslo", "days": "3"}}
    assert (terms.title, terms.tags, terms.answer_keep_days) == ("Weather", ("weather",), 9)
    offer = OpenOffer.objects.get()
    assert (offer.network, offer.pay_to, int(offer.amount_atomic)) == (NETWORK, WALLET, 10_000)


def test_the_upstream_is_asked_once_the_way_a_buyer_would(add, upstream, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("s3cret\n")
    add(
        *("--method", "POST", "--example", '{"text":"hello"}'),
        *("--header", f"X-Api-Key: @{secret}", "--header", "X-Plain: yes"),
    )
    (call,) = upstream.calls
    assert (call.method, call.body) == ("POST", b'{"text":"hello"}')
    assert call.header("Content-Type") == "application/json"
    assert (call.header("X-Api-Key"), call.header("X-Plain")) == ("s3cret", "yes")
    assert stored().secret_headers == ("x-api-key", "x-plain")
    assert "s3cret" not in json.dumps(stored().to_json())


def test_path_parameters_and_a_schema_are_taken(add, upstream, tmp_path):
    schema = tmp_path / "schema.json"
    query = {"properties": {"amount": {"type": "number"}}, "required": ["amount"]}
    schema.write_text(json.dumps({"properties": {"query": query}}))
    add(
        *("--path-param", "from=a b", "--path-param", "to=km"),
        *("--example", "amount=2.5", "--schema", str(schema)),
        path="/convert/{from}/{to}",
    )
    assert upstream.calls[0].target == "/convert/a%20b/km?amount=2.5"
    assert stored().example_input == {
        "path": {"from": "a b", "to": "km"},
        "query": {"amount": 2.5},
    }


def test_what_to_buy_is_printed_ready_for_a_shell(add, upstream, tmp_path):
    printed = add("--method", "POST", "--example", '{"text":"it\'s"}')
    assert shlex.split(printed.splitlines()[-1])[-2:] == ["--json", '{"text":"it\'s"}']
    schema = tmp_path / "schema.json"
    body = {"type": "string", "contentMediaType": "text/plain"}
    schema.write_text(json.dumps({"properties": {"body": body}}))
    words = ("--method", "PUT", "--example", '{"body":"[1]"}', "--schema", str(schema))
    printed = add(*words, slug="text")
    assert shlex.split(printed.splitlines()[-1])[-4:] == ["--method", "PUT", "--data", "[1]"]
    assert upstream.calls[-1].header("Content-Type") == "text/plain"
    assert upstream.calls[-1].body == b"[1]"


def test_a_given_answer_spares_the_call(add, upstream, tmp_path):
    picture = tmp_path / "sample.png"
    picture.write_bytes(b"\x89PNG\x00")
    add("--answer", f"@{picture}", "--answer-type", "image/png")
    assert upstream.calls == []
    assert (stored().mime_type, stored().sample.body) == ("image/png", b"\x89PNG\x00")


def test_json_is_printed_for_programs(add, run):
    entry = json.loads(add("--json"))
    assert entry["path"] == "acme/weather"
    assert entry["state"] == "live"
    assert entry["prices"] == [{"price": "$0.01", "network": NETWORK, "pay_to": WALLET}]
    assert entry["url"].endswith("/call/acme/weather")
    assert bytes.fromhex(entry["revision"]) == bytes(find("acme/weather").live_revision.hash)
    assert json.loads(run("list", "--json")) == [entry]


def test_a_listing_is_looked_after(add, run):
    add()
    assert "paused" in run("pause", "acme/weather")
    assert "live" in run("resume", "acme/weather")
    assert "reason: too slow" in run("suspend", "acme/weather", "--reason", "too slow")
    assert "paused" in run("restore", "acme/weather")
    run("resume", "acme/weather")
    assert "acme/weather  paused" in run("revoke-payout", WALLET.lower())
    assert "retired" in run("retire", "acme/weather")
    with pytest.raises(CommandError, match="acme/weather is retired"):
        run("resume", "acme/weather")
    with pytest.raises(CommandError, match="slug"):
        add()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (answer(status=500), "status 500"),
        (redirect("https://example.com/"), "status 302"),
        (hang_up(), "no answer"),
        (answer(b"{"), "no JSON"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhalf"), "Content-Length"),
        (answer(b"x" * 70_000, content_type="text/plain"), "too_large"),
    ],
)
def test_an_upstream_that_gives_no_good_answer_is_not_published(add, upstream, behaviour, words):
    upstream.on("/weather", behaviour)
    with pytest.raises(CommandError, match=words):
        add()
    assert not OpenOffer.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--example", "{"), "neither JSON"),
        (("--header", "X-Api-Key"), "Name: value"),
        (("--header", "X-Api-Key: @/nowhere"), "cannot be read"),
        (("--forward-header", "Cookie"), "never passed on"),
        (("--schema", "/nowhere"), "cannot be read"),
        (("--network", "eip155:1"), "this site takes payments on"),
        (("--release", "sometimes"), "hold, instant, upfront"),
        (("--stream",), "only with release upfront"),
        (("--release", "instant", "--price", "5"), "up to"),
        (("--price", "0.00001"), "at least"),
        (("--pay-to", "0x12"), "wallet"),
        (("--timeout", "9999"), "seconds"),
    ],
)
def test_a_mistake_is_named(add, arguments, words):
    with pytest.raises(CommandError, match=words):
        add(*arguments)
    assert not OpenOffer.objects.exists()


@pytest.mark.parametrize("name", ["Host", "Expect", "X_Souk_Payer"])
def test_a_header_that_no_call_carries_is_not_sent_by_the_look_either(add, upstream, name):
    with pytest.raises(CommandError, match="written by the marketplace itself"):
        add("--header", f"{name}: forged")
    assert upstream.calls == []


@pytest.mark.parametrize("address", ["http://10.0.0.1/x", "https://127.0.0.1/", "nonsense", "/x"])
def test_an_address_that_may_not_be_called_is_not_called(run, upstream, address):
    with pytest.raises(CommandError, match="upstream_url"):
        run(
            *("add", address, "--seller", "acme", "--slug", "x"),
            *("--price", "1", "--pay-to", WALLET),
        )
    assert upstream.calls == []


def test_an_example_cannot_lead_out_of_the_listing(add):
    with pytest.raises(CommandError, match="step up"):
        add("--path-param", "city=..", path="/v1/{city}")


def test_secrets_need_a_key(add, settings):
    settings.SELLER_SECRETS_KEYS = []
    with pytest.raises(CommandError, match="SELLER_SECRETS_KEYS"):
        add("--header", "X-Key: a")
    assert not OpenOffer.objects.exists()


def test_the_key_shown_is_the_one_that_signs_the_calls(add, run):
    add("--answer", "{}")
    listing_id = str(find("acme/weather").pk)
    assert bytes.fromhex(run("key", "acme/weather")) == upstream_signing_key(listing_id)
    assert json.loads(run("key", "acme/weather", "--json"))["path"] == "acme/weather"


def test_a_listing_nobody_made_is_not_found(run):
    with pytest.raises(CommandError, match="no listing acme/none"):
        run("pause", "acme/none")
    with pytest.raises(CommandError, match="wallet"):
        run("revoke-payout", "acme")


DOCUMENT = """
openapi: 3.1.0
info: {title: Weather, version: "1"}
paths:
  /weather:
    get:
      summary: City weather
      description: The weather of a city now.
      parameters: [{name: city, in: query, required: true, example: Oslo, schema: {type: string}}]
      responses: {"200": {description: ok, content: {application/json: {example: {celsius: 4}}}}}
  /stations/{id}:
    get:
      summary: One station
      parameters: [{name: id, in: path, required: true, example: 7, schema: {type: integer}}]
      responses: {"200": {description: ok}}
"""


@pytest.fixture
def create(run, upstream, tmp_path):
    """Drafts of a document's operations."""
    document = tmp_path / "openapi.yaml"
    document.write_text(DOCUMENT)

    def create(*arguments):
        told = ("--from", str(document), "--seller", "acme", "--price", "0.01", "--pay-to", WALLET)
        return run("create", *told, "--base-url", upstream.url, *arguments)

    return create


def test_a_document_becomes_drafts(create, upstream):
    upstream.on("/stations/7", answer(b'{"name":"Blindern"}'))
    printed = create()
    assert "acme/city-weather  draft" in printed
    assert "acme/one-station  draft" in printed
    assert [call.path for call in upstream.calls] == ["/stations/7"], "what has no example is asked"
    assert not OpenOffer.objects.exists()
    drafted = Terms.from_json(find("acme/one-station").proposed_revision.terms)
    assert drafted.sample.body == b'{"name":"Blindern"}'


def test_a_chosen_operation_is_published(create, upstream):
    create("--operation", "GET /weather", "--publish", "--header", "X-Key: secret")
    terms = stored("acme/city-weather")
    assert (terms.method, terms.upstream_url) == ("GET", f"{upstream.url}/weather")
    assert (terms.title, terms.secret_headers) == ("City weather", ("x-key",))
    assert terms.example_input == {"query": {"city": "Oslo"}}
    assert upstream.calls == []
    assert OpenOffer.objects.count() == 1


def test_a_document_is_taken_whole_or_not_at_all(create, upstream):
    upstream.on("/stations/7", hang_up())
    with pytest.raises(CommandError, match="no answer"):
        create()
    with pytest.raises(CommandError, match="POST /weather is none of GET /weather"):
        create("--operation", "POST /weather")
    assert not Listing.objects.exists()


def test_an_operation_without_an_address_says_how_to_give_one(create):
    with pytest.raises(CommandError, match="GET /weather and 1 more have no address: no server"):
        create("--base-url", "")
    with pytest.raises(CommandError, match="say --base-url https://"):
        create("--base-url", "api.example", "--operation", "GET /weather")
    assert not Listing.objects.exists()


def test_a_document_that_is_not_there_says_so(create):
    with pytest.raises(CommandError, match="cannot be read"):
        create("--from", "/nowhere/openapi.yaml")
