"""What a run writes says what was measured, and what was not."""

import math

from tests.benchmarks.peers import MIDDLEWARES
from tests.benchmarks.report import Line, Run, document, hardware, write
from tests.benchmarks.rows import ROWS
from tests.benchmarks.rows.hold import FEW, MANY
from tests.benchmarks.rows.instant import OURS, YES

RUN = Run(
    rounds=3,
    seconds=6.0,
    minutes=12.0,
    versions={"anvil": "1.2.3"},
    left_out={"unpaid": "wrk is missing: sudo apt install wrk"},
    remarks=["The machine was shared."],
)
LINE = Line("paid calls/s ÷ peer", "≥ 5", (4.0, 9.0, 6.0), True, "600 ÷ 100 calls/s", "a peer")


def test_a_line_shows_goal_median_and_spread():
    text = document(RUN, [LINE], {})
    row = next(line for line in text.splitlines() if line.startswith("| paid calls/s"))
    assert "| ≥ 5 | **6.00** | reached | 4.00 – 6.00 – 9.00 |" in row
    assert row.endswith("| 600 ÷ 100 calls/s | a peer |")


def test_a_goal_that_was_missed_is_said_to_be_missed():
    missed = Line(LINE.measure, "≥ 7", LINE.values, False, LINE.absolute, LINE.compares)
    assert "| not reached |" in document(RUN, [missed], {})


def test_a_peer_that_answered_nothing_gives_no_ratio():
    nothing = Line(LINE.measure, "≥ 5", (math.nan,), False, LINE.absolute, LINE.compares)
    assert "| ≥ 5 | **–** | not reached | – |" in document(RUN, [nothing], {})


def test_rows_left_out_are_named_with_their_reason():
    text = document(RUN, [LINE], {})
    assert "- `unpaid`: wrk is missing: sudo apt install wrk" in text


def test_machine_versions_and_remarks_stand_in_front():
    text = document(RUN, [LINE], {})
    cores, _, model = hardware()
    assert cores >= 1
    assert f"{cores} cores of {model}" in text
    assert "anvil 1.2.3" in text
    assert "3 rounds of 6.00 s" in text
    assert text.index("The machine was shared.") < text.index("## Results")


def test_every_figure_is_kept(tmp_path):
    figures = {"instant": [{"Souk": 1.0, "peer": 2.0}, {"Souk": 3.0}]}
    write(tmp_path / "docs" / "benchmarks.md", RUN, [LINE], figures)
    text = (tmp_path / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert "| `instant` | Souk | 1.00 – 2.00 – 3.00 |" in text
    assert "| `instant` | peer | 2.00 – 2.00 – 2.00 |" in text


def row(name):
    return next(each for each in ROWS if each.name == name)


def test_instant_calls_are_held_against_the_best_of_each_kind():
    rates = dict.fromkeys(MIDDLEWARES, 10.0) | {m + YES: 100.0 for m in MIDDLEWARES}
    sample = rates | {OURS: 1_200.0, "Hono": 20.0, "Express" + YES: 300.0}
    official, yes = row("instant").lines([sample])
    assert official.values == (60.0,)
    assert official.reached is True
    assert official.compares.startswith("Hono;")
    assert yes.values == (4.0,)
    assert yes.reached is False


def test_held_calls_of_many_buyers_are_held_against_a_stack_that_served_as_many():
    sample = {f"{m} × {FEW}": 10.0 for m in MIDDLEWARES} | {f"Express × {MANY}": 20.0}
    sample |= {f"Souk, hold × {FEW}": 60.0, f"Souk, hold × {MANY}": 500.0}
    few, many = row("hold").lines([sample])
    assert few.values == (6.0,)
    assert many.values == (25.0,)
    assert many.compares.startswith("Express;")


def test_the_rows_have_names_of_their_own():
    names = [each.name for each in ROWS]
    assert len(set(names)) == len(names)
