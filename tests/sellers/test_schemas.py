"""A call's input, checked before anything is claimed."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellers.input_rules import admit_example, admit_input
from sellers.refusals import ListingRefused
from sellers.schemas.validating import InputRefused, compile_input
from sellers.upstreams.targets import fixed_names

QUERY = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 20},
        "days": {"type": "integer", "minimum": 1, "maximum": 9},
        "wind": {"type": "boolean"},
        "lat": {"type": "number"},
        "tag": {"type": "array", "items": {"type": "integer"}},
        "unit": {"enum": ["c", "f"]},
        "level": {"enum": [1, 2]},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
BODY = {
    "type": "object",
    "properties": {"text": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 8}},
    "required": ["text"],
}


def validator(method="GET", **parts):
    return compile_input(admit_input({"properties": parts}, {}, method, ()))


def refusal(check, *segments, query=(), content_type="", body=b""):
    with pytest.raises(InputRefused) as refused:
        check.check(segments, query, content_type, body)
    return refused.value


GOOD = [
    [("city", "Oslo")],
    [("city", "12"), ("days", "3"), ("wind", "true"), ("lat", "-59.9")],
    [("city", "Oslo"), ("lat", "1e2"), ("maybe", "4")],
    [("city", "Oslo"), ("tag", "1")],
    [("tag", "1"), ("tag", "2"), ("city", "Oslo"), ("unit", "f"), ("level", "2")],
]


@pytest.mark.parametrize("query", GOOD)
def test_a_parameter_is_read_as_its_schema_names_it(query):
    validator(query=QUERY).check((), query, "", b"")


BAD = {
    "query.city: expected to be given": [],
    "query.days: expected integer": [("city", "O"), ("days", "3.5")],
    "query.days: expected at least 1": [("city", "O"), ("days", "0")],
    "query.days: expected to be given once": [("city", "O"), ("days", "1"), ("days", "1")],
    "query.wind: expected boolean": [("city", "O"), ("wind", "yes")],
    "query.lat: expected number": [("city", "O"), ("lat", "0x1")],
    "query.tag.1: expected integer": [("city", "O"), ("tag", "1"), ("tag", "x")],
    'query.unit: expected one of "c", "f"': [("city", "O"), ("unit", "k")],
    "query.spy: expected not to be given": [("city", "O"), ("spy", "1")],
    "query.city: expected at most 20 characters": [("city", "O" * 21)],
}


@pytest.mark.parametrize(("words", "query"), BAD.items(), ids=BAD.keys())
def test_a_refusal_says_which_field_and_what_it_expects(words, query):
    refused = refusal(validator(query=QUERY), query=query)
    assert str(refused) == words
    assert refused.status == 400


@pytest.mark.parametrize("text", ["007", "+1", " 1", "1_0", "١", "0b1", "1e999", "nan", "9" * 30])
def test_a_number_is_written_in_one_way(text):
    number = {"type": "object", "properties": {"n": {"type": "number"}}}
    refusal(validator(query=number), query=[("n", text)])


def test_unknown_parameters_pass_where_the_schema_lets_them():
    open_query = {**QUERY, "additionalProperties": True}
    validator(query=open_query).check((), [("city", "O"), ("more", "1"), ("more", "2")], "", b"")


def test_a_listing_without_parameters_takes_none():
    nothing = validator()
    nothing.check((), (), "", b"")
    assert refusal(nothing, query=[("a", "1")]).field == "query.a"
    assert refusal(nothing, "a").field == "path"
    assert refusal(nothing, body=b"{}", content_type="application/json").field == "body"


OPEN = {"type": "object", "properties": {"q": {"type": "string"}, "page": {"type": "integer"}}}
ADDRESS = "https://h.example/search?pl%61n=basic&my+limit=10&a[]=1;beta=2&page=1&flag"


def in_address(address=ADDRESS):
    schema = admit_input({"properties": {"query": OPEN}}, {}, "GET", ())
    return compile_input(schema, fixed_names(address))


@pytest.mark.parametrize("name", ["plan", "my limit", "a[]", "beta", "flag"])
def test_what_the_address_sets_is_not_for_buyers(name):
    """However the address spells it: an upstream that takes the last one would take theirs."""
    given = [("q", "x"), (name, "more")]
    assert str(refusal(in_address(), query=given)) == (
        f"query.{name}: expected not to be given, the seller has set it"
    )
    in_address("https://h.example/search").check((), given, "", b"")


@pytest.mark.parametrize("name", ["Plan", "a", "a[1]", "pl%61n", "my+limit", "basic"])
def test_another_name_than_the_address_sets_passes(name):
    in_address().check((), [(name, "more")], "", b"")


def test_what_the_schema_asks_for_may_be_given_though_the_address_sets_it():
    in_address().check((), [("q", "x"), ("page", "2")], "", b"")
    refusal(in_address(), query=[("page", "two")])


def test_path_parameters_come_in_their_order():
    path = {"properties": {"to": {"type": "integer"}}}
    check = compile_input(admit_input({"properties": {"path": path}}, {}, "GET", ("from", "to")))
    check.check(("a", "1"), (), "", b"")
    assert refusal(check, "1", "a").field == "path.to"
    assert "/from/to" in refusal(check, "1").expected


def test_a_body_is_json_of_the_right_shape():
    check = validator("POST", body=BODY)
    check.check((), (), "application/json; charset=utf-8", b'{"text":"abc"}')
    check.check((), (), "application/problem+json", b'{"text":"abc"}')
    assert refusal(check, content_type="text/plain", body=b'{"text":"abc"}').status == 415
    assert refusal(check, body=b'{"text":"abc"}').status == 415
    assert refusal(check, content_type="application/json").status == 400
    for body in (b"", b"{", b'{"text":"\xff"}', b"NaN", b'{"text":1}', b'{"text":"A"}', b"[]"):
        assert refusal(check, content_type="application/json", body=body).status == 400


def test_a_body_may_be_plain_text():
    text = {"type": "string", "contentMediaType": "text/plain", "maxLength": 5}
    check = validator("POST", body=text)
    check.check((), (), "text/plain; charset=utf-8", "æøå".encode())
    assert refusal(check, content_type="application/json", body=b"a").status == 415
    refusal(check, content_type="text/plain", body=b"\xff")
    refusal(check, content_type="text/plain", body=b"abcdef")


TOO_MUCH = {
    "values": ({"items": {"type": "integer"}}, [0] * 100_000),
    "empty rules": ({"items": {}}, [0] * 200_000),
    "choices": ({"items": {"anyOf": [{"type": "string"}] * 40 + [{}]}}, [0] * 5_000),
    "choices in choices": (
        {"items": {"allOf": [{"allOf": [{"allOf": [{}] * 6}] * 6}] * 6}},
        [0] * 5_000,
    ),
    "enumerated": ({"items": {"enum": [f"{n:03}" for n in range(300)]}}, ["299"] * 5_000),
    "patterns": ({"items": {"pattern": "^a+a+$", "maxLength": 100}}, ["a" * 100] * 2_000),
    "names": ({"propertyNames": {"maxLength": 9}}, {f"n{n}": 0 for n in range(100_000)}),
    "levels": ({}, json.loads("[" * 40 + "]" * 40)),
}


@pytest.mark.parametrize(("schema", "value"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
def test_a_check_ends_before_it_takes_long(schema, value):
    check = validator("POST", body=schema)
    body = json.dumps(value).encode()
    assert refusal(check, content_type="application/json", body=body).status == 413


def test_a_large_body_of_plain_records_is_checked():
    fields = {f"field{n}": {"type": ["string", "null"], "maxLength": 40} for n in range(10)}
    record = {"type": "object", "properties": fields, "required": ["field0"]}
    check = validator("POST", body={"type": "array", "items": record})
    records = [dict.fromkeys(fields, "text") for _ in range(1_000)]
    check.check((), (), "application/json", json.dumps(records).encode())
    del records[-1]["field0"]
    refused = refusal(check, content_type="application/json", body=json.dumps(records).encode())
    assert refused.field == "body.999.field0"


def test_things_are_unique_whatever_the_order_of_their_members():
    check = validator("POST", body={"type": "array", "uniqueItems": True})
    check.check((), (), "application/json", b'[{"a":1,"b":2},{"a":2,"b":1},1,"1",true]')
    body = b'[{"a":1,"b":2},{"b":2,"a":1}]'
    assert refusal(check, content_type="application/json", body=body).field == "body"


@given(st.text(min_size=200, max_size=3000), st.text(min_size=200, max_size=3000))
def test_a_refusal_never_repeats_much_of_what_was_sent(name, value):
    for query in ([(name, value)], [("city", value)], [("city", "O"), ("unit", value)]):
        refused = refusal(validator(query=QUERY), query=query)
        assert len(refused.field) <= 100
        assert value[:101] not in str(refused)
        assert len(str(refused)) < 400


@given(
    st.lists(st.text(max_size=9), max_size=3),
    st.lists(st.tuples(st.sampled_from(["city", "days", "tag", "x"]), st.text(max_size=9))),
    st.text(max_size=20) | st.just("application/json"),
    st.binary(max_size=60) | st.text(max_size=30).map(lambda text: json.dumps(text).encode()),
)
def test_whatever_comes_it_is_passed_or_refused(segments, query, content_type, body):
    for check in (validator(query=QUERY), validator("POST", body=BODY, query=QUERY)):
        with suppress(InputRefused):
            check.check(segments, query, content_type, body)


BAD_INPUTS = {
    "an unknown part": ({"properties": {"headers": {}}}, "GET", ()),
    "a part that is no object": ({"properties": {"query": True}}, "GET", ()),
    "rules around the parts": ({"properties": {}, "anyOf": [{}]}, "GET", ()),
    "a body for GET": ({"properties": {"body": {}}}, "GET", ()),
    "an object in a query": (
        {"properties": {"query": {"properties": {"a": {"type": "object"}}}}},
        "GET",
        (),
    ),
    "our own query name": ({"properties": {"query": {"properties": {"demo": {}}}}}, "GET", ()),
    "a switch of our own in a body": (
        {"properties": {"body": {"properties": {"demo": {"type": "boolean"}}}}},
        "POST",
        (),
    ),
    "our own name in a body, of whatever type": (
        {"properties": {"body": {"properties": {"demo": {}}}}},
        "POST",
        (),
    ),
    "a path parameter the URL lacks": (
        {"properties": {"path": {"properties": {"b": {}}}}},
        "GET",
        ("a",),
    ),
    "an upload": (
        {"properties": {"body": {"type": "string", "contentMediaType": "image/png"}}},
        "POST",
        (),
    ),
}


@pytest.mark.parametrize(("schema", "method", "path"), BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_a_listing_cannot_ask_for(schema, method, path):
    with pytest.raises(ListingRefused):
        admit_input(schema, {}, method, path)


def test_an_example_cannot_ask_for_our_sample():
    """Sent as it stands, it would be answered with the sample and never reach the seller."""
    example = {"body": {"demo": True}}
    for schema in (None, {"properties": {"body": {}}}):
        with pytest.raises(ListingRefused, match="free sample"):
            admit_example(example, admit_input(schema, example, "POST", ()))


def test_a_body_may_name_a_demo_that_is_no_switch():
    example = {"body": {"demo": "song.mp3", "inner": {"demo": True}}}
    assert admit_example(example, admit_input(None, example, "POST", ())) == example


def test_a_pattern_that_was_taken_before_is_still_checked():
    city = {"type": "string", "pattern": r"^\d\-\d$", "maxLength": 8}
    query = {"type": "object", "properties": {"days": city}}
    check = compile_input({"type": "object", "properties": {"query": query}})
    check.check([], [("days", "1-2")], "", b"")
    with pytest.raises(InputRefused):
        check.check([], [("days", "12")], "", b"")
