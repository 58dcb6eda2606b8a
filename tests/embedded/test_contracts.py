"""What is checked in is what the sources say."""

import json
from pathlib import Path

import pytest

from marketplace.embedded import contracts
from marketplace.embedded.contracts.compile import compile_contract

SOURCES = [
    source
    for folder in (Path(contracts.__file__).parent, Path(__file__).parents[1] / "contracts")
    for source in sorted([*folder.glob("*.vy"), *folder.glob("*.ir")])
]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_compiling_a_contract_again_gives_what_is_checked_in(source: Path) -> None:
    assert compile_contract(source) == json.loads(source.with_suffix(".json").read_text())


def test_every_contract_is_compared() -> None:
    assert {source.stem for source in SOURCES} >= {"dollar", "multicall", "wallet"}


def test_a_changed_source_compiles_to_something_else(tmp_path: Path) -> None:
    source = next(source for source in SOURCES if source.stem == "dollar")
    changed = tmp_path / "dollar.vy"
    changed.write_text(
        source.read_text().replace(
            "block.timestamp > valid_after", "block.timestamp >= valid_after"
        )
    )
    assert compile_contract(changed)["runtime"] != compile_contract(source)["runtime"]
