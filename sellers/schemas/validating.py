"""JSON Schema at work: a buyer's input, a seller's examples, an upstream's answer.

A listing's input schema is one object schema with up to three properties:

    path   an object of the path parameters, all of them required, in the order of the path
    query  an object of scalars, or arrays of scalars (the parameter repeated)
    body   any JSON; or a string with a `contentMediaType` of text/…, a body of plain text

A part it does not name must be absent from the call. Query and path arrive as text and are read
as the types their schema names before they are checked. A query parameter that stands in the
listing's own address is the seller's, unless the schema asks buyers for it by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

import orjson

from sellers.schemas.complaints import words
from sellers.schemas.effort import TooMuchEffort, compiled_schema, first_error
from sellers.schemas.parameters import read, read_all, takes_several
from sellers.schemas.rules import Schema, SchemaRefused, refuse_depth
from sellers.texts import shorten

SHOWN_CHARACTERS_MAX = 100
QUERY_PAIRS_MAX = 200

_JSON_TYPE = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII | re.IGNORECASE)


class InputRefused(Exception):
    """A call whose input the listing does not take; nothing is charged for it."""

    def __init__(self, field: str, expected: str, status: int = 400) -> None:
        self.field = shorten(field, SHOWN_CHARACTERS_MAX)
        self.expected = shorten(expected, 2 * SHOWN_CHARACTERS_MAX)
        self.status = status
        super().__init__(f"{self.field}: expected {self.expected}")


def compile_input(schema: Schema, fixed: Set[str] = frozenset()) -> Validator:
    """A check of calls against an admitted input schema, made once and used for every call.

    `fixed` are the query parameters of the listing's own address.
    """
    return Validator(schema, fixed)


class Validator:
    """Checks one listing's input; raises `InputRefused` with the field and what it expects."""

    def __init__(self, schema: Schema, fixed: Set[str]) -> None:
        parts = schema["properties"]
        required = schema.get("required", ())
        self._path = parts.get("path", {"properties": {}, "required": []})
        self._query = parts.get("query", {"properties": {}, "additionalProperties": False})
        self._fixed = fixed - self._query.get("properties", {}).keys()
        self._body = parts.get("body")
        self._body_required = "body" in required
        self._media_type = str((self._body or {}).get("contentMediaType", ""))
        self._checks = {name: _Check(name, part) for name, part in parts.items()}
        self._no_query = _Check("query", self._query)
        self._passes_without_query = self._takes_no_query()

    def check(
        self,
        segments: Sequence[str],
        query: Sequence[tuple[str, str]],
        content_type: str,
        body: bytes,
    ) -> None:
        """Pass a call's input, or say what is wrong with it."""
        self._check_path(segments)
        if query or not self._passes_without_query:
            self._check_query(query)
        if body or self._body_required:
            self._check_body(content_type, body)

    def _check_path(self, segments: Sequence[str]) -> None:
        names = self._path["required"]
        if len(segments) != len(names):
            raise InputRefused("path", f"{len(names)} parts: /{'/'.join(names)}")
        if names:
            kinds = self._path["properties"]
            values = {
                name: read(kinds[name], segment)
                for name, segment in zip(names, segments, strict=True)
            }
            self._checks["path"].pass_(values)

    def _takes_no_query(self) -> bool:
        """Most calls bring none, and whether they may is the same each time."""
        try:
            self._check_query(())
        except InputRefused:
            return False
        return True

    def _check_query(self, query: Sequence[tuple[str, str]]) -> None:
        if len(query) > QUERY_PAIRS_MAX:
            raise InputRefused("query", f"{QUERY_PAIRS_MAX} parameters at most")
        given: dict[str, list[str]] = {}
        for name, text in query:
            given.setdefault(name, []).append(text)
        kinds = self._query.get("properties", {})
        others = self._query.get("additionalProperties")
        values: dict[str, object] = {}
        for name, texts in given.items():
            if name in self._fixed:
                raise InputRefused(f"query.{name}", "not to be given, the seller has set it")
            if len(texts) > 1 and not takes_several(kinds.get(name, others)):
                raise InputRefused(f"query.{name}", "to be given once")
            values[name] = read_all(kinds.get(name, others), texts)
        self._checks.get("query", self._no_query).pass_(values)

    def _check_body(self, content_type: str, body: bytes) -> None:
        if self._body is None:
            raise InputRefused("body", "no body")
        media_type = content_type.partition(";")[0].strip().lower()
        if self._media_type:
            if media_type != self._media_type:
                raise InputRefused("Content-Type", self._media_type, 415)
            self._checks["body"].pass_(_text(body))
            return
        if not _JSON_TYPE.fullmatch(media_type):
            raise InputRefused("Content-Type", "application/json", 415)
        self._checks["body"].pass_(_json(body))


def complaint(schema: Schema, value: object, name: str = "") -> str | None:
    """What is wrong with a value by an admitted schema, in words; None when it conforms."""
    try:
        _Check(name, schema).pass_(value)
    except InputRefused as refused:
        return str(refused)
    return None


class _Check:
    """One compiled part of a schema."""

    def __init__(self, name: str, schema: Schema) -> None:
        self._name = name
        self._compiled = compiled_schema(schema)

    def pass_(self, value: object) -> None:
        try:
            refuse_depth(value)
            error = first_error(self._compiled, value)
        except (TooMuchEffort, SchemaRefused):
            raise InputRefused(self._name, "fewer values, or less deeply nested", 413) from None
        if error is not None:
            raise InputRefused(*words(self._name, error))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise InputRefused("body", "text in UTF-8") from None


def _json(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InputRefused("body", "valid JSON in UTF-8") from None
