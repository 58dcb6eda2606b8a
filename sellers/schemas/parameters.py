"""Query and path parameters arrive as text; here they become what their schema names."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,2})?")
_TRUTH = {"true": True, "false": False}


def takes_several(schema: object) -> bool:
    """True when a parameter may be repeated: an array, or one whose type nobody said."""
    kinds = types_of(schema)
    return not kinds or "array" in kinds


def read_all(schema: object, texts: list[str]) -> object:
    """A parameter given once or several times, as one value."""
    kinds = types_of(schema)
    if "array" in kinds and (len(texts) > 1 or "string" not in kinds):
        items = schema.get("items", {}) if isinstance(schema, dict) else {}
        return [read(items, text) for text in texts]
    return read(schema, texts[0]) if len(texts) == 1 else list(texts)


def read(schema: object, text: str) -> object:
    """A parameter as the type its schema names; as text where it does not look like it."""
    kinds = types_of(schema)
    if "boolean" in kinds and text in _TRUTH:
        return _TRUTH[text]
    if kinds & {"integer", "number"} and _WHOLE.fullmatch(text):
        return int(text)
    if "number" in kinds and _NUMBER.fullmatch(text):
        return float(text)
    return text


def types_of(schema: object) -> frozenset[str]:
    """The JSON types a schema speaks of, its branches included."""
    if not isinstance(schema, dict):
        return frozenset()
    kinds = schema.get("type", ())
    found = {kinds} if isinstance(kinds, str) else set(kinds)
    for value in (*schema.get("enum", ()), *((schema["const"],) if "const" in schema else ())):
        found.add(type_name(value))
    for keyword in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(keyword, ()):
            found |= types_of(branch)
    return frozenset(found)


def type_name(value: object) -> str:
    """The JSON type of a value."""
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
