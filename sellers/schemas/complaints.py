"""What is wrong with a value, in words a buyer's program can act on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from jsonschema import ValidationError

from sellers.texts import shorten

NAME_SHOWN_MAX = 30

_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "minProperties": "at least {} members",
    "maxProperties": "at most {} members",
    "pattern": "text matching {}",
    "const": "{}",
}


def words(name: str, error: ValidationError) -> tuple[str, str]:
    """The field and what it should have been; of what was sent, only names, and cut short."""
    steps = [name, *(shorten(str(step), NAME_SHOWN_MAX) for step in error.absolute_path)]
    rule, value = str(error.validator), error.validator_value
    instance: Any = error.instance
    if rule == "required":
        steps.append(_missing(value, instance))
        return ".".join(filter(None, steps)), "to be given"
    if rule == "additionalProperties" and value is False:
        steps.append(_surplus(error.schema, instance))
        return ".".join(filter(None, steps)), "not to be given"
    return ".".join(filter(None, steps)) or "value", _expected(rule, value)


def _expected(rule: str, value: Any) -> str:
    if rule == "type":
        return " or ".join([value] if isinstance(value, str) else value)
    if rule == "enum":
        return "one of " + ", ".join(_shown(choice) for choice in value)
    if rule in _LIMITS:
        return _LIMITS[rule].format(value if rule == "pattern" else _shown(value))
    return f"what {rule} of the listing's schema says"


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()


def _missing(required: Any, instance: Mapping[str, object]) -> str:
    return str(next(name for name in required if name not in instance))


def _surplus(schema: Any, instance: Mapping[str, object]) -> str:
    known = schema.get("properties", {})
    return shorten(next(name for name in instance if name not in known), NAME_SHOWN_MAX)
