"""What a listing may ask a buyer for: path, query and body, each with its schema and example."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sellers.refusals import bad
from sellers.schemas.inference import schema_of
from sellers.schemas.parameters import types_of
from sellers.schemas.rules import Schema, SchemaRefused, admit, plain_data, refuse_depth
from sellers.schemas.validating import complaint
from sellers.terms import BODY_METHODS

EXAMPLE_BYTES_MAX = 2_000
QUERY_NAMES_MAX = 50
OUR_QUERY_NAMES = frozenset({"x402Version", "demo"})  # the door's own, never forwarded
# Where a body can be read, `"demo": true` in it asks for the free sample, as in a query.
OUR_BODY_NAME = "demo"
OURS_IN_A_BODY = (
    f"body.{OUR_BODY_NAME}: true asks the marketplace for the free sample, and never reaches you;"
    " choose another name"
)
_PARTS = ("path", "query", "body")
_AROUND = {"type", "properties", "required", "additionalProperties", "title", "description"}
_SCALARS = frozenset({"string", "number", "integer", "boolean", "null"})


def admit_input(
    given: object, example: Mapping[str, Any], method: str, path_parameters: Sequence[str]
) -> Schema:
    """A listing's input schema in its final shape, made from the example where none is given."""
    schema = given if given is not None else _from_example(example)
    try:
        admitted = admit(schema)
    except SchemaRefused as refused:
        raise bad("input_schema", str(refused)) from refused
    if beside := sorted(set(admitted) - _AROUND):
        raise bad("input_schema", f"{beside[0]} belongs inside path, query or body")
    parts: Schema = admitted.get("properties", {})
    for name, part in parts.items():
        if name not in _PARTS or not isinstance(part, dict):
            raise bad("input_schema", f"its properties are objects path, query, body, not {name}")
    if path_parameters or "path" in parts:
        parts["path"] = _path(parts.get("path", {}), path_parameters)
    if "query" in parts:
        parts["query"] = _query(parts["query"])
    wanted: Sequence[str] = admitted.get("required", list(parts))
    required = [name for name in wanted if name in parts]
    if method in BODY_METHODS:
        parts.setdefault("body", {"type": "object"})
        _refuse_odd_body(parts["body"])
    elif "body" in parts:
        raise bad("input_schema", f"a {method} request has no body here; use query parameters")
    return {
        "type": "object",
        "properties": parts,
        "required": required,
        "additionalProperties": False,
    }


def plain_example(example: Mapping[str, Any]) -> dict[str, Any]:
    """An example call that can be stored and sent, whatever it is an example of."""
    try:
        refuse_depth(example)
        return {name: plain_data(part, name) for name, part in example.items()}
    except SchemaRefused as refused:
        raise bad("example", str(refused)) from refused


def admit_example(example: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The example call, checked against the schema it is an example of."""
    parts = schema["properties"]
    if unknown := sorted(set(example) - set(parts)):
        raise bad("example", f"the listing takes no {unknown[0]}")
    empty = {name: "" if "contentMediaType" in part else {} for name, part in parts.items()}
    try:
        refuse_depth(example)
        full = {name: plain_data(example.get(name, empty[name]), name) for name in parts}
    except SchemaRefused as refused:
        raise bad("example", str(refused)) from refused
    body = full.get("body")
    if isinstance(body, dict) and body.get(OUR_BODY_NAME) is True:
        raise bad("example", OURS_IN_A_BODY)
    for name, value in full.items():
        if wrong := complaint(parts[name], value, name):
            raise bad("example", wrong)
    if len(orjson.dumps(full)) > EXAMPLE_BYTES_MAX:
        raise bad("example", f"an example has at most {EXAMPLE_BYTES_MAX} bytes")
    return full


def _from_example(example: Mapping[str, Any]) -> Schema:
    """What is like the example; a query has the parameters of the example and no others."""
    parts = {name: schema_of(example[name]) for name in example}
    query = example.get("query")
    if isinstance(query, dict) and parts["query"].get("properties", {}).keys() == query.keys():
        parts["query"]["additionalProperties"] = False
    return {"type": "object", "properties": parts}


def _path(part: Schema, names: Sequence[str]) -> Schema:
    kinds = part.get("properties", {})
    if set(kinds) - set(names):
        raise bad(
            "input_schema", f"path parameters are {', '.join(names) or 'none'}, as in the URL"
        )
    for name in names:
        _refuse_structured(kinds.get(name, {}), f"path.{name}")
    return {
        "type": "object",
        "properties": {name: kinds.get(name, {"type": "string"}) for name in names},
        "required": list(names),
        "additionalProperties": False,
    }


def _query(part: Schema) -> Schema:
    kinds = part.get("properties", {})
    if len(kinds) > QUERY_NAMES_MAX:
        raise bad("input_schema", f"at most {QUERY_NAMES_MAX} query parameters")
    if taken := sorted(OUR_QUERY_NAMES & set(kinds)):
        raise bad("input_schema", f"{taken[0]} is a query name of the marketplace itself")
    for name, kind in kinds.items():
        if types_of(kind) == {"array"}:
            kind = kind.get("items", {})
        _refuse_structured(kind, f"query.{name}")
    return {**part, "type": "object"}


def _refuse_structured(kind: object, where: str) -> None:
    if not types_of(kind) <= _SCALARS:
        raise bad("input_schema", f"{where}: a parameter is a text, a number or true/false")


def _refuse_odd_body(body: Schema) -> None:
    demo = body.get("properties", {}).get(OUR_BODY_NAME, False)
    kinds = types_of(demo)
    if demo is not False and (not kinds or "boolean" in kinds):
        raise bad("input_schema", OURS_IN_A_BODY)
    media_type = body.get("contentMediaType", "")
    if media_type and (not media_type.startswith("text/") or body.get("type") != "string"):
        raise bad("input_schema", "body: JSON, or a string with a contentMediaType of text/…")
