"""Texts of sellers are data: what a reader cannot see does not get through."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sellers.texts import clean, clean_ascii, is_plain, shorten

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


def test_it_keeps_what_people_write():
    for text in ("Grüße aus Köln", "Cà phê sữa đá", "日本語の説明", "שלום", "नमस्ते", "C++ → C#"):
        assert clean(text, 100) == text


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
