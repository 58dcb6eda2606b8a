"""How lists of plain values are written for PostgreSQL, many to a statement.

psycopg writes each member by itself, in Python, and looks at it with a regular expression: a
tenth of the door's work. Here a list of one plain type is written at once; all others are left
to psycopg.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import NoneType
from typing import Any
from uuid import UUID

from psycopg.abc import Buffer, DumperKey, PyFormat
from psycopg.types.array import BaseListDumper, ListDumper


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _bytes(value: bytes) -> str:
    return f'"\\\\x{value.hex()}"'


def _bool(value: bool) -> str:
    return "t" if value else "f"


_WRITERS: dict[type, Callable[[Any], str]] = {
    int: str,
    str: _text,
    bytes: _bytes,
    bool: _bool,
    UUID: str,
    Decimal: "{:f}".format,
    datetime: '"{}"'.format,
}
_NULL = frozenset({NoneType})


def _writer_of(members: list[Any]) -> Callable[[Any], str] | None:
    """How each member is written, if all are of one plain type or nothing."""
    kinds = set(map(type, members)) - _NULL
    return _WRITERS.get(kinds.pop()) if len(kinds) == 1 else None


class PlainListDumper(ListDumper):
    """Writes a list of plain values; the statement says by a cast or a column what they are."""

    def get_key(self, obj: list[Any], format: PyFormat) -> DumperKey:  # noqa: A002 - psycopg's
        return self.cls if _writer_of(obj) else super().get_key(obj, format)

    def upgrade(self, obj: list[Any], format: PyFormat) -> BaseListDumper:  # noqa: A002
        return self if _writer_of(obj) else super().upgrade(obj, format)

    def dump(self, obj: list[Any]) -> Buffer | None:
        write = _writer_of(obj)
        if write is None:
            return super().dump(obj)
        written = ",".join(["NULL" if each is None else write(each) for each in obj])
        return f"{{{written}}}".encode()
