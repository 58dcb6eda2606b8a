"""The demo's upstream: true to its own documents, and closed to calls from elsewhere."""

import hashlib
import hmac
import struct
import time
import zlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer
from jsonschema import Draft202012Validator

from marketplace.calls.forwarding import Answered, Upstream, forward
from marketplace.embedded.upstream.app import make_app
from marketplace.embedded.upstream.cities import look_up
from marketplace.embedded.upstream.endpoints import CONVERT, ENDPOINTS, Endpoint
from marketplace.embedded.upstream.pictures import draw_identicon
from marketplace.embedded.upstream.questions import BadInput
from marketplace.embedded.upstream.tools import convert, digest_text, score_records
from payments.egress import EgressRule, open_client, parse_allowance

KEY = b"the listing's signing key"


@pytest.fixture
async def open_door() -> AsyncIterator[Any]:
    async with TestClient(TestServer(make_app())) as client:
        yield client


@pytest.fixture
async def signed_only() -> AsyncIterator[Any]:
    async with TestClient(TestServer(make_app(signing_keys=[b"another", KEY]))) as client:
        yield client


async def ask(client: Any, endpoint: Endpoint) -> ClientResponse:
    asked = endpoint["example_input"]
    path = endpoint["path"].format(**asked.get("path", {}))
    query = f"?{urlencode(asked['query'])}" if "query" in asked else ""
    response: ClientResponse = await client.request(
        endpoint["method"], path + query, json=asked.get("body")
    )
    return response


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint["title"])
async def test_it_answers_each_example_as_documented(open_door: Any, endpoint: Endpoint) -> None:
    response = await ask(open_door, endpoint)
    sample = endpoint["sample"]
    assert (response.status, response.content_type) == (200, sample["content_type"])
    assert await response.read() == sample["body"]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint["title"])
def test_each_example_keeps_its_own_schemas(endpoint: Endpoint) -> None:
    Draft202012Validator(endpoint["input_schema"]).validate(endpoint["example_input"])
    if endpoint["sample"]["content_type"] == "application/json":
        answer = orjson.loads(endpoint["sample"]["body"])
        Draft202012Validator(endpoint["output_schema"]).validate(answer)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/lookup", None),
        ("GET", "/lookup?city=Atlantis", None),
        ("POST", "/text", b"not json"),
        ("POST", "/text", b"[]"),
        ("POST", "/text", b'{"text": " "}'),
        ("POST", "/text", b'{"text": "x", "sentences": 11}'),
        ("POST", "/score", b'{"records": []}'),
        ("POST", "/score", b'{"records": [1]}'),
        ("POST", "/score", b'{"records": "many"}'),
        ("GET", "/report?monthly=nan&years=nan&return=0&volatility=0", None),
        ("GET", "/report?monthly=100&years=41&return=0&volatility=0", None),
        ("GET", "/convert/m/kg?amount=1", None),
        ("GET", "/convert/m/parsec?amount=1", None),
        ("GET", "/convert/m/km?amount=inf", None),
        ("GET", "/identicon", None),
    ],
)
async def test_it_says_what_is_wrong_with_a_question(
    open_door: Any, method: str, path: str, body: bytes | None
) -> None:
    response = await open_door.request(method, path, data=body)
    assert response.status == 422
    assert (await response.json())["error"]


async def test_it_serves_only_signed_calls_when_given_keys(signed_only: Any) -> None:
    assert (await signed_only.get("/lookup?city=Oslo")).status == 401
    assert (await signed_only.get("/health")).status == 200


async def test_a_forwarded_call_passes_its_check(signed_only: Any) -> None:
    listing = Upstream(
        url_template=str(signed_only.make_url(CONVERT["path"]))
        .replace("%7B", "{")
        .replace("%7D", "}"),
        method="GET",
        secret_headers={},
        forward_headers=frozenset(),
        connect_seconds=5,
        first_byte_seconds=10,
        total_seconds=10,
        answer_bytes_max=100_000,
    )
    async with open_client(EgressRule((parse_allowance("127.0.0.0/8:*"),))) as client:
        outcomes = [
            await forward(
                client,
                listing,
                path_values={"from": "mi", "to": "km"},
                query=[("amount", "26.2")],
                headers=[],
                body=b"",
                idempotency_key="one",
                marks={"payment": "p", "payer": "0xb", "listing": "acme/convert"},
                signing_key=key,
            )
            for key in (KEY, b"a stranger's key")
        ]
    assert all(isinstance(outcome, Answered) for outcome in outcomes)
    assert [getattr(outcome, "status", None) for outcome in outcomes] == [200, 401]


@pytest.mark.parametrize("age_seconds", [0, 600, -600])
async def test_a_signature_is_good_for_a_few_minutes(signed_only: Any, age_seconds: int) -> None:
    said = [str(int(time.time()) - age_seconds), "p", "0xb", "acme/text"]
    body = b'{"text": "One. Two."}'
    text = "\n".join(["souk-v1", *said, hashlib.sha256(body).hexdigest()])
    signature = hmac.new(KEY, text.encode(), "sha256").hexdigest()
    names = ("Timestamp", "Payment", "Payer", "Listing")
    headers = {f"X-Souk-{name}": value for name, value in zip(names, said, strict=True)}
    headers["X-Souk-Signature"] = f"v1={signature}"
    good = await signed_only.post("/text", data=body, headers=headers)
    altered = await signed_only.post("/text", data=body + b" ", headers=headers)
    assert (good.status, altered.status) == (401 if age_seconds else 200, 401)


@pytest.mark.parametrize(
    ("source", "target", "amount", "result"),
    [
        ("c", "f", 100, 212),
        ("f", "c", -40, -40),
        ("k", "c", 0, -273.15),
        ("kwh", "j", 1, 3_600_000),
        ("lb", "kg", 2, 0.90718474),
        ("km_h", "m_s", 36, 10),
    ],
)
def test_it_converts_units(source: str, target: str, amount: float, result: float) -> None:
    assert convert(source, target, amount)["result"] == result


def test_it_finds_a_city_in_any_spelling() -> None:
    assert look_up("  são   PAULO ")["city"] == "São Paulo"
    assert look_up("Bogota") == look_up("bogotá")


def test_a_clean_data_set_scores_full_marks_and_a_dirty_one_less() -> None:
    clean = [{"id": number, "name": f"n{number}"} for number in range(5)]
    assert score_records(clean)["score"] == 100
    assert score_records([*clean, clean[0]])["duplicates"] == 1
    assert score_records([*clean, {"id": "six", "name": ""}])["score"] < 100
    with pytest.raises(BadInput):
        score_records([{f"field {number}": 1} for number in range(101)])


def test_a_digest_keeps_sentences_in_their_order() -> None:
    text = "Cats sleep. Dogs bark at cats. Cats and dogs eat. It rains."
    digest = digest_text(text, 2)
    assert digest["sentences"] == 4
    assert digest["summary"] == "Dogs bark at cats. Cats and dogs eat."


def test_an_identicon_is_a_symmetric_png_of_its_own() -> None:
    drawn = draw_identicon("souk")
    assert drawn == draw_identicon("souk")
    assert drawn != draw_identicon("suok")
    width, height = struct.unpack(">II", drawn[16:24])
    assert (width, height) == (240, 240)
    start = drawn.index(b"IDAT") + 4
    (length,) = struct.unpack(">I", drawn[start - 8 : start - 4])
    pixels = zlib.decompress(drawn[start : start + length])
    lines = [pixels[at + 1 : at + 241] for at in range(0, len(pixels), 241)]
    assert len(lines) == 240
    assert all(line == line[::-1] for line in lines)
    assert {pixel for line in lines for pixel in line} == {0, 1}
