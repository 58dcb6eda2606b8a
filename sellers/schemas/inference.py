"""A schema from one example, for sellers who have none."""

from __future__ import annotations

from typing import Any

from sellers.schemas.rules import NAME_CHARACTERS_MAX, Schema
from sellers.texts import is_plain

LEVELS_MAX = 5
MEMBERS_MAX = 30


def schema_of(value: object, level: int = 1) -> Schema:
    """What every value like this one looks like: its types, and the names it must have."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, list):
        return _array(value, level)
    return _object(value, level)


def _array(value: list[object], level: int) -> Schema:
    if not value or level == LEVELS_MAX:
        return {"type": "array"}
    items = schema_of(value[0], level + 1)
    alike = all(schema_of(item, level + 1) == items for item in value[1:MEMBERS_MAX])
    return {"type": "array", "items": items} if alike else {"type": "array"}


def _object(value: Any, level: int) -> Schema:
    names = [name for name in value if name and len(name) <= NAME_CHARACTERS_MAX and is_plain(name)]
    names = names[:MEMBERS_MAX]
    if not names or level == LEVELS_MAX:
        return {"type": "object"}
    properties = {name: schema_of(value[name], level + 1) for name in names}
    return {"type": "object", "properties": properties, "required": names}
