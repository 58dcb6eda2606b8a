"""A listing's example call, written the way a buyer's program sends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from sellers.terms import Terms

JSON_TYPE = "application/json"


def suffix(example: Mapping[str, Any], path_parameters: Sequence[str]) -> str:
    """What follows a listing's address in its example call: path values and query."""
    path = path_values(example)
    segments = "".join(f"/{quote(path[name], safe='')}" for name in path_parameters)
    query = urlencode(query_pairs(example))
    return f"{segments}?{query}" if query else segments


def path_values(example: Mapping[str, Any]) -> dict[str, str]:
    """The path parameters' values as text."""
    return {name: _text(value) for name, value in example.get("path", {}).items()}


def query_pairs(example: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The query's pairs as text, a list as the same name several times."""
    return [
        (name, _text(one))
        for name, value in example.get("query", {}).items()
        for one in (value if isinstance(value, list) else [value])
    ]


def body(example: Mapping[str, Any], media_type: str) -> tuple[str, bytes]:
    """The body's content type and bytes: text where the schema names a type of text, else JSON."""
    if "body" not in example:
        return "", b""
    if media_type:
        return media_type, str(example["body"]).encode()
    return JSON_TYPE, orjson.dumps(example["body"])


def buying(url: str, terms: Terms) -> list[str]:
    """The words that `manage.py buy` takes to buy the seller's own example at this address."""
    example = terms.example_input
    content_type, content = body(example, body_media_type(terms.input_schema))
    words = [url + suffix(example, terms.path_parameters)]
    if content:
        words += ["--json" if content_type == JSON_TYPE else "--data", content.decode()]
    if terms.method != ("POST" if content else "GET"):
        words += ["--method", terms.method]
    return words


def body_media_type(input_schema: Any) -> str:
    """The type of text an input schema wants as its body; empty for JSON or none."""
    try:
        return str(input_schema["properties"]["body"].get("contentMediaType", ""))
    except (AttributeError, KeyError, TypeError):
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
