"""What a worker is before it settles anything."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings as settings_now
from pytest_django.fixtures import Settings

from marketplace import celery
from payments.wiring.keys import receipt_signer
from sellers.jobs.turns import OUTSIDE, UNASKED
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.stack import NETWORK

CHAIN = settings_now.CHAINS.get(NETWORK, {}) | {"RELAYER_KEYS": [], "RELAYER_KEY_FILES": []}
BAD_RELAYER = {NETWORK: CHAIN | {"RELAYER_KEYS": ["0x12"]}}
NO_RELAYER_FILE = {NETWORK: CHAIN | {"RELAYER_KEY_FILES": ["/nowhere/relayer_key"]}}
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


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"RECEIPT_KEY": "-----BEGIN PRIVATE KEY-----\nbroken"}, "RECEIPT_KEY is no Ed25519 key"),
        ({"RECEIPT_KEY": "", "DEVELOPMENT": False}, "RECEIPT_KEY is missing"),
        ({"CHAINS": BAD_RELAYER}, "no private key"),
        ({"CHAINS": NO_RELAYER_FILE}, "cannot be read"),
    ],
)
def test_without_its_keys_it_does_not_start(
    settings: Settings, setting: dict[str, object], said: str
) -> None:
    """It would look well to whoever restarts a site, and move no money."""
    for name, value in setting.items():
        setattr(settings, name, value)
    receipt_signer.cache_clear()
    try:
        with pytest.raises(SystemExit, match=said):
            celery._start_settling()
    finally:
        receipt_signer.cache_clear()


@pytest.mark.parametrize(("threads", "connections"), [(4, 8), (16, 18)])
def test_every_thread_of_it_has_a_connection(
    monkeypatch: pytest.MonkeyPatch, threads: int, connections: int
) -> None:
    """One that waits for an endpoint keeps its own meanwhile."""
    pool = {"min_size": 0, "max_size": 8}
    monkeypatch.setitem(celery.connections.settings["default"]["OPTIONS"], "pool", pool)
    for turns in (OUTSIDE, UNASKED):
        monkeypatch.setattr(turns, "most", turns.most)
    celery._share_threads(SimpleNamespace(concurrency=threads))
    assert pool["max_size"] == connections
    assert (OUTSIDE.most, UNASKED.most) == (threads // 2, threads // 4)


def test_no_ring_is_over_before_a_clock_that_is_a_little_ahead_hears_of_it() -> None:
    schedule = celery.app.conf.beat_schedule
    for name, (_, seconds) in celery.OFTEN.items():
        assert schedule[name]["options"]["expires"] == max(seconds, 30)


def test_it_loads_no_pages() -> None:
    """A third of its start and of its memory; and what it needs once an hour, it loads then."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        cwd=CHECKOUT, env=os.environ | {"SOUK_DEBUG": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    tasks, *loaded = done.stdout.split()
    assert (int(tasks) > len(celery.OFTEN), loaded) == (True, []), done.stderr
