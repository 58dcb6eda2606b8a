"""A JSON Schema validator that stops when it has worked enough.

Schemas come from sellers and values from anybody, and a check runs where every other call waits.
So every rule that is tried is paid for from a budget, and its price is about its time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from sellers.schemas.patterns import attempts, compiled
from sellers.schemas.rules import Schema

# One unit is a rule tried or a step down into a value, 1 to 4 µs where this was measured: the
# slowest check found took a quarter of a second, a thousand records of ten fields half of that.
EFFORT_MAX = 100_000
EFFORT_OF_A_FAILURE = 5
ATTEMPTS_PER_UNIT = 50
MEMBERS_PER_UNIT = 8

_STEPS_DOWN = frozenset({"items", "contains", "additionalProperties", "propertyNames"}) | {
    "properties",
    "prefixItems",
    "allOf",
    "anyOf",
    "oneOf",
}

_Errors = Iterator[ValidationError]
_Rule = Callable[[Any, Any, Any, Any], _Errors | None]


class TooMuchEffort(Exception):
    """The value has too many parts to be checked against this schema."""


class _Budget(threading.local):
    """What the check that runs in this thread may still spend; checks never interleave in one."""

    left = 0


_budget = _Budget()


def compiled_schema(schema: Schema) -> Any:
    """An admitted schema ready for `first_error`."""
    return _Validator(schema, registry=Registry())


def first_error(validator: Any, value: object) -> ValidationError | None:
    """The first rule a value breaks; raises `TooMuchEffort` when it takes too long to find out."""
    _budget.left = EFFORT_MAX
    error: ValidationError | None = next(validator.iter_errors(value), None)
    return error


def _spend(units: int) -> None:
    _budget.left -= units
    if _budget.left < 0:
        raise TooMuchEffort


def _paid(name: str, rule: _Rule) -> _Rule:
    members_per_unit = 1 if name in _STEPS_DOWN else MEMBERS_PER_UNIT

    def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> _Errors:
        _spend(1 + (_members(wanted) + _members(instance)) // members_per_unit)
        for error in rule(validator, wanted, instance, schema) or ():
            _spend(EFFORT_OF_A_FAILURE)
            yield error

    return check


def _members(value: object) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> _Errors:
    # A longer text already fails maxLength, and the attempts are counted up to there only.
    if isinstance(instance, str) and len(instance) <= schema["maxLength"]:
        _spend(attempts(pattern, schema["maxLength"]) // ATTEMPTS_PER_UNIT)
        if not compiled(pattern).search(instance):
            yield ValidationError("pattern")


def _unique_items(validator: Any, unique: bool, instance: Any, schema: Any) -> _Errors:
    # The library compares each with each; this is one look at each.
    if unique and isinstance(instance, list):
        seen = {orjson.dumps(item, option=orjson.OPT_SORT_KEYS) for item in instance}
        if len(seen) < len(instance):
            yield ValidationError("uniqueItems")


_RULES: dict[str, _Rule] = {
    **Draft202012Validator.VALIDATORS,
    "pattern": _pattern,
    "uniqueItems": _unique_items,
}
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {name: _paid(name, rule) for name, rule in _RULES.items()}
)
