"""A test must be able to fail: money tests are run against a program that is wrong on purpose."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.faults.mutants.wrong_variants import MUTANTS, Mutant
from tests.fixtures.chain import CHECKOUT

SECONDS_MAX = 240
TESTS_FAILED = 1  # pytest's exit code; 2 to 5 would say that nothing was tested


def copy_of_the_program(folder: Path) -> Path:
    """With what Python has compiled already: by its time it knows which file was edited since."""
    tree = folder / "tree"
    tree.mkdir()
    for pattern in ("*.py", "*.toml", "requirements*.txt"):
        for source in CHECKOUT.glob(pattern):
            shutil.copy2(source, tree)
    for name in ("marketplace", "sellers", "payments", "templates", "static", "tests"):
        shutil.copytree(CHECKOUT / name, tree / name)
        copy_what_is_compiled_elsewhere(CHECKOUT / name, tree / name)
    return tree


def copy_what_is_compiled_elsewhere(source: Path, copy: Path) -> None:
    kept = Path(f"{sys.pycache_prefix}{source}")
    if sys.pycache_prefix is not None and kept.exists():
        shutil.copytree(kept, f"{sys.pycache_prefix}{copy}")


def edit(tree: Path, mutant: Mutant) -> None:
    for name, right, wrong in mutant.edits:
        text = (tree / name).read_text(encoding="utf-8")
        assert text.count(right) == 1, f"{name} no longer holds what this mutant changes"
        (tree / name).write_text(text.replace(right, wrong), encoding="utf-8")


def environment(anvil: Path) -> dict[str, str]:
    """The run's own PostgreSQL, and a database of this mutant's own in it."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    own = urlunsplit(parts._replace(path=f"/mutant_{uuid.uuid4().hex[:12]}"))
    left_out = {"PYTEST_XDIST_WORKER", "PYTEST_CURRENT_TEST", "PYTEST_ADDOPTS"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    mutant = {"SOUK_TEST_MUTANT": "1", "SOUK_TEST_ANVIL": str(anvil)}
    return {**kept, "DATABASE_URL": own, **mutant}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_it_is_noticed(mutant: Mutant, tmp_path: Path, anvil_binary: Path) -> None:
    tree = copy_of_the_program(tmp_path)
    edit(tree, mutant)

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", mutant.test],
        cwd=tree, env=environment(anvil_binary), capture_output=True, text=True,
        timeout=SECONDS_MAX, check=False,
    )  # fmt: skip

    assert done.returncode == TESTS_FAILED, done.stdout[-3000:] + done.stderr[-2000:]
    assert " failed" in done.stdout.splitlines()[-1], done.stdout[-3000:]
    said = re.search(f"^E .*(?:{mutant.says})", done.stdout, re.MULTILINE)
    assert said, done.stdout[-3000:]
