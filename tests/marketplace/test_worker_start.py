"""What a worker is before it settles anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from marketplace import celery
from tests.fixtures.chain import CHECKOUT

LOADED = """
import sys
from marketplace.celery import app
app.loader.import_default_modules()
print(len(app.tasks), *{"web3", "drf_spectacular", "marketplace.urls"} & sys.modules.keys())
"""


def test_without_a_fast_hash_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery, "slow_keccak", lambda: ["keccak-256 comes from pysha3"])
    with pytest.raises(SystemExit, match="pysha3"):
        celery._start_settling()


def test_it_loads_no_pages() -> None:
    """A third of its start and of its memory; and what it needs once an hour, it loads then."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=CHECKOUT, env=os.environ | {"SOUK_DEBUG": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    tasks, *loaded = done.stdout.split()
    assert (int(tasks) > len(celery.OFTEN), loaded) == (True, []), done.stderr
