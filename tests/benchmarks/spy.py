"""py-spy, for profiles: the machine's own, or fetched once into the benchmarks' cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.benchmarks.packages import python_folder


def find_spy(cache: Path) -> str | None:
    """A py-spy to run."""
    if found := shutil.which("py-spy"):
        return found
    folder = python_folder(cache / "spy", Path(__file__).parent / "spy-requirements.txt")
    return str(folder / "bin" / "py-spy")
