"""What can be asked of a run, and what is refused."""

import argparse

import pytest

from tests.benchmarks import run
from tests.benchmarks.run import Wishes, describe, reasons_to_leave_out


def wishes(*words):
    parser = argparse.ArgumentParser()
    describe(parser)
    return Wishes.of(vars(parser.parse_args(words)))


def test_nothing_asked_for_is_a_whole_run_of_three_rounds():
    asked = wishes()
    assert asked.is_whole
    assert (asked.rows, asked.rounds) == ((), 3)


def test_a_quick_run_is_shorter_and_stays_out_of_the_documents():
    asked = wishes("--quick")
    assert not asked.is_whole
    assert asked.rounds == 1
    assert asked.seconds < wishes().seconds
    assert wishes("--quick", "--rounds", "2").rounds == 2


def test_some_rows_are_no_whole_run():
    asked = wishes("gas", "unpaid", "--seconds", "3")
    assert asked.rows == ("gas", "unpaid")
    assert asked.seconds == 3.0
    assert not asked.is_whole


@pytest.mark.parametrize(
    "words", [("no-such-row",), ("--rounds", "0"), ("--seconds", "0.5"), ("--connections", "9999")]
)
def test_what_makes_no_sense_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        wishes(*words)
    assert "error" in capsys.readouterr().err


def test_a_row_whose_program_is_missing_is_left_out_with_the_line_that_brings_it(monkeypatch):
    line = "wrk is missing: sudo apt install wrk"
    monkeypatch.setattr(run, "missing_tools", lambda: {"wrk": line})
    left_out = reasons_to_leave_out(wishes())
    assert left_out["unpaid"] == line
    assert "instant" not in left_out
    assert reasons_to_leave_out(wishes("gas")) == {}
