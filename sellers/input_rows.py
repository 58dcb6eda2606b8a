"""Parameters given row by row, as a JSON Schema with an example; and such a schema as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from sellers.parameters import read
from sellers.refusals import bad
from sellers.schema_rules import Schema
from sellers.terms import BODY_METHODS

TYPES = ("string", "integer", "number", "boolean")
ROWS_MAX = 50
TICKED = "on"  # as a browser sends a box


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


def rows_of(schema: Schema, example: Mapping[str, Any]) -> list[dict[str, str]] | None:
    """The rows that would give this schema and example again; None where rows cannot say it."""
    rows = []
    for where, part in schema.get("properties", {}).items():
        if part.get("type") != "object" or set(part) - {
            "type", "properties", "required", "additionalProperties",
        }:  # fmt: skip
            return None
        kinds = part.get("properties", {})
        closed = part.get("additionalProperties") is False or where == "path"
        if (kinds and not closed) or (where == "body" and not kinds and example.get("body")):
            return None
        for name, kind in kinds.items():
            if not isinstance(kind, dict) or set(kind) - {"type", "description"}:
                return None
            if kind.get("type") not in TYPES:
                return None
            shown = example.get(where, {}).get(name, "")
            rows.append(
                {
                    "name": name,
                    "in": where,
                    "type": kind["type"],
                    "required": TICKED if name in part.get("required", ()) else "",
                    "example": shown if isinstance(shown, str) else orjson.dumps(shown).decode(),
                    "about": kind.get("description", ""),
                }
            )
    return rows
