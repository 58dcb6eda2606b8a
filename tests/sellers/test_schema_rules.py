"""Which schemas a listing may carry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from sellers.schemas.rules import SCHEMA_BYTES_MAX, SCHEMA_NODES_MAX, SchemaRefused, admit
from sellers.schemas.validating import complaint


def nested(levels):
    return {"type": "array", "items": nested(levels - 1)} if levels else {"type": "string"}


def test_a_reference_is_replaced_by_what_it_names():
    schema = {
        "$defs": {"city": {"type": "string", "maxLength": 40}, "two": {"$ref": "#/$defs/city"}},
        "type": "object",
        "properties": {"from": {"$ref": "#/$defs/city"}, "to": {"$ref": "#/$defs/two"}},
    }
    city = {"type": "string", "maxLength": 40}
    assert admit(schema) == {"type": "object", "properties": {"from": city, "to": city}}


def test_a_description_beside_a_reference_is_kept():
    schema = {
        "$defs": {"city": {"type": "string", "description": "Any city"}},
        "properties": {"to": {"$ref": "#/$defs/city", "description": "Where to"}},
    }
    assert admit(schema)["properties"]["to"] == {"type": "string", "description": "Where to"}


REFUSED = {
    "not an object": [],
    "a remote reference": {"$ref": "https://example.com/schema.json"},
    "a file": {"properties": {"a": {"$ref": "file:///etc/passwd"}}},
    "a relative reference": {"properties": {"a": {"$ref": "other.json"}}},
    "a schema inside itself": {"properties": {"a": {"$ref": "#/properties/a"}}},
    "two schemas inside each other": {
        "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": {"items": {"$ref": "#/$defs/a"}}},
        "items": {"$ref": "#/$defs/a"},
    },
    "an identity": {"$id": "https://example.com/x", "type": "object"},
    "an anchor": {"$anchor": "x"},
    "a dynamic reference": {"$dynamicRef": "#x"},
    "another dialect": {"$schema": "http://json-schema.org/draft-03/schema#"},
    "a dialect that is no text": {"$schema": ["x"]},
    "an unknown word": {"typ": "string"},
    "an unknown type": {"type": "text"},
    "a reference that names nothing": {"$ref": "#/$defs/missing"},
    "more beside a reference": {"$defs": {"a": {}}, "items": {"$ref": "#/$defs/a", "minItems": 1}},
    "patterns for names": {"patternProperties": {"^a": {}}},
    "too deep": nested(20),
    "too deep for a reader": {"const": json.loads("[" * 50 + "]" * 50)},
    "too wide": {"anyOf": [{"type": "string"}] * (SCHEMA_NODES_MAX + 1)},
    "too long": {"enum": [f"{number:0200}" for number in range(SCHEMA_BYTES_MAX // 200)]},
    "a name nobody can see": {"properties": {"ci\u200bty": {}}},
    "a choice nobody can see": {"enum": ["a", "a\u200b"]},
    "a long name": {"properties": {"a" * 65: {}}},
    "a number no reader agrees on": {"maximum": 2**60},
    "infinity": {"maximum": float("inf")},
    "a slow pattern": {"type": "string", "pattern": "^(a+)+$"},
    "a pattern for Python alone": {"type": "string", "pattern": r"^\d\-\d$"},
    "a pattern that is no text": {"pattern": 5},
    "a length that is no number": {"pattern": "a", "maxLength": "5"},
    "a pattern on long texts": {"type": "string", "pattern": "^a+b+$", "maxLength": 5000},
}


@pytest.mark.parametrize("schema", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(schema):
    with pytest.raises(SchemaRefused):
        admit(schema)


def test_it_refuses_what_grows_when_it_is_written_out():
    schema = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 6} for n in range(8)}
    with pytest.raises(SchemaRefused):
        admit({"$defs": {**schema, "d8": {"type": "string"}}, "items": {"$ref": "#/$defs/d0"}})


def test_words_are_told_from_names():
    schema = {"properties": {"$ref": {"type": "string"}, "enum": {"title": "x"}, "x-a": {}}}
    assert admit(schema) == schema


def test_texts_are_cleaned_and_notes_dropped():
    schema = {"title": "A\u202etitle", "description": "x" * 900, "$comment": "c", "x-internal": 1}
    admitted = admit(schema)
    assert set(admitted) == {"title", "description"}
    assert admitted["title"] == "Atitle"
    assert len(admitted["description"]) == 300


def test_a_pattern_says_how_long_a_text_may_be():
    assert admit({"type": "string", "pattern": "^a+$"})["maxLength"] == 256


SCALARS = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=5)
SIMPLE = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["string", "integer", "number", "boolean", "null", "object"]),
        "minimum": st.integers(-10, 10),
        "maxLength": st.integers(0, 5),
        "enum": st.lists(st.integers(-5, 5) | st.sampled_from(["a", "b"]), min_size=1, max_size=3),
        "description": st.just("text"),
    },
)
SCHEMAS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"properties": st.dictionaries(st.sampled_from("abc"), inner)}),
        st.fixed_dictionaries({"items": inner}),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_an_admitted_schema_means_what_was_written(schema, value):
    admitted = admit(schema)
    assert admit(admitted) == admitted
    expected = Draft202012Validator(schema).is_valid(value)
    assert (complaint(admitted, value) is None) == expected
