"""What a step's form brought besides its plain fields: rows, the version, the tab."""

from __future__ import annotations

import re

from django.http import QueryDict

_TAB = re.compile(r"[0-9a-f]{16}")
_ROW = re.compile(r"row-(\d{1,3})-(name|in|type|required|example|about)")


def rows(posted: QueryDict, *, but: str = "") -> list[dict[str, str]]:
    """The rows of the table, in order; those without a name stay while they are being typed.

    `but` is the number of one that is to go: names are no way to tell them apart.
    """
    found: dict[int, dict[str, str]] = {}
    for name, value in posted.items():
        if match := _ROW.fullmatch(name):
            found.setdefault(int(match[1]), {})[match[2]] = str(value)
    if but.isdecimal() and len(but) < 4:
        found.pop(int(but), None)
    rows = [found[number] for number in sorted(found)]
    return [row for row in rows if any(row.get(key) for key in ("name", "example", "about"))]


def version(posted: QueryDict) -> int:
    """Which version of the draft the fields were filled from."""
    text = posted.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def tab(posted: QueryDict) -> str:
    """The browser's tab in which it was typed."""
    text = posted.get("tab", "")
    return text if _TAB.fullmatch(text) else ""
