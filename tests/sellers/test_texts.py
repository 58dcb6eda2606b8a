"""Texts of sellers are data: what a reader cannot see does not get through."""

import json
import unicodedata
from itertools import groupby
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sellers import texts
from sellers.texts import (
    clean,
    clean_ascii,
    faithful,
    is_plain,
    on_one_line,
    shorten,
    visible,
    visible_lines,
)

HIDDEN = {
    "a bidi override": "\u202e",
    "a bidi isolate": "\u2066",
    "a zero-width space": "\u200b",
    "a zero-width joiner": "\u200d",
    "a tag letter": "\U000e0041",
    "a variation selector": "\ufe0f",
    "a supplementary selector": "\U000e0101",
    "a byte order mark": "\ufeff",
    "a Hangul filler": "\u3164",
    "a soft hyphen": "\u00ad",
    "an escape": "\x1b",
    "a null": "\x00",
    "a private character": "\ue000",
    "half a surrogate pair": "\ud800",
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN.keys())
def test_it_takes_out_what_nobody_sees(hidden):
    assert clean(f"Pay{hidden}ment", 100) == "Payment"
    assert not is_plain(f"Pay{hidden}ment")


@given(st.text(max_size=300), st.integers(1, 100))
@example("e\u200b\u0301", 10)
@example("a\u0301\u0301\u0301\u0301\u0301\u0301\u0301 b", 100)
@example("\u0344\u0344\u0344\u0344", 5)
def test_a_cleaned_text_is_short_composed_and_plain(text, characters_max):
    cleaned = clean(text, characters_max)
    assert len(cleaned) <= characters_max
    assert is_plain(cleaned)
    assert unicodedata.is_normalized("NFC", cleaned)
    assert not set(cleaned) & set("\n\r\t\u2028\u2029")
    assert clean(cleaned, characters_max) == cleaned


@given(st.text(max_size=300))
@example("e\u200b\u0301")
@example("\u0344\u0344\u0344\u0344")
def test_lines_are_kept_and_nothing_hidden_is(text):
    seen = visible_lines(text)
    assert is_plain(seen)
    assert unicodedata.is_normalized("NFC", seen)
    assert visible_lines(seen) == seen
    assert clean(seen, 300) == clean(text, 300)
    assert visible_lines("a\r\n\n  b\tc ") == "a\n\n  b\tc "


@given(st.text(max_size=300))
@example("e\u0301\r\n\u00a0\u2028")
@example("a\u200bb\nc")
def test_what_hides_nothing_stands_to_the_letter_and_the_rest_hides_nothing(text):
    (name, (value,)) = next(iter(faithful({text: [text]}).items()))
    assert name == value == (text if is_plain(text) else visible_lines(text))
    assert is_plain(value)


@given(st.text(max_size=300))
@example("a\u0085b\u2028c\u2029d")
def test_json_on_one_line_says_the_same(text):
    written = on_one_line(json.dumps({"said": text}, ensure_ascii=False))
    assert len(written.splitlines()) == 1
    assert json.loads(written) == {"said": text}


def test_it_keeps_what_people_write():
    for text in ("Grüße aus Köln", "Cà phê sữa đá", "日本語の説明", "שלום", "नमस्ते", "C++ → C#"):
        assert clean(text, 100) == text


TONES = "\u302e\u0316"  # one of them is Mc, which stands beside its letter, and is ordered too


@pytest.mark.parametrize("marks", ["\u0301\u0316", "\u0344", TONES], ids=["two", "double", "tones"])
@pytest.mark.parametrize(
    "read", [lambda text: clean(text, len(text)), visible_lines, visible], ids=["one", "all", "any"]
)
def test_no_more_marks_are_ordered_than_a_letter_may_bear(read, marks):
    """To order them costs the square of how many there are."""
    given = []
    tower = "e" + marks * 10_000
    with patch.object(texts.unicodedata, "normalize", side_effect=unicodedata.normalize) as asked:
        assert len(read(tower)) <= 1 + texts.MARKS_IN_A_ROW_MAX
    for call in asked.call_args_list:
        runs = groupby(call.args[1], key=lambda one: unicodedata.combining(one) != 0)
        given += [len(list(run)) for is_mark, run in runs if is_mark]
    assert 0 < max(given) <= 16


def test_what_is_cut_off_is_not_read_either():
    with patch.object(texts.unicodedata, "normalize", side_effect=unicodedata.normalize) as asked:
        assert clean("é" * 100_000, 10) == "é" * 10
        assert clean_ascii("é" * 100_000, 10) == "e" * 10
    assert max(len(call.args[1]) for call in asked.call_args_list) <= 4_000
    assert clean("\u200b" * 100 + "  Payment", 10) == "Payment"


@given(st.text("e\u0301\u0316\u0344\u302e\u302f\u0f73\u200b ", max_size=80))
def test_marks_are_left_as_they_are_once_they_are_few(text):
    seen = visible_lines(text)
    assert visible_lines(seen) == seen
    assert unicodedata.is_normalized("NFC", seen)
    assert clean(clean(text, 80), 80) == clean(text, 80)


@given(st.text(max_size=200))
def test_a_name_for_x402_is_printable_ascii(text):
    name = clean_ascii(text, 32)
    assert len(name) <= 32
    assert all(" " <= character <= "~" for character in name)


def test_accents_are_taken_off_for_ascii():
    assert clean_ascii("Crème brûlée ＡＢ", 32) == "Creme brulee AB"


@given(st.text(max_size=500))
def test_a_shortened_text_is_no_longer_than_asked(text):
    assert len(shorten(text, 30)) <= 30
