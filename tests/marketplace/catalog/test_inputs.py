"""A listing's form asks for what its schema takes, with the seller's example filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from marketplace.catalog.inputs import Field, blank_body, fields
from sellers.terms import Sample, Terms

ORDINARY = Terms(
    method="POST",
    upstream_url="https://api.example/x",
    title="Title",
    description="Description.",
    input_schema={},
    output_schema={},
    example_input={},
    sample=Sample(200, "application/json", b"{}"),
    prices=(),
)


def made(parts: dict[str, Any], example: dict[str, Any], **more: Any) -> tuple[Field, ...]:
    schema = {"type": "object", "properties": parts, "required": ["body"]}
    return fields(replace(ORDINARY, input_schema=schema, example_input=example, **more))


def members(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties][:1]}


@pytest.mark.parametrize(
    ("schema", "value", "kind", "control", "written"),
    [
        ({"type": "string"}, "Oslo", "text", "line", "Oslo"),
        ({"type": "string", "maxLength": 5_000}, "long", "text", "long", "long"),
        ({"type": "integer", "minimum": 1}, 3, "number", "number", "3"),
        ({"type": "number"}, 0.5, "number", "number", "0.5"),
        ({"type": "boolean"}, False, "boolean", "choice", "false"),
        ({"enum": ["c", "f"]}, "f", "text", "choice", "f"),
        ({"enum": [1, 2]}, 2, "json", "choice", "2"),
        ({"type": "array", "items": {"type": "string"}}, ["a", "b"], "lines", "long", "a\nb"),
        ({"type": "array", "items": {"type": "integer"}}, [1], "json", "long", "[\n  1\n]"),
        ({"type": ["string", "null"]}, None, "json", "long", ""),
        ({}, {"a": 1}, "json", "long", '{\n  "a": 1\n}'),
        (True, 1, "json", "long", "1"),
    ],
)
def test_a_member_of_the_body_is_asked_for_as_its_schema_says(
    schema: Any, value: Any, kind: str, control: str, written: str
) -> None:
    (field,) = made({"body": members(it=schema)}, {"body": {"it": value}})

    assert (field.place, field.name, field.kind, field.control) == ("body", "it", kind, control)
    assert field.value == written
    assert field.required


def test_path_and_query_come_first_and_lists_are_lines() -> None:
    parts = {
        "query": members(
            unit={"enum": [1, 2], "description": "Which"}, tag={"type": "array", "items": {}}
        ),
        "path": members(city={"type": "string", "title": "City"}),
    }
    example = {"path": {"city": "Oslo"}, "query": {"tag": ["a", "b"], "unit": 2}}

    found = made(parts, example, upstream_url="https://api.example/{city}", method="GET")

    said = [(f.place, f.label, f.kind, f.value, f.hint) for f in found]
    assert said == [
        ("path", "City", "text", "Oslo", ""),
        ("query", "unit", "text", "2", "Which"),
        ("query", "tag", "lines", "a\nb", "One value a line"),
    ]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "integer"}},
        {"type": "object"},
        {"type": "object", "properties": {f"m{n}": {} for n in range(40)}},
        {"anyOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]},
    ],
)
def test_a_body_without_a_field_for_each_part_is_written_as_json(schema: Any) -> None:
    (field,) = made({"body": schema}, {"body": [1, 2]})

    assert (field.place, field.kind, field.value) == ("whole", "json", "[\n  1,\n  2\n]")


@pytest.mark.parametrize(
    ("required", "body", "sent"),
    [
        (["body"], members(text={"type": "string"}), "{}"),
        ([], members(text={"type": "string"}), ""),
        (["body"], {"type": "array"}, ""),
        (["body"], {"type": "string", "contentMediaType": "text/plain"}, ""),
        (["query"], None, ""),
    ],
)
def test_a_body_that_is_needed_is_sent_where_all_its_fields_are_left_blank(
    required: list[str], body: Any, sent: str
) -> None:
    parts = {"query": members(a={}), **({} if body is None else {"body": body})}
    schema = {"type": "object", "properties": parts, "required": required}
    assert blank_body(replace(ORDINARY, input_schema=schema)) == sent


def test_a_body_of_text_is_sent_as_it_is() -> None:
    schema = {"type": "string", "contentMediaType": "text/plain"}

    (field,) = made({"body": schema}, {"body": "Hello"})

    assert (field.place, field.kind, field.control, field.value) == (
        "whole", "text", "long", "Hello",
    )  # fmt: skip
