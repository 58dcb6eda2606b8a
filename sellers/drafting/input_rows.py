"""Parameters given row by row, as a JSON Schema with an example; and such a schema as rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from sellers.refusals import bad
from sellers.schemas.parameters import read
from sellers.schemas.rules import Schema
from sellers.terms import BODY_METHODS

TYPES = ("string", "integer", "number", "boolean")
ROWS_MAX = 50
TICKED = "on"  # as a browser sends a box
_PART = frozenset({"type", "properties", "required", "additionalProperties"})


class Unsayable(ValueError):
    """A schema that says more than rows can; the message names what."""


def from_rows(
    rows: list[Mapping[str, str]], method: str, path: list[str]
) -> tuple[Schema | None, dict[str, Any]]:
    """The schema and the example that rows say, in an address with these path parameters."""
    named = [row for row in rows if str(row.get("name", "")).strip()]
    if len(named) > ROWS_MAX:
        raise bad("input_schema", f"at most {ROWS_MAX} parameters")
    if not named and not path:
        return None, {}
    parts: dict[str, Schema] = {}
    example: dict[str, Any] = {}
    for row in named:
        name = row["name"].strip()
        where = "path" if name in path else "body" if method in BODY_METHODS else "query"
        where = row["in"] if row.get("in") in ("query", "body") and where != "path" else where
        kind: Schema = {"type": row["type"] if row.get("type") in TYPES else "string"}
        if about := str(row.get("about", "")).strip():
            kind["description"] = about
        part = parts.setdefault(
            where,
            {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        )
        if name in part["properties"]:
            raise bad("input_schema", f"{name} is there twice")
        part["properties"][name] = kind
        if row.get("required") or where == "path":
            part["required"].append(name)
        if shown := str(row.get("example", "")).strip():
            example.setdefault(where, {})[name] = read(kind, shown)
    return {"type": "object", "properties": parts}, example


def rows_of(
    schema: object, example: Mapping[str, Any], path: Collection[str]
) -> list[dict[str, str]]:
    """The rows that would give this schema and example again; `Unsayable` where rows cannot.

    `path` holds the path parameters of the address, which a schema need not name.
    """
    if not isinstance(schema, dict):
        raise Unsayable("a schema is a JSON object")
    if beside := sorted(set(schema) - _PART):
        raise Unsayable(f"there is {beside[0]} in it")
    parts, needed = schema.get("properties", {}), schema.get("required")
    if not isinstance(parts, dict):
        raise Unsayable("properties is a JSON object")
    if beside := sorted(set(example) - set(parts)):
        raise Unsayable(f"the example has {beside[0]}, which the schema does not name")
    rows = []
    for where, part in parts.items():
        found = _rows_of_part(where, part, example.get(where, {}))
        if found and needed is not None and where not in needed:
            raise Unsayable(f"{where} may be left out")
        rows += found
    if len(rows) > ROWS_MAX:
        raise Unsayable(f"there are more than {ROWS_MAX} parameters")
    in_path = {*path, *(row["name"] for row in rows if row["in"] == "path")}
    for row in rows:
        if row["in"] != "path" and row["name"] in in_path:
            raise Unsayable(f"{row['name']} is in the path and in the {row['in']}")
    return rows


def _rows_of_part(where: str, part: object, shown: object) -> list[dict[str, str]]:
    if where not in ("path", "query", "body"):
        raise Unsayable(f"{where} is none of path, query and body")
    if not isinstance(part, dict) or part.get("type") != "object":
        raise Unsayable(f"{where} is no object")
    if beside := sorted(set(part) - _PART):
        raise Unsayable(f"{where} has {beside[0]}")
    kinds, required = part.get("properties", {}), part.get("required", [])
    if (
        not isinstance(kinds, dict)
        or not isinstance(required, list)
        or not set(required) <= {*kinds}
    ):
        raise Unsayable(f"{where} needs what it does not name")
    closed = part.get("additionalProperties") is False or where == "path"
    if not closed and (kinds or where == "query"):
        raise Unsayable(f"{where} takes other names, too (no additionalProperties: false)")
    if shown and (not isinstance(shown, dict) or set(shown) - set(kinds)):
        raise Unsayable(f"the example's {where} has what the schema does not name")
    values = shown if isinstance(shown, dict) else {}
    return [_row(where, name, kind, name in required, values) for name, kind in kinds.items()]


def _row(
    where: str, name: str, kind: object, needed: bool, values: Mapping[str, Any]
) -> dict[str, str]:
    if not isinstance(kind, dict) or kind.get("type") not in TYPES:
        raise Unsayable(f"{where}.{name} is no text, number or true/false")
    if beside := sorted(set(kind) - {"type", "description"}):
        raise Unsayable(f"{where}.{name} has {beside[0]}")
    shown = values.get(name, "")
    return {
        "name": name,
        "in": where,
        "type": kind["type"],
        "required": TICKED if needed else "",
        "example": shown if isinstance(shown, str) else orjson.dumps(shown).decode(),
        "about": str(kind.get("description", "")),
    }
