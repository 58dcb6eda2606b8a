"""The arithmetic of the report is right."""

import math

import pytest

from tests.benchmarks.figures import Spread, best, median, percentile, ratios, short


def test_a_spread_is_least_median_and_most():
    assert Spread.of([5.0, 1.0, 3.0]) == Spread(1.0, 3.0, 5.0)
    assert Spread.of([4.0, 1.0]).median == 2.5


def test_a_round_without_a_figure_does_not_count():
    assert Spread.of([math.nan, 2.0, 4.0]) == Spread(2.0, 3.0, 4.0)
    with pytest.raises(ValueError, match="no round"):
        Spread.of([math.nan])


def test_a_median_leaves_out_rounds_without_a_figure():
    assert median([math.nan, 2.0, 4.0]) == 3.0
    assert math.isnan(median([math.nan]))


def test_a_ratio_is_taken_in_each_round():
    assert ratios([10.0, 30.0], [5.0, 10.0]) == [2.0, 3.0]
    assert math.isnan(ratios([1.0], [0.0])[0])


def test_rounds_of_different_length_are_no_ratio():
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0, 2.0], [1.0])


def test_the_best_rival_has_the_highest_median_and_not_the_highest_peak():
    rounds = [{"a": 10.0, "b": 12.0}, {"a": 99.0, "b": 12.0}, {"a": 10.0, "b": 12.0}]
    assert best(rounds) == "b"


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(number) for number in range(1, 101)]
    assert percentile(values, 50) == 50.0
    assert percentile(values, 99) == 99.0
    assert percentile([7.0], 99) == 7.0
    assert math.isnan(percentile([], 50))


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.5612, "0.561"), (12.34, "12.3"), (5974.0, "5 970"), (0.0, "0"), (99.96, "100.0")],
)
def test_a_figure_has_three_digits(value, written):
    assert short(value) == written
