"""The fields of a draft: which there are, and what follows from typing in one of them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from django.utils.text import slugify

from sellers.drafting import worksheets
from sellers.drafting.forms import field_names
from sellers.drafting.input_rows import ROWS_MAX, TICKED
from sellers.drafting.typed import Typed
from sellers.drafting.worksheets import Saved
from sellers.models import Seller, Worksheet
from sellers.models.listings import SLUG_CHARACTERS_MAX
from sellers.profile.logos import refuse_others
from sellers.refusals import bad
from sellers.site import Site

ROW_KEYS = frozenset({"name", "in", "type", "required", "example", "about"})
ROW_TICK = "required"
BYTES = "sample_base64"  # an answer that is no text; nobody types it on a page
_TICKS: Mapping[Any, str] = {True: TICKED, TICKED: TICKED, False: "", "": ""}


def shown(typed: Typed, site: Site) -> dict[str, Any]:
    """What was typed as a program reads it, and may send it back: a tick is true or false."""
    ticks = {name for name, is_tick in field_names(site).items() if is_tick}
    found = {name: bool(each) if name in ticks else each for name, each in typed.items()}
    found.pop("secret_headers", None)  # said apart, each with whether its value is kept
    rows = [_row_shown(row) for row in typed.get("rows", ())]
    return found | ({"rows": rows} if "rows" in typed else {})


def read(
    given: Mapping[str, Any], seller: Seller, site: Site, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What a program typed, by field; what it was shown before and sends back is not typed."""
    known, before = field_names(site), before or {}
    typed: dict[str, Any] = {}
    for name, value in given.items():
        if name in before and before[name] == value:
            continue
        if name == "rows":
            typed[name] = _rows(value)
        elif name == BYTES:
            typed[name] = _base64(value)
        elif name not in known:
            raise bad(f"typed.{name}", "no field of a draft has this name")
        elif known[name]:
            typed[name] = _tick(f"typed.{name}", value)
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
        typed[BYTES] = ""
    elif typed.get(BYTES):
        typed["sample_body"] = ""
    return typed


def _rows(value: Any) -> list[dict[str, str]]:
    """Parameters row by row, each with texts under names that are known, and one tick."""
    if not isinstance(value, list) or len(value) > ROWS_MAX:
        raise bad("typed.rows", f"a list of up to {ROWS_MAX} parameters")
    return [_row(f"typed.rows.{at}", row) for at, row in enumerate(value)]


def _row(field: str, row: Any) -> dict[str, str]:
    if not isinstance(row, dict) or not set(row) <= ROW_KEYS:
        raise bad(field, "texts under " + ", ".join(sorted(ROW_KEYS)))
    ticked = {name: _tick(field, each) for name, each in row.items() if name == ROW_TICK}
    if not all(isinstance(each, str) for name, each in row.items() if name != ROW_TICK):
        raise bad(field, f"texts, but for {ROW_TICK}: true or false")
    return {**row, **ticked}


def _row_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: bool(each) if name == ROW_TICK else each for name, each in row.items()}


def _tick(field: str, value: Any) -> str:
    """A box that is ticked or not, as a program says it or as a page sends it."""
    if not isinstance(value, bool | str) or value not in _TICKS:
        raise bad(field, "true or false")
    return _TICKS[value]


def _base64(value: Any) -> str:
    try:
        b64decode(value, validate=True)
    except (TypeError, ValueError):
        raise bad(f"typed.{BYTES}", "the bytes of an answer, in base64") from None
    return str(value)
