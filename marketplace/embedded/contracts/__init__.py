"""The contracts of the demo chain as the compiler left them: code and how to call it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Contract:
    """A compiled contract: its ABI, its code and where its named state lies."""

    abi: list[dict[str, Any]]
    runtime: str
    creation: str
    storage: dict[str, int]


def load_contract(path: Path) -> Contract:
    """Reads one compiled contract from its JSON file."""
    built = json.loads(path.read_text())
    return Contract(
        built["abi"], built["runtime"], built.get("creation", ""), built.get("storage", {})
    )


def embedded_contract(name: str) -> Contract:
    """Gives one of the demo chain's own contracts: `dollar` or `multicall`."""
    return load_contract(Path(__file__).with_name(f"{name}.json"))
