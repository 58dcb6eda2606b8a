"""How a listing is called and what it answers, as version 1 of x402 says it: `outputSchema`.

Old readers want a text for each parameter, and take any JSON for the fields of a body and for
the answer. It stands in every entry of the quote, so it has a length of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from payments.x402.headers import encode_json
from sellers.extensions.bazaar import body_type, without_notes
from sellers.schemas.parameters import types_of
from sellers.schemas.rules import Schema, rebuilt
from sellers.terms import BODY_METHODS, Terms

OUTPUT_SCHEMA_BYTES_MAX = 4_000
PARAMETER_CHARACTERS_MAX = 100
_PARAMETERS = {"path": "pathParams", "query": "queryParams"}


def output_schema(terms: Terms) -> dict[str, Any]:
    """The longest way to say it that is short enough."""
    shortest = {"input": _input(terms, {})}
    return next(
        (way for way in _ways(terms) if len(encode_json(way)) <= OUTPUT_SCHEMA_BYTES_MAX), shortest
    )


def _ways(terms: Terms) -> Iterator[dict[str, Any]]:
    """From everything down to the fields that must be sent."""
    parts = terms.input_schema["properties"]
    yield {"input": _input(terms, parts), "output": terms.output_schema}
    bare = {name: rebuilt(part, without_notes) for name, part in parts.items()}
    said = _input(terms, bare)
    yield {"input": said, "output": rebuilt(terms.output_schema, without_notes)}
    yield {"input": said}
    yield {"input": _input(terms, {name: _required(part) for name, part in bare.items()})}


def _input(terms: Terms, parts: Mapping[str, Schema]) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "http", "method": terms.method, "discoverable": True}
    for name, field in _PARAMETERS.items():
        if name in parts:
            kinds = parts[name].get("properties", {})
            said[field] = {each: _in_words(kind) for each, kind in kinds.items()}
    if terms.method in BODY_METHODS:
        said["bodyType"] = body_type(terms.input_schema["properties"]["body"])
        if properties := parts.get("body", {}).get("properties"):
            said["bodyFields"] = properties
    return said


def _in_words(kind: object) -> str:
    """What a parameter is: its description, else its type."""
    described = kind.get("description") if isinstance(kind, dict) else None
    if described:
        return str(described)[:PARAMETER_CHARACTERS_MAX]
    return " or ".join(sorted(types_of(kind))) or "string"


def _required(part: Schema) -> Schema:
    named = part.get("properties", {})
    kinds = {name: named[name] for name in part.get("required", []) if name in named}
    return {"type": "object", "properties": kinds}
