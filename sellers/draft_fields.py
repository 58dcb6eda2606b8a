"""The fields of a draft: which there are, and what follows from typing in one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.text import slugify

from sellers import worksheets
from sellers.forms import field_names
from sellers.input_rows import ROWS_MAX
from sellers.logos import refuse_others
from sellers.models import SLUG_CHARACTERS_MAX, Seller, Worksheet
from sellers.refusals import bad
from sellers.site import Site
from sellers.typed import Typed
from sellers.worksheets import Saved

ROW_KEYS = frozenset({"name", "in", "type", "required", "example", "about"})


def read(given: Mapping[str, Any], seller: Seller, site: Site) -> dict[str, Any]:
    """What a program typed, by field; a tick is true or false, everything else a text."""
    known = field_names(site)
    typed: dict[str, Any] = {}
    for name, value in given.items():
        if name == "rows":
            typed[name] = _rows(value)
        elif name not in known:
            raise bad(f"typed.{name}", "no field of a draft has this name")
        elif known[name]:  # a box that is ticked or not
            typed[name] = "on" if value in (True, "on") else ""
        elif not isinstance(value, str):
            raise bad(f"typed.{name}", "a text, as it would be typed")
        else:
            typed[name] = value
    refuse_others(seller, typed.get("logo", ""))
    return typed


def start(seller: Seller, given: Typed) -> Worksheet:
    """A draft with what was typed already, and what follows from it."""
    return worksheets.start(seller, _whole({}, given))


def keep(worksheet: Worksheet, given: Typed, *, version: int, tab: str) -> Saved:
    """Save what was typed, and what follows from it."""
    typed = _whole(worksheet.typed, given)
    if worksheet.of_listing:
        typed.pop("slug", None)
    return worksheets.save(worksheet, typed, version=version, tab=tab)


def _whole(before: Typed, given: Typed) -> dict[str, Any]:
    """An address made of the title where none was typed, and one example answer, not two."""
    typed = dict(given)
    if not typed.get("slug", "x").strip():
        title = str(typed.get("title", before.get("title", "")))
        typed["slug"] = slugify(title)[:SLUG_CHARACTERS_MAX].strip("-")
    if typed.get("sample_body", "").strip():
        typed["sample_base64"] = ""
    return typed


def _rows(value: Any) -> list[dict[str, str]]:
    """Parameters row by row, each with texts under names that are known."""
    if not isinstance(value, list) or len(value) > ROWS_MAX:
        raise bad("typed.rows", f"a list of up to {ROWS_MAX} parameters")
    for at, row in enumerate(value):
        texts = isinstance(row, dict) and all(isinstance(each, str) for each in row.values())
        if not texts or not set(row) <= ROW_KEYS:
            raise bad(f"typed.rows.{at}", "texts under " + ", ".join(sorted(ROW_KEYS)))
    return value
