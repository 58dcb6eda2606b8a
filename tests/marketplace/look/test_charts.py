"""Charts stay inside their frame, whatever the numbers are, and can be read without eyes."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from hypothesis import given
from hypothesis import strategies as some

from marketplace.look.charts import HEIGHT_PX, SPARK_HEIGHT, draw, spark
from marketplace.look.scales import scale, spell

NUMBERS = some.decimals(
    min_value=Decimal(-(10**30)), max_value=Decimal(10**30), allow_nan=False, places=6
)


def chart(*values: Any, **more: Any) -> dict[str, Any]:
    points = [(f"{place} Nov", value) for place, value in enumerate(values)]
    return {"title": "Earned", "points": points, **more}


@given(some.lists(NUMBERS, max_size=40))
def test_everything_is_drawn_inside(values: list[Decimal]) -> None:
    drawn = draw(chart(*values))

    assert len(drawn.marks) == len(values)
    for mark in drawn.marks:
        top, height = float(mark.y), float(mark.height)
        assert -2.01 <= top <= HEIGHT_PX + 0.01
        assert top + height <= HEIGHT_PX + 2.01
        assert 0 <= float(mark.x[:-1]) <= 100 - float(mark.width[:-1]) + 0.01
        assert (height > 0) == bool(mark.point.value)


@given(some.lists(NUMBERS, max_size=20))
def test_a_scale_has_few_round_ticks_and_zero_among_them(values: list[Decimal]) -> None:
    axis = scale(values)

    assert 2 <= len(axis.ticks) <= 8
    assert Decimal(0) in axis.ticks
    assert all(axis.low <= value <= axis.high for value in values)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("0", "$", "$0"),
        ("0.0025", "$", "$0.0025"),
        ("-20", "$", "−$20"),
        ("1500", "", "1.5k"),
        ("2500000", "$", "$2.5M"),
        ("3e18", "$", "$3,000,000T"),
    ],
)
def test_a_tick_is_short(value: str, unit: str, expected: str) -> None:
    assert spell(Decimal(value), unit) == expected


def test_counts_have_no_halves() -> None:
    assert [text for text, _ in draw(chart(1)).ticks] == ["1", "0"]


def test_nothing_is_said_to_be_nothing() -> None:
    assert draw(chart()).is_empty
    assert draw(chart(0, 0)).is_empty
    assert not draw(chart(0, 1)).is_empty
    assert draw(chart("nan", "words", None)).is_empty


def test_a_chart_may_be_an_object_and_a_value_have_its_own_words() -> None:
    point = SimpleNamespace(label="1 Nov", value=2, text="$2.00", pending=1, pending_text="$1.00")
    drawn = draw(SimpleNamespace(title="Earned", points=[point], unit="$"))

    assert drawn.has_pending
    assert drawn.points[0].said == "$2.00, $1.00 pending"


@given(some.integers(min_value=0, max_value=200))
def test_the_labels_below_are_few_and_inside(count: int) -> None:
    drawn = draw(chart(*range(count)))

    assert len(drawn.labels) <= 5
    assert [label.text for label in drawn.labels[:1]] == ["0 Nov"][:count]
    assert all(0 <= float(label.x[:-1]) <= 100 for label in drawn.labels)


@given(some.lists(NUMBERS, max_size=20))
def test_a_small_line_stays_inside(values: list[Decimal]) -> None:
    places = [place.split(",") for place in spark(values).split()]

    assert len(places) == (max(len(values), 2) if values else 0)
    assert all(0 <= float(x) <= 100 and 0 <= float(y) <= SPARK_HEIGHT for x, y in places)


@pytest.mark.parametrize("tag", ["bars", "area"])
def test_a_drawn_chart_can_be_walked_read_and_trusted(tag: str) -> None:
    template = Template("{% load souk %}{% " + tag + " chart %}")
    hostile = [("<b>", 1), ("Tue", 2, "two")]
    page = template.render(Context({"chart": {"title": "<i>", "points": hostile}}))
    figure = ElementTree.fromstring(page)
    points = [each for each in figure.iter("rect") if each.get("class") == "slot"]

    assert [each.findtext("title") for each in points] == ["<b>: 1", "Tue: two"]
    assert {each.get("tabindex") for each in points} == {"0"}
    assert [each.text for each in figure.iter("td")] == ["1", "two"]
    assert "style=" not in page
    assert not list(figure.iter("b"))
