"""Addresses on a page: short, copied whole, and known again by their pattern."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from marketplace.look.addresses import SIDE, TINTS, pattern, short

ONE, OTHER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x" + "ab" * 20


@pytest.mark.parametrize(
    ("value", "expected"),
    [(ONE, "0x7099…79C8"), ("ada", "ada"), ("0x12", "0x12"), ("0x" + "g" * 40, "0x" + "g" * 40)],
)
def test_only_what_is_long_and_hexadecimal_is_shortened(value: str, expected: str) -> None:
    assert short(value) == expected


def test_the_same_address_has_the_same_pattern_however_it_is_written() -> None:
    assert pattern(ONE) == pattern(ONE.lower()) == pattern(ONE.upper())
    assert pattern(ONE) != pattern(OTHER)


def test_a_pattern_mirrors_itself_and_stays_in_its_square() -> None:
    drawn = pattern(ONE)

    assert {(SIDE - 1 - column, row) for column, row in drawn.cells} == set(drawn.cells)
    assert all(0 <= place < SIDE for cell in drawn.cells for place in cell)
    assert drawn.path.count("z") == len(drawn.cells)
    assert 0 <= drawn.tint < TINTS


def test_the_whole_address_can_be_copied_and_hostile_text_stays_text() -> None:
    template = Template("{% load souk %}{% address value %}{% copyable value %}")

    assert template.render(Context({"value": ONE})).count(f'data-copy="{ONE}"') == 2
    assert "<b>" not in template.render(Context({"value": '"><b>x</b>'}))
