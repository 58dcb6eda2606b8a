"""Texts written by sellers, made harmless: they are data, for people and for agents alike."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
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
# JSON writes these as they are, and Python's splitlines, among others, ends a line at them.
_ODD_LINE_ENDS = {"\u0085": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
MARKS_IN_A_ROW_MAX = 4
_MARKS_COMPOSED_MAX = 16  # of one letter; to order them costs the square of how many there are
_MARKS = frozenset({"Mn", "Me"})
_READ_FOR_EACH = 20  # characters for each that is kept: the others may be hidden, or spaces


def clean(text: str, characters_max: int) -> str:
    """The text as a reader sees it: NFC, on one line, nothing hidden, not too long."""
    read = text[: _READ_FOR_EACH * characters_max]
    visible = "".join(_kept(character) for character in _HIDDEN.sub("", read))
    tidy = _composed(_SPACES.sub(" ", visible).strip())
    return tidy[:characters_max].rstrip()


def clean_ascii(text: str, characters_max: int) -> str:
    """The same in printable ASCII, accents taken off: what x402 wants of names and tags."""
    plain = unicodedata.normalize("NFKD", clean(text, _READ_FOR_EACH * characters_max))
    letters = "".join(character for character in plain if " " <= character <= "~")
    return _SPACES.sub(" ", letters).strip()[:characters_max].rstrip()


def is_plain(text: str) -> bool:
    """True when a text hides nothing: the test for names, which cannot be changed for a seller."""
    return not _HIDDEN.search(text) and not any(
        unicodedata.category(character) in _UNWRITTEN and character not in "\n\r\t"
        for character in text
    )


def visible(value: Any) -> Any:
    """A JSON value with nothing in its texts that only a machine would read; lines are kept."""
    return _rewritten(value, visible_lines)


def faithful(value: Any) -> Any:
    """The same, but a text that hides nothing stands to the letter: as the 402 has it."""
    return _rewritten(value, lambda text: text if is_plain(text) else visible_lines(text))


def visible_lines(text: str) -> str:
    """A text of several lines, indented as it was, and nothing hidden in it."""
    lines = _HIDDEN.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    kept = (character if character in "\n\t" else _kept(character) for character in lines)
    return _composed("".join(kept))


def on_one_line(written: str) -> str:
    """JSON that no reader takes for two lines: it says the same, in escapes."""
    for end, escape in _ODD_LINE_ENDS.items():
        written = written.replace(end, escape)
    return written


def shorten(text: str, characters_max: int) -> str:
    """At most so many characters of a text somebody sent, for an error message."""
    shown = clean(text[: 4 * characters_max], 4 * characters_max)
    return shown if len(shown) <= characters_max else shown[: characters_max - 1] + "…"


def _rewritten(value: Any, write: Callable[[str], str]) -> Any:
    """A JSON value with each text in it, names among them, written anew."""
    if isinstance(value, dict):
        return {_rewritten(name, write): _rewritten(item, write) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rewritten(item, write) for item in value]
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    return write(value)


def _kept(character: str) -> str:
    if character.isspace():
        return " "
    return "" if unicodedata.category(character) in _UNWRITTEN else character


def _composed(text: str) -> str:
    """In NFC; marks stacked on one letter cover the lines above, and a language needs a few."""
    few = _with_marks(text, _MARKS_COMPOSED_MAX)
    return _with_marks(unicodedata.normalize("NFC", few), MARKS_IN_A_ROW_MAX)


def _with_marks(text: str, in_a_row_max: int) -> str:
    kept, marks = [], 0
    for character in text:
        is_mark = unicodedata.combining(character) or unicodedata.category(character) in _MARKS
        marks = marks + 1 if is_mark else 0
        if marks <= in_a_row_max:
            kept.append(character)
    return "".join(kept)
