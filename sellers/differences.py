"""What changed between two versions of a listing's terms, as people compare them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any
from urllib.parse import urlsplit

import orjson

from payments.amounts import Amount, grouped
from payments.x402.networks import NETWORKS
from sellers.prices import in_dollars
from sellers.terms import PriceTerms, Terms

WORDS_COMPARED_MAX = 2_000
_WORDS = re.compile(r"\s+|[^\s]+")
_FIELDS = (
    ("title", "Title"),
    ("description", "Description"),
    ("service_name", "Short name"),
    ("tags", "Tags"),
    ("category", "Category"),
    ("logo", "Logo"),
    ("method", "Method"),
    ("upstream_url", "Upstream"),
    ("forward_headers", "Headers passed on"),
    ("secret_headers", "Secret headers"),
    ("input_schema", "Input schema"),
    ("example_input", "Example call"),
    ("output_schema", "Answer schema"),
    ("sample", "Example answer"),
    ("release", "Release"),
    ("total_seconds", "Seconds a call may take"),
    ("answer_keep_days", "Days kept"),
    ("require_body", "Needs a body"),
    ("check_output", "Checks required keys"),
    ("stream", "Streams"),
)
# What programs read: shown letter under letter.
_CODE = frozenset({"input_schema", "example_input", "output_schema", "sample"})


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a text: in both, only in the old one, or only in the new one."""

    kind: str  # same, gone, new
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """One field that is not what it was."""

    label: str
    pieces: tuple[Piece, ...]
    warning: str = ""
    alarm: bool = False  # who gets the calls or the money changes
    is_code: bool = False


def differences(old: Terms | None, new: Terms) -> list[Change]:
    """Every field that changes, prices last; against nothing, everything is new."""
    changes = [
        Change(
            label,
            pieces(_spelled(old, name), _spelled(new, name)),
            *_warning(old, new, name),
            is_code=name in _CODE,
        )
        for name, label in _FIELDS
        if _spelled(old, name) != _spelled(new, name)
    ]
    return [*changes, *_price_changes(old, new)]


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Two texts word by word; of very long ones, whole."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if max(len(before), len(after)) > WORDS_COMPARED_MAX:
        return tuple(p for p in (Piece("gone", old), Piece("new", new)) if p.text)
    return tuple(_merged(before, after))


def _merged(before: list[str], after: list[str]) -> Iterator[Piece]:
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield Piece("same", "".join(before[a:b]))
            continue
        if a < b:
            yield Piece("gone", "".join(before[a:b]))
        if c < d:
            yield Piece("new", "".join(after[c:d]))


def _price_changes(old: Terms | None, new: Terms) -> Iterator[Change]:
    before = {(p.network, p.asset): p for p in old.prices} if old else {}
    after = {(p.network, p.asset): p for p in new.prices}
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was == now:
            continue
        network = NETWORKS[key[0]].name if key[0] in NETWORKS else key[0]
        if _amount(was) != _amount(now):
            yield Change(
                f"Price on {network}", pieces(_amount(was), _amount(now)), _percent(was, now)
            )
        if (was.pay_to if was else "") != (now.pay_to if now else ""):
            warning = "The payout wallet changes." if was and now else ""
            yield Change(
                f"Paid to, on {network}",
                pieces(was.pay_to if was else "", now.pay_to if now else ""),
                warning,
                bool(warning),
            )


def _percent(was: PriceTerms | None, now: PriceTerms | None) -> str:
    if was is None or now is None:
        return ""
    share = (now.amount_atomic - was.amount_atomic) * 100 / was.amount_atomic
    return f"{share:+.0f} %" if abs(share) < 100_000 else "very much more"


def _amount(price: PriceTerms | None) -> str:
    if price is None:
        return ""
    amount = Amount.of(price.network, price.asset, price.amount_atomic)
    if amount.decimals is None:
        return grouped(amount.text)
    dollars = f"${in_dollars(price.amount_atomic, amount.decimals).normalize():f}"
    return f"{grouped(dollars)} ({grouped(amount.text)})"


def _warning(old: Terms | None, new: Terms, name: str) -> tuple[str, bool]:
    if name != "upstream_url" or old is None:
        return "", False
    before, after = urlsplit(old.upstream_url).netloc, urlsplit(new.upstream_url).netloc
    if before == after:
        return "", False
    return f"Calls go to another host: {after} instead of {before}.", True


def _spelled(terms: Terms | None, name: str) -> str:
    if terms is None:
        return ""
    value: Any = getattr(terms, name)
    if name == "sample":
        body = value.body.decode("utf-8", "replace")
        return f"{value.status} {value.content_type}\n{body}"
    if isinstance(value, tuple):
        return ", ".join(value)
    if isinstance(value, dict):
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
