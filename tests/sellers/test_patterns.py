"""A seller's pattern never keeps the door busy: its worst case is known beforehand."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sellers.schemas.patterns import PatternRefused, attempts, compiled, refuse_foreign

TEXT = 256
TAKEN_MAX = 20_000


@pytest.mark.parametrize(
    ("pattern", "most"),
    [
        ("^[a-z0-9-]+$", 257),
        (r"^\d{4}-\d{2}-\d{2}$", 1),
        (r"^(\d{1,3}\.){3}\d{1,3}$", 81),
        ("^0x[0-9a-fA-F]{40}$", 1),
        ("^(?:en|de|fr)$", 3),
        (r"^[\w.+-]+$", 257),
        ("a|b", 2 * 257),
    ],
)
def test_it_counts_the_ways_a_pattern_can_be_tried(pattern, most):
    assert attempts(pattern, TEXT) == most


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a+)+$",
        "^(a|a)*$",
        "^(a|aa)+$",
        "^([a-z]*)*$",
        "(x+x+)+y",
        "^(a?){30}a{30}$",
        "^" + "a?" * 30 + "a" * 30 + "$",
        "^(a*){10}$",
        r"^\d+\.\d+\.\d+$",
        "((((a?){1000}){1000}){1000}){1000}",
    ],
)
def test_it_refuses_or_counts_high_what_could_take_for_ever(pattern):
    with suppress(PatternRefused):
        assert attempts(pattern, TEXT) > TAKEN_MAX


@pytest.mark.parametrize(
    "pattern",
    [
        *(r"(?=a)a", r"(?<!a)b", r"(a)\1", r"(?P<n>a)(?P=n)", "(?i)a", "a++", "(?>a)", r"\p{L}"),
        *("[[a]", "[a&&b]", "a{3", "a)", "(a", "*a", "a{2,1}", "a{5000}", "[b-a]", "a" * 201),
    ],
)
def test_it_refuses_what_it_cannot_count(pattern):
    with pytest.raises(PatternRefused):
        attempts(pattern, TEXT)


@pytest.mark.parametrize(
    ("pattern", "escape"),
    [
        (r"^\d{4}\-\d{2}$", r"\-"),
        (r"^\#[0-9a-f]{6}$", r"\#"),
        (r"^[\w\@]+$", r"\@"),
        (r"^a\_b$", r"\_"),
        (r"^\é$", r"\é"),
    ],
)
def test_an_escape_that_javascript_does_not_know_is_refused_and_the_cure_said(pattern, escape):
    with pytest.raises(PatternRefused) as refused:
        refuse_foreign(pattern)
    assert f"{escape} there: write {escape[1]}" in str(refused.value)
    assert attempts(pattern, TEXT)
    cured = pattern.replace(escape, escape[1])
    refuse_foreign(cured)
    assert attempts(cured, TEXT) == attempts(pattern, TEXT)


@pytest.mark.parametrize(
    "pattern",
    [
        r"^\^\$\\\.\*\+\?\(\)\[\]\{\}\|\/$",
        r"^[\^\$\\\.\*\+\?\(\)\[\]\{\}\|\/\-]$",
        r"^\d\D\w\W\s\S\t\n\r\f\v\x41\u0041\b.$",
        r"^[\d\w\s\t\x41\u0041_-]+(-|#|@)$",
    ],
)
def test_what_javascript_knows_is_taken(pattern):
    refuse_foreign(pattern)


def test_the_end_is_the_very_end():
    assert compiled("^a$").search("a")
    assert not compiled("^a$").search("a\n")
    assert compiled(r"^a\$$").search("a$")
    assert compiled("^[$]$").search("$")


def test_digits_are_the_ten_of_json_schema():
    assert not compiled(r"^\d$").search("٣")


PIECES = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", "a+", "b*", "a?", "[ab]{0,9}"])
GROUPS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["", "?", "*", "+", "{2}", "{1,3}"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=8,
)


@given(GROUPS, st.sampled_from(["a" * TEXT, "ab" * (TEXT // 2), "a" * (TEXT - 1) + "!"]))
def test_what_is_taken_comes_to_an_end(pattern, text):
    """A wrong count would hang here."""
    pattern = f"^{pattern}$"
    try:
        ways = attempts(pattern, TEXT)
    except PatternRefused:
        return
    if ways <= TAKEN_MAX:
        compiled(pattern).search(text)


@given(st.text(max_size=30))
def test_any_text_is_counted_or_refused(pattern):
    with suppress(PatternRefused):
        assert attempts(pattern, TEXT) >= 1
