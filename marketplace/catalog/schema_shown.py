"""What a call takes and what comes back, field by field, from the schemas that the seller gave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sellers.schemas.parameters import types_of
from sellers.terms import Terms

_PLACES = {"path": "in the path", "query": "in the address", "body": "in the body"}
_OF_ANY_OBJECT = frozenset({"$schema", "type", "additionalProperties"})


@dataclass(frozen=True, slots=True)
class Line:
    """One field: its name, what it is, whether it has to be there, what is said of it."""

    name: str
    kind: str
    needed: bool
    said: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class SchemaShown:
    """One schema: its first level as lines, and all of it as it is."""

    title: str
    anchor: str
    required: str  # what a field that has to be there is called
    lines: tuple[Line, ...]
    document: str


def schemas_shown(terms: Terms) -> tuple[SchemaShown, ...]:
    """The schemas that say anything; none where the seller said nothing of either side."""
    sides = (
        (("What a call takes", "schema-in", "needed"), terms.input_schema, _taken),
        (("What comes back", "schema-out", "always there"), terms.output_schema, _lines),
    )
    return tuple(
        SchemaShown(*words, tuple(lines(schema)), json.dumps(schema, indent=2, ensure_ascii=False))
        for words, schema, lines in sides
        if _says(schema)
    )


def _says(schema: Any) -> bool:
    """Whether it tells anything besides that an object comes or goes."""
    if not isinstance(schema, dict):
        return False
    return any(value for keyword, value in schema.items() if keyword not in _OF_ANY_OBJECT)


def _taken(schema: Any) -> Iterator[Line]:
    """The fields of the path, the address and the body; a body that has none is one field."""
    parts = schema.get("properties", {}) if isinstance(schema, dict) else {}
    for name, place in _PLACES.items():
        if name not in parts:
            continue
        lines = tuple(_lines(parts[name], place, always=name == "path"))
        needed = name in schema.get("required", ())
        yield from lines or (Line(name, _kind(parts[name]), needed, _said(parts[name])),)


def _lines(schema: Any, place: str = "", *, always: bool = False) -> Iterator[Line]:
    if not isinstance(schema, dict):
        return
    needed = schema.get("required", ())
    for name, of in schema.get("properties", {}).items():
        yield Line(name, _kind(of), always or name in needed, _said(of), place)


def _kind(schema: Any) -> str:
    """Its types, as JSON Schema names them; what is inside stands in the whole document."""
    return " or ".join(sorted(types_of(schema))) or "anything"


def _said(schema: Any) -> str:
    if not isinstance(schema, dict):
        return ""
    choices = schema.get("enum", ())
    one_of = "One of " + ", ".join(json.dumps(each, ensure_ascii=False) for each in choices)
    parts = (str(schema.get("description", "")), one_of if choices else "")
    return ". ".join(part.rstrip(".") for part in parts if part)
