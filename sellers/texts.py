"""Texts written by sellers, made harmless: they are data, for people and for agents alike."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

# Default_Ignorable_Code_Point of Unicode: drawn as nothing, read by machines. Bidi controls,
# zero-width characters, variation selectors and the tag block are all in here.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_IGNORABLE}]")
_SPACES = re.compile(r"\s+")
# Control, format, surrogate, private use, unassigned.
_UNWRITTEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
MARKS_IN_A_ROW_MAX = 4
_MARKS = frozenset({"Mn", "Me"})


def clean(text: str, characters_max: int) -> str:
    """The text as a reader sees it: NFC, on one line, nothing hidden, not too long."""
    visible = "".join(_kept(character) for character in _HIDDEN.sub("", text))
    tidy = _without_towers(unicodedata.normalize("NFC", _SPACES.sub(" ", visible).strip()))
    return tidy[:characters_max].rstrip()


def clean_ascii(text: str, characters_max: int) -> str:
    """The same in printable ASCII, accents taken off: what x402 wants of names and tags."""
    plain = unicodedata.normalize("NFKD", clean(text, len(text)))
    letters = "".join(character for character in plain if " " <= character <= "~")
    return _SPACES.sub(" ", letters).strip()[:characters_max].rstrip()


def is_plain(text: str) -> bool:
    """True when a text hides nothing: the test for names, which cannot be changed for a seller."""
    return not _HIDDEN.search(text) and not any(
        unicodedata.category(character) in _UNWRITTEN and character not in "\n\r\t"
        for character in text
    )


def visible(value: Any) -> Any:
    """A JSON value with nothing in its texts that only a machine would read."""
    if isinstance(value, dict):
        return {visible(name): visible(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [visible(item) for item in value]
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return clean(value, len(value))


def shorten(text: str, characters_max: int) -> str:
    """At most so many characters of a text somebody sent, for an error message."""
    shown = clean(text[: 4 * characters_max], 4 * characters_max)
    return shown if len(shown) <= characters_max else shown[: characters_max - 1] + "…"


def _kept(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNWRITTEN else character


def _without_towers(text: str) -> str:
    """Marks stacked on one letter cover the lines above; a language needs a few at most."""
    kept, marks = [], 0
    for character in text:
        marks = marks + 1 if unicodedata.category(character) in _MARKS else 0
        if marks <= MARKS_IN_A_ROW_MAX:
            kept.append(character)
    return "".join(kept)
