"""Which JSON Schemas a listing may carry: 2020-12, self-contained, bounded in every direction.

A schema is taken in once, when a revision is drafted, and written out plainly: references are
replaced by what they name, texts are cleaned, and every rule that could keep the door busy is
bounded. Everything after this (checking input, the 402, OpenAPI) may trust it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from sellers.schemas.patterns import PatternRefused, attempts, refuse_foreign
from sellers.texts import clean, is_plain, shorten

Schema = dict[str, Any]

SCHEMA_BYTES_MAX = 16_000
SCHEMA_NODES_MAX = 400
SCHEMA_LEVELS_MAX = 8
VALUE_LEVELS_MAX = 32
NAME_CHARACTERS_MAX = 64
DESCRIPTION_CHARACTERS_MAX = 300
PATTERN_ATTEMPTS_MAX = 20_000
PATTERN_TEXT_CHARACTERS_MAX = 256  # what is matched against a pattern that sets no maxLength
WHOLE_MAX = 2**53  # the last whole number that every JSON reader reads alike

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DIALECTS = frozenset(
    {
        DIALECT,
        "http://json-schema.org/draft-07/schema",
        "http://json-schema.org/draft-07/schema#",
    }
)
_ONE = frozenset({"additionalProperties", "items", "contains", "not", "if", "then", "else"}) | {
    "propertyNames"
}
_SEVERAL = frozenset({"prefixItems", "allOf", "anyOf", "oneOf"})
_NAMED = frozenset({"properties", "dependentSchemas"})
_TEXTS = {"title": NAME_CHARACTERS_MAX, "description": DESCRIPTION_CHARACTERS_MAX}
_DATA = frozenset({"enum", "const", "default", "examples"})
_COUNTS = frozenset({"minLength", "maxLength", "minItems", "maxItems", "minContains"}) | {
    "maxContains",
    "minProperties",
    "maxProperties",
}
_RANGES = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_RULES = frozenset({"type", "required", "dependentRequired", "pattern", "uniqueItems"})
_NOTES = frozenset(
    {"format", "contentMediaType", "contentEncoding", "deprecated", "readOnly", "writeOnly"}
)
_PLAIN = _DATA | _COUNTS | _RANGES | _RULES | _NOTES
_DROPPED = frozenset({"$schema", "$defs", "definitions", "$comment"})


class SchemaRefused(ValueError):
    """A schema that cannot be published; the message says where and why."""


def admit(schema: object) -> Schema:
    """The same schema written out plainly, or a refusal that says what to change."""
    if not isinstance(schema, dict):
        raise SchemaRefused("a schema is a JSON object")
    refuse_depth(schema)
    if str(schema.get("$schema", DIALECT)) not in _DIALECTS:
        raise SchemaRefused(f"$schema must be {DIALECT}")
    plain = _Admission(schema).schema(schema, "schema", 1, ())
    assert isinstance(plain, dict)
    try:
        Draft202012Validator.check_schema(plain)
    except SchemaError as wrong:
        where = ".".join(str(step) for step in wrong.absolute_path)
        raise SchemaRefused(f"{where or 'schema'}: {shorten(wrong.message, 150)}") from wrong
    if len(orjson.dumps(plain)) > SCHEMA_BYTES_MAX:
        raise SchemaRefused(f"the schema is larger than {SCHEMA_BYTES_MAX} bytes written out")
    return plain


def plain_data(value: Any, where: str) -> Any:
    """A JSON value as it comes back from storage: whole numbers whole, nothing hidden in texts."""
    if isinstance(value, dict):
        return {_name(key, where): plain_data(item, where) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_data(item, where) for item in value]
    if isinstance(value, str) and not is_plain(value):
        raise SchemaRefused(f"{where}: a text holds characters nobody can see")
    if isinstance(value, int | float) and not -WHOLE_MAX <= value <= WHOLE_MAX:
        raise SchemaRefused(f"{where}: a number beyond {WHOLE_MAX}")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def refuse_depth(value: object) -> None:
    """Refuse what is nested too deeply for anything that walks it."""
    level = [value]
    for _ in range(VALUE_LEVELS_MAX):
        level = [below for above in level for below in _inside(above)]
        if not level:
            return
    raise SchemaRefused(f"nested more than {VALUE_LEVELS_MAX} levels deep")


def rebuilt(schema: Any, change: Callable[[Schema], Schema]) -> Any:
    """An admitted schema with every schema in it changed, the innermost first."""
    if not isinstance(schema, dict):
        return schema
    inner = dict(schema)
    for keyword, value in schema.items():
        if keyword in _ONE:
            inner[keyword] = rebuilt(value, change)
        elif keyword in _SEVERAL:
            inner[keyword] = [rebuilt(one, change) for one in value]
        elif keyword in _NAMED:
            inner[keyword] = {name: rebuilt(one, change) for name, one in value.items()}
    return change(inner)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def _name(name: object, where: str) -> str:
    if not isinstance(name, str) or not name or len(name) > NAME_CHARACTERS_MAX:
        raise SchemaRefused(f"{where}: a name has 1 to {NAME_CHARACTERS_MAX} characters")
    if not is_plain(name):
        raise SchemaRefused(f"{where}: a name holds characters nobody can see")
    return name


class _Admission:
    """One pass over one schema, counting as it goes."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def schema(
        self, given: object, where: str, level: int, following: tuple[str, ...]
    ) -> Schema | bool:
        self._nodes += 1
        if self._nodes > SCHEMA_NODES_MAX:
            raise SchemaRefused(f"more than {SCHEMA_NODES_MAX} schemas in one, written out")
        if level > SCHEMA_LEVELS_MAX:
            raise SchemaRefused(f"{where}: nested more than {SCHEMA_LEVELS_MAX} levels deep")
        if isinstance(given, bool):
            return given
        if not isinstance(given, dict):
            raise SchemaRefused(f"{where}: a schema is a JSON object")
        if "$ref" in given:
            return self._referred(given, where, level, following)
        plain = {}
        for keyword, value in given.items():
            if keyword in _DROPPED or keyword.startswith("x-"):
                continue
            plain[keyword] = self._keyword(keyword, value, where, level, following)
        return _bounded(plain, where)

    def _keyword(
        self, keyword: str, value: Any, where: str, level: int, following: tuple[str, ...]
    ) -> Any:
        inner = f"{where}.{keyword}"
        if keyword in _ONE:
            return self.schema(value, inner, level + 1, following)
        if keyword in _SEVERAL and isinstance(value, list):
            return [
                self.schema(one, f"{inner}[{index}]", level + 1, following)
                for index, one in enumerate(value)
            ]
        if keyword in _NAMED and isinstance(value, dict):
            return {
                _name(name, inner): self.schema(
                    one, f"{where}.{shorten(name, 30)}", level + 1, following
                )
                for name, one in value.items()
            }
        if keyword in _TEXTS and isinstance(value, str):
            return clean(value, _TEXTS[keyword])
        if keyword in _PLAIN:
            return plain_data(value, inner)
        raise SchemaRefused(f"{where}: {shorten(str(keyword), 40)!r} cannot be used here")

    def _referred(
        self, given: Schema, where: str, level: int, following: tuple[str, ...]
    ) -> Schema | bool:
        """What a reference names, put in its place; words beside it win over the target's."""
        reference = given["$ref"]
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise SchemaRefused(f"{where}: a reference must point into this schema, as #/$defs/…")
        if reference in following:
            raise SchemaRefused(f"{where}: a schema that contains itself cannot be used")
        beside = {key: value for key, value in given.items() if key in _TEXTS | {"default": 0}}
        if extra := set(given) - set(beside) - {"$ref"} - _DROPPED:
            raise SchemaRefused(f"{where}: {sorted(extra)[0]!r} beside $ref; put it in allOf")
        target = self._target(reference, where)
        if isinstance(target, dict):
            target = {**target, **beside}
        return self.schema(target, where, level, (*following, reference))

    def _target(self, reference: str, where: str) -> object:
        target: object = self._root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise SchemaRefused(f"{where}: {shorten(reference, 60)} is not in this schema")
            target = target[key]
        return target


def _bounded(schema: Schema, where: str) -> Schema:
    """What would take time without an end gets one, and says so in the schema itself."""
    if "pattern" in schema:
        longest = schema.setdefault("maxLength", PATTERN_TEXT_CHARACTERS_MAX)
        _refuse_pattern(schema["pattern"], longest, where)
    return schema


def _refuse_pattern(pattern: object, longest: object, where: str) -> None:
    if not isinstance(pattern, str) or not isinstance(longest, int):
        raise SchemaRefused(f"{where}: pattern is a text and maxLength a number")
    try:
        ways = attempts(pattern, longest)
        refuse_foreign(pattern)
    except PatternRefused as wrong:
        raise SchemaRefused(f"{where}: {wrong}") from wrong
    if ways > PATTERN_ATTEMPTS_MAX:
        raise SchemaRefused(
            f"{where}: the pattern could take {ways} attempts on a text of {longest} characters; "
            "write ^ and $, give + and * an upper limit as {1,20}, or set a smaller maxLength"
        )
