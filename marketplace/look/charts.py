"""Charts drawn by the server: where every bar, line and label stands, as plain numbers.

A page hands over a mapping (or any object) with `title`, `points`, and if it likes `unit` ("$"),
`empty` (what to say when there is nothing), `legend` and `legend_pending`. A point has `label`
and `value`, and if it likes `text` (the value as people read it), `pending` (drawn on top of the
value, lighter) and `pending_text`; a plain (label, value, text) will do. Widths are in percent and
heights in pixels, so that a chart fits any page without a script and its letters keep their size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from marketplace.look.scales import Scale, scale, spell

HEAD_PX = 20  # over the highest tick: what a point says when it is looked at
BODY_PX = 180
FOOT_PX = 24  # under the lowest: what the points are
HEIGHT_PX = HEAD_PX + BODY_PX
SPARK_WIDTH, SPARK_HEIGHT = 100, 28
_BAR_SHARE, _BAR_PERCENT_MAX, _BAR_PX_MIN = 0.7, 8.0, 2.0
_LABELS_MAX = 5
_EDGE_PERCENT = 6
_SAID_AT = {"start": 0.0, "end": 100.0}


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a chart, in numbers and in words."""

    label: str
    value: Decimal
    pending: Decimal
    text: str
    pending_text: str

    @property
    def said(self) -> str:
        """The point in one breath."""
        return f"{self.text}, {self.pending_text} pending" if self.pending else self.text


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a point stands: its slot's edges and its middle, the bar, the pending part on top."""

    point: Point
    slot_x: str
    slot_width: str
    x: str
    width: str
    middle: str
    y: str
    height: str
    pending_y: str
    pending_height: str
    top: str
    said_x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Label:
    """What a point is, where it stands and which way it may run."""

    text: str
    x: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """A whole chart, ready for a template."""

    title: str
    points: tuple[Point, ...]
    marks: tuple[Mark, ...]
    ticks: tuple[tuple[str, str], ...]
    labels: tuple[Label, ...]
    zero_y: str
    line: str
    fill: str
    head: int
    body: int
    filled: int
    whole_height: int
    is_empty: bool
    empty: str
    legend: str
    legend_pending: str

    @property
    def has_pending(self) -> bool:
        return any(point.pending for point in self.points)


def draw(given: Any) -> Drawing:
    """Place every part of a chart; a chart of nothing says so."""
    unit = str(_take(given, "unit", ""))
    points = tuple(_point(each, unit) for each in _take(given, "points", ()))
    values = [point.value for point in points] + [point.value + point.pending for point in points]
    axis = scale(values, whole=not unit and all(value == int(value) for value in values))
    marks = tuple(_mark(point, place, len(points), axis) for place, point in enumerate(points))
    line = _line(marks)
    return Drawing(
        title=str(_take(given, "title", "")),
        points=points,
        marks=marks,
        ticks=tuple((spell(tick, unit), _px(_y(tick, axis))) for tick in axis.ticks),
        labels=_labels(marks),
        zero_y=_px(_y(Decimal(0), axis)),
        line=line,
        fill=_fill(line, marks, axis),
        head=HEAD_PX,
        body=BODY_PX,
        filled=HEIGHT_PX,
        whole_height=HEIGHT_PX + FOOT_PX,
        is_empty=not any(values),
        empty=str(_take(given, "empty", "Nothing in this time.")),
        legend=str(_take(given, "legend", "")),
        legend_pending=str(_take(given, "legend_pending", "Pending")),
    )


def spark(values: Sequence[Any]) -> str:
    """The points of a small line; one value, or none that differ, is a flat one."""
    known = [_number(value) for value in values]
    if not known:
        return ""
    axis = scale(known)
    step = SPARK_WIDTH / max(len(known) - 1, 1)
    room = SPARK_HEIGHT - 4
    places = [(step * place, 2 + room * (1 - axis.share(each))) for place, each in enumerate(known)]
    if len(places) == 1:
        places.append((float(SPARK_WIDTH), places[0][1]))
    return " ".join(f"{_px(x)},{_px(y)}" for x, y in places)


def _point(given: Any, unit: str) -> Point:
    if isinstance(given, tuple | list):
        given = dict(zip(("label", "value", "text"), given, strict=False))
    value = _number(_take(given, "value", 0))
    text = str(_take(given, "text", "") or spell(value, unit))
    pending = max(_number(_take(given, "pending", 0)), Decimal(0))
    label = str(_take(given, "label", ""))
    pending_text = str(_take(given, "pending_text", "") or spell(pending, unit))
    return Point(label, value, pending, text, pending_text)


def _mark(point: Point, place: int, count: int, axis: Scale) -> Mark:
    slot = 100 / count
    width = min(slot * _BAR_SHARE, _BAR_PERCENT_MAX)
    middle = slot * (place + 0.5)
    zero, top = _y(Decimal(0), axis), _y(point.value, axis)
    height = abs(zero - top)
    if point.value:
        height = max(height, _BAR_PX_MIN)
    y = zero - height if point.value >= 0 else zero
    anchor = "start" if middle < 25 else "end" if middle > 75 else "middle"
    pending = max(zero - _y(point.pending, axis), _BAR_PX_MIN) if point.pending else 0.0
    return Mark(
        point=point,
        slot_x=_percent(slot * place),
        slot_width=_percent(slot),
        x=_percent(middle - width / 2),
        width=_percent(width),
        middle=_percent(middle),
        y=_px(y),
        height=_px(height),
        pending_y=_px(y - pending),
        pending_height=_px(pending),
        top=_px(top),
        said_x=_percent(_SAID_AT.get(anchor, middle)),
        anchor=anchor,
    )


def _line(marks: Sequence[Mark]) -> str:
    """A line through all points, in a square of 100 that is stretched over the chart."""
    places = [(float(mark.middle[:-1]), float(mark.top) * 100 / HEIGHT_PX) for mark in marks]
    if len(places) == 1:
        places = [(0.0, places[0][1]), (100.0, places[0][1])]
    return " ".join(f"{_px(x)},{_px(y)}" for x, y in places)


def _fill(line: str, marks: Sequence[Mark], axis: Scale) -> str:
    if not marks:
        return ""
    zero = _px(_y(Decimal(0), axis) * 100 / HEIGHT_PX)
    places = line.split(" ")
    first, last = places[0].split(",")[0], places[-1].split(",")[0]
    return f"{first},{zero} {line} {last},{zero}"


def _y(value: Decimal, axis: Scale) -> float:
    return HEAD_PX + BODY_PX * (1 - axis.share(value))


def _labels(marks: Sequence[Mark]) -> tuple[Label, ...]:
    """A few labels at equal distances, from the first on."""
    step = -(-len(marks) // _LABELS_MAX) or 1
    return tuple(_label(mark) for mark in marks[::step])


def _label(mark: Mark) -> Label:
    """A label stands under its point, and never runs over the edge."""
    middle = float(mark.middle[:-1])
    if middle < _EDGE_PERCENT:
        return Label(mark.point.label, _percent(0), "start")
    if middle > 100 - _EDGE_PERCENT:
        return Label(mark.point.label, _percent(100), "end")
    return Label(mark.point.label, mark.middle, "middle")


def _take(given: Any, name: str, default: Any) -> Any:
    if isinstance(given, Mapping):
        return given.get(name, default)
    return getattr(given, name, default)


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _percent(value: float) -> str:
    return f"{value:.3f}%"


def _px(value: float) -> str:
    return f"{value:.2f}"
