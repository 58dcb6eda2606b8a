"""The audit log as people read it: a page of it at a time, the newest entry first."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from payments.amounts import Amount
from payments.models import AuditEntry

SHOWN: Final = 50
_HASH_CHARACTERS: Final = 64
_SHORT: Final = 12
_NONE: Final = "none"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which entries are looked for; what is empty fits everything."""

    actor: str = ""
    act: str = ""  # a whole act, or its kind: "listing"
    subject: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in words."""

    sequence: int
    at: datetime
    who: str
    what: str
    subject: str
    changes: tuple[tuple[str, str, str], ...]
    why: str
    hash: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and where the next older ones begin."""

    lines: tuple[Line, ...]
    older: int | None

    def older_href(self, **kept: str) -> str:
        """The address of the next page under the same choices."""
        if self.older is None:
            return ""
        said = {name: value for name, value in kept.items() if value}
        return f"?{urlencode({**said, 'before': self.older})}"


def read(asked: Asked, name: Callable[[list[str]], Mapping[str, str]], most: int = SHOWN) -> Page:
    """A page of the log; `name` says what to call the people and things that stand in it."""
    rows = AuditEntry.objects.order_by("-sequence")
    if asked.actor:
        rows = rows.filter(actor=asked.actor)
    if asked.subject:
        rows = rows.filter(subject=asked.subject)
    if asked.act:
        exact = "." in asked.act
        rows = rows.filter(act=asked.act) if exact else rows.filter(act__startswith=f"{asked.act}.")
    if asked.before is not None:
        rows = rows.filter(sequence__lt=asked.before)
    found = list(rows[: most + 1])
    shown = found[:most]
    names = name([each for row in shown for each in (row.actor, row.subject)])
    lines = tuple(_line(row, names) for row in shown)
    return Page(lines, shown[-1].sequence if len(found) > most else None)


def position(text: str) -> int | None:
    """Where a page begins, as its address says; nonsense counts as not said."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _line(row: AuditEntry, names: Mapping[str, str]) -> Line:
    before, after = row.before or {}, row.after or {}
    said = (
        (fact.replace("_", " "), _said(before.get(fact)), _said(after.get(fact)))
        for fact in dict.fromkeys([*before, *after])
    )
    changes = tuple(each for each in said if each[1:] != (_NONE, _NONE))
    return Line(
        row.sequence,
        row.at,
        names.get(row.actor, row.actor),
        row.act.replace(".", " ").replace("_", " "),
        names.get(row.subject, row.subject),
        changes,
        row.why,
        bytes(row.hash).hex(),
    )


def _said(value: Any) -> str:
    """A value in few words: prices as prices, hashes by their beginning."""
    if value is None or value in ([], {}, ""):
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(each) for each in value)
    if isinstance(value, dict) and {"network", "asset", "amount", "pay_to"} <= value.keys():
        price = Amount.of(value["network"], value["asset"], int(value["amount"]))
        return f"{price.text} to {value['pay_to']}"
    if isinstance(value, str):
        is_hash = len(value) == _HASH_CHARACTERS and value.isalnum()
        return f"{value[:_SHORT]}…" if is_hash else value.replace("_", " ")
    return json.dumps(value, ensure_ascii=False)
