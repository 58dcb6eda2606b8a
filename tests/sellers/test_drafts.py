"""What a seller types becomes terms, or a word on what to change."""

import json
from dataclasses import fields, replace

import pytest

from sellers.differences import differences
from sellers.drafting.forms import WordsForm
from sellers.drafting.typed import draft_of, typed_of
from sellers.drafts import DESCRIPTION_CHARACTERS_MAX, finish
from sellers.prices import Ask
from sellers.refusals import ListingRefused
from sellers.schemas.inference import MEMBERS_MAX
from sellers.terms import Sample, Terms
from tests.sellers.conftest import BASE, ORDINARY, OTHER_WALLET, SEPOLIA, SITE, WALLET

QUERY = {"properties": {"query": {"properties": {"city": {"type": "string"}}}}}


def test_an_ordinary_draft_becomes_terms(make_terms):
    terms = make_terms()
    assert terms.mime_type == "application/json"
    assert terms.output_schema["required"] == ["celsius"]
    assert terms.service_name == "City weather"
    assert (terms.connect_seconds, terms.first_byte_seconds, terms.total_seconds) == (5, 60, 90)


def test_a_call_is_given_no_more_time_than_graders_take_when_none_is_said():
    patient = replace(SITE, total_seconds=3_000)
    assert finish(ORDINARY, patient).total_seconds == (3_600 - 30) / 2


def test_a_schema_is_made_from_the_example(make_terms):
    terms = make_terms(example={"query": {"city": "Oslo", "days": 3}})
    query = terms.input_schema["properties"]["query"]
    assert query["properties"] == {"city": {"type": "string"}, "days": {"type": "number"}}
    assert query["required"] == ["city", "days"]
    assert query["additionalProperties"] is False


def test_an_example_with_more_parameters_than_are_read_from_it_leaves_the_others_in(make_terms):
    wide = {f"name{number}": "x" for number in range(MEMBERS_MAX + 1)}
    query = make_terms(example={"query": wide}).input_schema["properties"]["query"]
    assert len(query["properties"]) == MEMBERS_MAX
    assert "additionalProperties" not in query


def test_path_parameters_come_from_the_address(make_terms):
    terms = make_terms(
        upstream_url="http://127.0.0.1:9999/v1/{from}/to/{to}.json?units=metric",
        example={"path": {"from": "a", "to": "b"}},
    )
    assert terms.path_parameters == ("from", "to")
    assert terms.input_schema["properties"]["path"]["required"] == ["from", "to"]


def test_an_address_without_a_path_gets_one(make_terms):
    assert make_terms(upstream_url=" http://127.0.0.1:9999 ").upstream_url.endswith("9999/")


def test_texts_are_cleaned(make_terms):
    terms = make_terms(
        title="City\u202e  weather\n",
        description="x" * 900,
        service_name="Wétter\u200b",
        tags=["Géo", "geo", "\u200b", "weather"],
    )
    assert terms.title == "City weather"
    assert len(terms.description) == DESCRIPTION_CHARACTERS_MAX
    assert terms.service_name == "Wetter"
    assert terms.tags == ("geo", "weather")


@pytest.mark.parametrize(
    "said",
    [
        "application/json; charset=UTF-8", "text/html;charset=utf-8", "application/json;",
        'multipart/mixed; boundary="a b"', "image/" + "x" * 94, "text/plain; x=" + "y" * 186,
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ],
)  # fmt: skip
def test_types_that_servers_say_are_taken(make_terms, said):
    body = b"{}" if "json" in said else b"x"
    assert make_terms(sample=Sample(200, said, body)).sample.content_type == said


NEVER_FORWARDED = [
    "Authorization", "cookie", "Cookie2", "proxy-authorization", "idempotency-key", "Range",
    "if-match", "If-None-Match", "x-forwarded-for", "X_Forwarded_For", "forwarded", "x-real-ip",
    "via", "host", "expect", "content-encoding", "content-length", "accept-encoding", "connection",
    "payment-signature", "x-payment", "sign-in-with-x", "x-souk-payer",
]  # fmt: skip
NEVER_SECRET = [
    "Host", "expect", "X-Souk-Payer", "x_souk_payer", "idempotency-key", "content-length",
    "Content-Type", "content_type", "accept-encoding", "connection", "te", "upgrade",
]  # fmt: skip

REFUSED = [
    ("method", {"method": "HEAD"}),
    ("release", {"release": "sometimes"}),
    ("release", {"release": "instant", "prices": (Ask("0.11", SEPOLIA, WALLET),)}),
    ("stream", {"stream": True}),
    ("stream", {"stream": True, "release": "instant"}),
    ("stream", {"stream": True, "release": "upfront", "check_output": True}),
    ("title", {"title": "a\u200b\u200b"}),
    ("description", {"description": "\u200b"}),
    ("upstream_url", {"upstream_url": "http://127.0.0.1:9998/"}),
    ("upstream_url", {"upstream_url": "http://10.0.0.1/"}),
    ("upstream_url", {"upstream_url": "http://user:pass@127.0.0.1:9999/"}),
    ("upstream_url", {"upstream_url": "ftp://example.com/"}),
    ("upstream_url", {"upstream_url": "https://{host}.example.com/"}),
    ("upstream_url", {"upstream_url": "https://example.com/?q={q}"}),
    ("upstream_url", {"upstream_url": "https://example.com/{a}/{a}"}),
    ("upstream_url", {"upstream_url": "https://example.com/{a-b}"}),
    ("upstream_url", {"upstream_url": "https://example.com/a/../b"}),
    ("upstream_url", {"upstream_url": "https://example.com/#x"}),
    ("upstream_url", {"upstream_url": "https://example.com?x=1"}),
    ("upstream_url", {"upstream_url": "https://example.com/" + "a" * 2000}),
    ("sample", {"sample": Sample(404, "application/json", b"{}")}),
    ("sample", {"sample": Sample(200, "application/json", b"{")}),
    ("sample", {"sample": Sample(200, "text/plain", b"")}),
    ("sample", {"sample": Sample(200, "text/plain", b"a" * 70_000)}),
    ("sample", {"sample": Sample(200, "application/json", b"[" * 60 + b"]" * 60)}),
    *(
        ("sample", {"sample": Sample(200, said, b"{}")})
        for said in (
            "",
            "json",
            "text/",
            "/json",
            "text/plain charset=utf-8",
            "text/plain; charset",
            "text/pl ain",
            "text/plain\n",
            "text/plain; x=\t",
            "tëxt/plain",
            "image/" + "x" * 95,
            "text/plain; x=" + "y" * 187,
            "x" * 100_000,
        )
    ),
    ("sample", {"output_schema": {"type": "array"}}),
    ("output_schema", {"output_schema": {"$ref": "http://example.com/x"}}),
    ("input_schema", {"input_schema": {"properties": {"body": {}}}}),
    ("example", {"example": {"query": {"city": 5}}, "input_schema": QUERY}),
    ("example", {"example": {"body": {}}, "input_schema": QUERY}),
    ("example", {"example": {"query": {"city": "\u202e"}}, "input_schema": QUERY}),
    ("example", {"example": {"query": {"city": "a" * 3000}}, "input_schema": QUERY}),
    ("price", {"prices": ()}),
    ("price", {"prices": (Ask("0.01", SEPOLIA, WALLET),) * 2}),
    ("price", {"prices": (Ask("0.01", SEPOLIA, WALLET),) * 5}),
    ("tags", {"tags": ["a", "b", "c", "d", "e", "f"]}),
    ("category", {"category": "Data"}),
    ("secret_headers", {"secret_headers": ["X Api"]}),
    ("forward_headers", {"forward_headers": ["a\r\nb"]}),
    *(("forward_headers", {"forward_headers": [name]}) for name in NEVER_FORWARDED),
    *(("secret_headers", {"secret_headers": [name]}) for name in NEVER_SECRET),
    ("timeout", {"total_seconds": 91}),
    ("timeout", {"total_seconds": 0.5}),
    ("keep_days", {"answer_keep_days": 31}),
    ("check_output", {"check_output": True, "sample": Sample(200, "text/plain", b"a")}),
]


@pytest.mark.parametrize(("field", "changed"), REFUSED)
def test_a_refusal_names_the_field_to_change(make_terms, field, changed):
    with pytest.raises(ListingRefused) as refused:
        make_terms(**changed)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "name", "why"),
    [
        ("forward_headers", "Authorization", "a key of yours is a secret header"),
        ("forward_headers", "X_Payment", "x_payment is never passed on: payments stay"),
        ("forward_headers", "If-Match", "a whole answer"),
        ("forward_headers", "Idempotency-Key", "the marketplace writes it itself"),
        ("secret_headers", "X_Souk_Payer", "x_souk_payer is written by the marketplace itself"),
    ],
)
def test_a_header_that_no_call_carries_is_refused_with_the_reason(make_terms, field, name, why):
    with pytest.raises(ListingRefused, match=why):
        make_terms(**{field: [name]})


def test_a_buyers_secret_may_be_the_sellers_own(make_terms):
    names = ["Authorization", "Cookie", "X-Payments", "Preference"]
    assert make_terms(secret_headers=names).secret_headers == tuple(
        sorted(name.lower() for name in names)
    )


CHANGES = {
    "method": "DELETE",
    "logo": "0" * 64,
    "category": "data",
    "upstream_url": "http://127.0.0.1:9999/other",
    "title": "Other",
    "description": "Other.",
    "input_schema": {"type": "object", "properties": {}},
    "output_schema": {"type": "object"},
    "example_input": {"query": {}},
    "sample": Sample(200, "application/json", b'{"celsius":22}'),
    "prices": (),
    "service_name": "Other",
    "tags": ("other",),
    "forward_headers": ("x-other",),
    "secret_headers": ("x-key",),
    "release": "upfront",
    "connect_seconds": 4.0,
    "first_byte_seconds": 59.0,
    "total_seconds": 89.0,
    "answer_bytes_max": 5,
    "answer_keep_days": 8,
    "require_body": False,
    "check_output": True,
    "stream": True,
}


@pytest.mark.parametrize("name", [each.name for each in fields(Terms)])
def test_the_hash_changes_with_everything_a_revision_fixes(make_terms, name):
    terms = make_terms()
    assert replace(terms, **{name: CHANGES[name]}).content_hash() != terms.content_hash()


def test_the_hash_covers_every_part_of_a_price(make_terms):
    terms = make_terms()
    price = terms.prices[0]
    for changed in (
        replace(price, network=BASE),
        replace(price, scheme="upto"),
        replace(price, asset=OTHER_WALLET),
        replace(price, amount_atomic=10_001),
        replace(price, pay_to=OTHER_WALLET),
    ):
        assert replace(terms, prices=(changed,)).content_hash() != terms.content_hash()


def test_terms_come_back_from_json_as_they_were(make_terms):
    terms = make_terms(
        sample=Sample(200, "image/png", bytes(range(256))),
        tags=["a", "b"],
        total_seconds=30.5,
        forward_headers=["X-Trace"],
        input_schema={
            "properties": {
                "query": {"properties": {"x": {"type": "number", "maximum": 1e3, "minimum": 1e-9}}}
            }
        },
        example={"query": {"x": 2.0}},
    )
    stored = json.loads(json.dumps(terms.to_json()))
    assert Terms.from_json(stored) == terms
    assert Terms.from_json(stored).content_hash() == terms.content_hash()


def test_terms_of_before_there_were_logos_and_categories_keep_their_hash(make_terms):
    assert not {"logo", "category"} & set(make_terms().to_json())
    assert Terms.from_json(make_terms().to_json()) == make_terms()
    assert make_terms(category="data").to_json()["category"] == "data"


def test_prices_are_compared_with_their_thousands_apart(make_terms):
    terms = make_terms()
    (price,) = terms.prices
    dear = replace(terms, prices=(replace(price, amount_atomic=1_500_000_000),))
    [change] = differences(terms, dear)
    assert "$1,500 (1,500 USDC)" in "".join(p.text for p in change.pieces if p.kind != "gone")


def test_a_category_is_typed_kept_and_shown_to_moderators(make_terms, site):
    plain, filed = make_terms(), make_terms(category="data")
    [change] = differences(plain, filed)
    assert (change.label, [piece.text for piece in change.pieces]) == ("Category", ["data"])
    assert draft_of(typed_of(filed), site).category == "data"
    form = WordsForm({**typed_of(filed), "slug": "weather", "category": "weapons"})
    assert list(form.errors) == ["category"]
