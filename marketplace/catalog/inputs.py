"""The form of one call, made from its listing's input schema: what a person fills in to try it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sellers.examples import body_media_type
from sellers.schemas.parameters import types_of
from sellers.terms import Terms

FIELDS_MAX: Final = 12  # a body of more members is written as JSON
LONG_CHARACTERS: Final = 120  # a text that may be longer gets room for lines
_NUMBERS: Final = frozenset({"integer", "number"})


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `static/call_form.js` makes the call of them."""

    place: str  # path, query, body, or whole: the body as it is sent
    name: str
    label: str
    hint: str
    kind: str  # what is sent: text, number, boolean, json, lines (one value a line)
    control: str  # how it is asked for: line, long, number, choice
    required: bool
    value: str = ""
    options: tuple[tuple[str, str], ...] = ()
    least: str = ""
    most: str = ""
    characters_max: int | None = None

    @property
    def id(self) -> str:
        """The control's id on the page."""
        return f"call-{self.place}-{self.name}" if self.name else f"call-{self.place}"


def fields(terms: Terms) -> tuple[Field, ...]:
    """Everything a call of this listing says, in its schema's order, with its example filled in."""
    parts, example = terms.input_schema.get("properties", {}), terms.example_input
    path, query = parts.get("path", {}), parts.get("query", {})
    found = [
        _field("path", name, _property(path, name), True, example.get("path", {}).get(name))
        for name in terms.path_parameters
    ]
    found += _of_object("query", query, example.get("query", {}))
    if "body" in parts:
        found += _of_body(terms, parts["body"], example)
    return tuple(found)


def blank_body(terms: Terms) -> str:
    """What is sent where a body is needed and every field of it was left blank."""
    parts = terms.input_schema.get("properties", {})
    needed = "body" in parts and "body" in terms.input_schema.get("required", ())
    return "{}" if needed and _has_fields(terms, parts["body"]) else ""


def _of_body(terms: Terms, schema: Any, example: Mapping[str, Any]) -> Iterator[Field]:
    required = "body" in terms.input_schema.get("required", ())
    given = example.get("body")
    if body_media_type(terms.input_schema):
        yield Field("whole", "", "Text to send", "", "text", "long", required, str(given or ""))
    elif _has_fields(terms, schema):
        yield from _of_object("body", schema, given or {})
    else:
        shown = "" if given is None else _pretty(given)
        hint = "As JSON. " + _text(schema, "description")
        yield Field("whole", "", "Body", hint.strip(), "json", "long", required, shown)


def _has_fields(terms: Terms, schema: Any) -> bool:
    """Whether each member of the body can have a field of its own."""
    example = terms.example_input.get("body")
    if not isinstance(schema, dict) or not isinstance(example, dict | None):
        return False
    members = schema.get("properties", {})
    spoken = types_of(schema) <= {"object"} and 0 < len(members) <= FIELDS_MAX
    return spoken and set(example or ()) <= set(members)


def _of_object(place: str, schema: Any, example: Mapping[str, Any]) -> list[Field]:
    """The fields of an object's members; members that only the example names come last."""
    members = schema.get("properties", {}) if isinstance(schema, dict) else {}
    required = schema.get("required", ()) if isinstance(schema, dict) else ()
    names = [*members, *(name for name in example if name not in members)]
    return [
        _field(place, name, _property(schema, name), name in required, example.get(name))
        for name in names
    ]


def _field(place: str, name: str, schema: Any, required: bool, given: Any) -> Field:
    kind, control = _kind(place, schema)
    options = _options(kind, schema, required) if control == "choice" else ()
    schema = schema if isinstance(schema, dict) else {}
    return Field(
        place=place,
        name=name,
        label=_text(schema, "title") or name,
        hint=_hint(kind, schema),
        kind=kind,
        control=control,
        required=required,
        value=_written(kind, given if given is not None else schema.get("default")),
        options=options,
        least=_bound(schema, "minimum"),
        most=_bound(schema, "maximum"),
        characters_max=schema.get("maxLength") if kind == "text" else None,
    )


def _kind(place: str, schema: Any) -> tuple[str, str]:
    """What is sent, and how it is asked for."""
    types = types_of(schema)
    if isinstance(schema, dict) and schema.get("enum"):
        texts = place != "body" or types == {"string"}
        return ("text" if texts else "json"), "choice"
    if types == {"boolean"}:
        return "boolean", "choice"
    if types and types <= _NUMBERS:
        return "number", "number"
    if types == {"array"} and (place == "query" or types_of(schema.get("items")) == {"string"}):
        return "lines", "long"
    if place == "body" and types != {"string"}:
        return "json", "long"
    longest = schema.get("maxLength", 0) if isinstance(schema, dict) else 0
    return "text", "long" if place == "body" and longest > LONG_CHARACTERS else "line"


def _options(kind: str, schema: Any, required: bool) -> tuple[tuple[str, str], ...]:
    values = schema.get("enum") or [True, False]
    written = [(_written(kind, value), str(_shown(value))) for value in values]
    return tuple(written if required else [("", "not said"), *written])


def _written(kind: str, value: Any) -> str:
    """A value as it stands in its control."""
    if value is None:
        return ""
    if kind == "lines":
        return "\n".join(map(_shown, value if isinstance(value, list) else [value]))
    if kind == "json":
        return json.dumps(value, ensure_ascii=False) if _is_flat(value) else _pretty(value)
    return _shown(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_flat(value: Any) -> bool:
    return not isinstance(value, dict | list)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _hint(kind: str, schema: Mapping[str, Any]) -> str:
    said = _text(schema, "description")
    least, most = _bound(schema, "minimum"), _bound(schema, "maximum")
    bounds = f"{least or '…'} to {most or '…'}" if kind == "number" and (least or most) else ""
    how = {"lines": "One value a line", "json": "As JSON"}.get(kind, "")
    return ". ".join(part.rstrip(".") for part in (said, bounds, how) if part)


def _bound(schema: Mapping[str, Any], keyword: str) -> str:
    value = schema.get(keyword)
    return "" if value is None or isinstance(value, bool) else str(value)


def _property(schema: Any, name: str) -> Any:
    return schema.get("properties", {}).get(name, {}) if isinstance(schema, dict) else {}


def _text(schema: Any, keyword: str) -> str:
    said = schema.get(keyword, "") if isinstance(schema, dict) else ""
    return said if isinstance(said, str) else ""
