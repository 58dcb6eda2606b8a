"""A run measures its rows round by round, and what it writes is what they said."""

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.benchmarks import run
from tests.benchmarks.report import Line
from tests.benchmarks.run import Wishes, measure
from tests.benchmarks.stage import LeftOut, Round, Stage

WISHES = Wishes(
    rows=(), rounds=2, seconds=1.0, quick=False, release="hold", connections=1, remark=""
)


@dataclass
class CountingRow:
    """Measures how often it was asked, and shares one measurement with the others of a round."""

    name: str
    needs: tuple[str, ...] = ()
    refuses: bool = False
    shared: list[int] = field(default_factory=list)

    def collect(self, this_round: Round) -> dict[str, float]:
        if self.refuses:
            raise LeftOut("not sold here")
        made = this_round.once("shared", lambda: self.shared.append(1) or len(self.shared))
        return {"round": float(this_round.number), "shared": float(made)}

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        values = tuple(sample["round"] for sample in samples)
        return [Line(self.name, "≥ 1", values, True, "", "")]


@pytest.fixture
def places(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CACHE", tmp_path)
    monkeypatch.setattr(run, "REPORT", tmp_path / "docs" / "benchmarks.md")
    monkeypatch.setattr(run, "own_versions", lambda stage: {})
    monkeypatch.setattr(run, "find_nginx", lambda: None)
    monkeypatch.setattr(run, "missing_tools", lambda: {"wrk": "wrk is missing"})
    return tmp_path


def perform(monkeypatch, places: Path, rows: list[CountingRow], wishes: Wishes) -> None:
    monkeypatch.setattr(run, "ROWS", tuple(rows))
    with contextlib.ExitStack() as leaving:
        measure(Stage(places, places, places / "anvil", 1.0, leaving), wishes)


def test_each_row_is_measured_in_each_round_and_shares_what_others_measured(
    places, monkeypatch, capsys
):
    shared: list[int] = []
    rows = [CountingRow("one", shared=shared), CountingRow("two", shared=shared)]
    perform(monkeypatch, places, rows, WISHES)
    samples = json.loads((places / "last.json").read_text())
    both = [{"round": 1.0, "shared": 1.0}, {"round": 2.0, "shared": 2.0}]
    assert samples == {"one": both, "two": both}
    assert "| one | ≥ 1 | **1.50** |" in (places / "docs" / "benchmarks.md").read_text()
    assert "| two |" in capsys.readouterr().out


def test_a_row_that_cannot_be_measured_is_named_and_the_others_go_on(places, monkeypatch):
    rows = [CountingRow("one", refuses=True), CountingRow("two"), CountingRow("three", ("wrk",))]
    perform(monkeypatch, places, rows, WISHES)
    text = (places / "docs" / "benchmarks.md").read_text()
    assert "- `one`: not sold here" in text
    assert "- `three`: wrk is missing" in text
    assert "| one |" not in text
    assert "| two |" in text


def test_only_a_whole_run_is_written_to_the_documents(places, monkeypatch):
    for wishes in ({"rows": ("one",)}, {"quick": True}):
        changed = Wishes(**{name: getattr(WISHES, name) for name in WISHES.__slots__} | wishes)
        perform(monkeypatch, places, [CountingRow("one"), CountingRow("two")], changed)
        assert not (places / "docs").exists()
        assert "| one |" in (places / "last.md").read_text()
