"""The quote of version 1 of x402: of any legal listing, in the words old programs read."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from x402.extensions.bazaar.v1 import extract_discovery_info_v1
from x402.schemas.v1 import PaymentRequiredV1

from payments.x402.headers import encode_json
from payments.x402.networks import DEFAULT_ASSETS
from sellers.drafts import finish
from sellers.extensions.bazaar_v1 import OUTPUT_SCHEMA_BYTES_MAX, output_schema
from sellers.offers import HEADER_BYTES_MAX, challenge, challenge_v1, header_bytes, quote
from sellers.prices import Ask
from sellers.refusals import ListingRefused
from sellers.terms import Sample
from tests.sellers.conftest import BASE, ORDINARY, SEPOLIA, SITE, WALLET
from tests.sellers.test_offers import LONG_URL, URL, challenged, described, drafts, opened

CELO, ARBITRUM = "eip155:42220", "eip155:42161"
WIDE_SITE = replace(
    SITE,
    accepted=(
        *SITE.accepted,
        *(
            replace(SITE.accepted[0], asset=asset)
            for asset in DEFAULT_ASSETS
            if asset.network in {CELO, ARBITRUM}
        ),
    ),
)


def quoted(terms, site=SITE):
    offers = quote(terms, opened(terms), site)
    return json.loads(encode_json(challenge_v1(terms, offers, URL, site).to_wire()))


def test_the_quote_has_the_shape_old_programs_read(make_terms):
    terms = make_terms(
        example={"query": {"city": "Oslo", "days": 2}},
        input_schema={
            "properties": {
                "query": {
                    "properties": {
                        "city": {"type": "string", "description": "a city's name"},
                        "days": {"type": ["integer", "string"]},
                    },
                    "required": ["city"],
                }
            }
        },
    )
    assert quoted(terms) == {
        "x402Version": 1,
        "error": "Payment required",
        "accepts": [
            {
                "scheme": "exact",
                "network": "base-sepolia",
                "maxAmountRequired": "10000",
                "resource": f"{URL}?x402Version=1",
                "description": "The weather of a city now.",
                "mimeType": "application/json",
                "payTo": WALLET,
                "maxTimeoutSeconds": 300,
                "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
                "extra": {"name": "USDC", "version": "2"},
                "outputSchema": {
                    "input": {
                        "type": "http",
                        "method": "GET",
                        "discoverable": True,
                        "queryParams": {"city": "a city's name", "days": "integer or string"},
                    },
                    "output": {
                        "type": "object",
                        "properties": {"celsius": {"type": "number"}},
                        "required": ["celsius"],
                    },
                },
            }
        ],
        "demo": {"available": True, "example": f"{URL}?demo=true"},
        "retry": {
            "header": "X-PAYMENT",
            "proof": "SIGN-IN-WITH-X",
            "fresh_seconds": 600,
            "kept_days": 7,
            "status_url": "https://market.example/p/{payment_id}",
            "docs": "https://market.example/docs/buy",
        },
    }


def test_a_body_is_described_field_by_field(make_terms):
    terms = make_terms(
        method="POST",
        upstream_url="http://127.0.0.1:9999/weather/{city}",
        example={"path": {"city": "Oslo"}, "body": {"text": "hello"}},
    )
    (entry,) = quoted(terms)["accepts"]
    said = entry["outputSchema"]["input"]
    assert said["pathParams"] == {"city": "string"}
    assert (said["bodyType"], said["bodyFields"]) == ("json", {"text": {"type": "string"}})


def test_prices_are_the_same_in_both_versions_and_the_cheapest_stands_first(make_terms):
    terms = make_terms(prices=(Ask("0.02", SEPOLIA, WALLET), Ask("0.01", BASE, WALLET)))
    new = challenged(terms).challenge.to_wire()["accepts"]
    old = quoted(terms)["accepts"]
    assert [entry["network"] for entry in old] == ["base", "base-sepolia"]
    for before, after in zip(old, new, strict=True):
        assert before["maxAmountRequired"] == after["amount"]
        assert all(before[name] == after[name] for name in ("payTo", "asset", "extra"))


def sold_on(*networks):
    prices = tuple(Ask("0.01", network, WALLET) for network in networks)
    return finish(replace(ORDINARY, prices=prices), WIDE_SITE)


def test_a_listing_that_version_1_has_no_words_for_says_where_to_ask():
    written = quoted(sold_on(ARBITRUM), WIDE_SITE)
    assert written["accepts"] == []
    assert f"ask {URL} for version 2" in written["error"]


def test_an_offer_that_the_oldest_programs_cannot_read_does_not_spoil_the_others():
    written = quoted(sold_on(CELO, SEPOLIA, ARBITRUM), WIDE_SITE)
    assert [entry["network"] for entry in written["accepts"]] == ["base-sepolia"]
    assert [entry["network"] for entry in quoted(sold_on(CELO), WIDE_SITE)["accepts"]] == ["celo"]


def named(terms, site=SITE):
    return challenge(terms, quote(terms, opened(terms), site), URL, site)


def test_the_new_quote_names_the_old_address_where_it_can_be_paid():
    assert named(sold_on(SEPOLIA)).challenge.more["v1"] == f"{URL}?x402Version=1"
    assert "v1" not in named(sold_on(ARBITRUM), WIDE_SITE).challenge.more


def test_nothing_is_left_out_of_the_new_quote_to_name_the_old_address(make_terms):
    """At every length of the quote; of some, with and without the refund, it has no room."""
    seen = set()
    for length in range(3_000, 4_000, 15):
        answer = b'{"a":"%s"}' % (b"x" * length)
        said = named(make_terms(sample=Sample(200, "application/json", answer)))
        more = {name: value for name, value in said.challenge.more.items() if name != "v1"}
        silent = replace(said.challenge, more=more)
        with_it = replace(silent, more={**more, "v1": f"{URL}?x402Version=1"})
        assert ("v1" in said.challenge.more) == (header_bytes(with_it) <= HEADER_BYTES_MAX)
        assert header_bytes(silent) <= HEADER_BYTES_MAX
        seen.add((bool(said.shed), "v1" in said.challenge.more))
    assert seen == {(False, True), (False, False), (True, True), (True, False)}


# How it is called ---------------------------------------------------------------------------------


@given(drafts())
def test_every_legal_listing_has_a_quote_that_official_readers_take(draft):
    try:
        terms = finish(draft, SITE)
    except ListingRefused:
        return
    offers = quote(terms, opened(terms), SITE)
    written = json.loads(encode_json(challenge_v1(terms, offers, LONG_URL, SITE).to_wire()))

    PaymentRequiredV1.model_validate(written)
    assert len(written["accepts"]) == 2
    for entry in written["accepts"]:
        described = entry["outputSchema"]
        assert len(encode_json(described)) <= OUTPUT_SCHEMA_BYTES_MAX
        assert all(isinstance(each, str) for each in described["input"].get("queryParams", {}))
        found = extract_discovery_info_v1(entry)
        assert found.input.method == terms.method
        assert found.input.query_params == described["input"].get("queryParams")


@pytest.mark.parametrize(
    ("fields", "length", "answers", "kept"),
    [
        (2, 90, 2, {"descriptions", "output", "optional"}),
        (40, 90, 2, {"output", "optional"}),
        (90, 90, 90, {"optional"}),
        (160, 20, 2, set()),
    ],
    ids=["everything", "no_descriptions", "no_output", "needed_only"],
)
def test_a_long_listing_says_less_and_never_nothing(make_terms, fields, length, answers, kept):
    terms = make_terms(
        method="POST",
        example={"body": {"name0": "x"}},
        input_schema={"properties": {"body": described(fields, length)}},
        output_schema=described(answers, 10),
        sample=Sample(200, "application/json", b'{"name0":"x"}'),
    )
    said = output_schema(terms)
    names = said["input"]["bodyFields"]
    assert "name0" in names
    assert ("name1" in names) == ("optional" in kept)
    assert ("description" in names["name0"]) == ("descriptions" in kept)
    assert ("output" in said) == ("output" in kept)
    assert said["input"]["bodyType"] == "json"


def test_when_even_the_needed_fields_are_too_many_the_method_is_said(make_terms):
    body = {f"{number:03}": "" for number in range(200)}
    kinds = {name: {"type": "string"} for name in body}
    schema = {"properties": {"body": {"properties": kinds, "required": list(body)}}}
    said = output_schema(make_terms(method="POST", example={"body": body}, input_schema=schema))
    assert said == {
        "input": {"type": "http", "method": "POST", "discoverable": True, "bodyType": "json"}
    }
