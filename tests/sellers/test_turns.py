"""Endpoints that keep a worker waiting leave threads for everything else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from sellers import tasks
from sellers.drafting import fetches
from sellers.jobs import turns
from sellers.jobs.turns import OUTSIDE, UNASKED
from sellers.upstreams import looks

THREADS = 4
ID = "0" * 32
PATIENCE_SECONDS = 60


class Endpoint:
    """Says nothing until it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.answers = threading.Event()

    def wait(self, *_: Any, **__: Any) -> int:
        self.asked.release()
        self.answers.wait(PATIENCE_SECONDS)
        return 0


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    silent = Endpoint()
    for module, name in (
        (looks, "run"), (looks, "run_due"), (fetches, "run"), (fetches, "run_due"),
        (tasks, "probe_due"), (tasks, "verify_due"),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, silent.wait)
    return silent


@pytest.fixture
def worker(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadPoolExecutor]:
    """Its threads, as Celery has them."""
    for each in (OUTSIDE, UNASKED):
        monkeypatch.setattr(each, "most", each.most)
    turns.share(THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads
        endpoint.answers.set()


def rung(worker: ThreadPoolExecutor, *rings: Any) -> list[Future[None]]:
    return [worker.submit(task, *given) for task, *given in rings]


def test_a_verdict_takes_effect_while_every_endpoint_hangs(
    worker: ThreadPoolExecutor, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried_out = threading.Event()
    monkeypatch.setattr(tasks, "carry_out_due", lambda _: carried_out.set())
    rung(
        worker,
        *[(tasks.look_at_upstream, ID)] * THREADS,
        *[(tasks.fetch_document, ID)] * THREADS,
        *[(tasks.look_at_upstreams,)] * THREADS,
        *[(tasks.probe_listings,), (tasks.verify_listings,)] * THREADS,
    )
    (verdict,) = rung(worker, (tasks.carry_out_verdicts,))
    verdict.result(PATIENCE_SECONDS)
    assert carried_out.is_set()


def test_looks_that_nobody_asked_for_leave_turns_for_those_that_sellers_wait_for(
    worker: ThreadPoolExecutor, endpoint: Endpoint
) -> None:
    rung(worker, *[(tasks.probe_listings,), (tasks.verify_listings,)] * THREADS)
    assert endpoint.asked.acquire(timeout=PATIENCE_SECONDS)
    rung(worker, (tasks.look_at_upstream, ID))
    assert endpoint.asked.acquire(timeout=PATIENCE_SECONDS)


def test_a_turn_is_given_back_even_by_one_that_fails(
    worker: ThreadPoolExecutor, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("gone")

    monkeypatch.setattr(looks, "run", fail)
    rings = rung(worker, *[(tasks.look_at_upstream, ID)] * 2 * THREADS)
    assert OSError in {type(each.exception(PATIENCE_SECONDS)) for each in rings}
    monkeypatch.setattr(looks, "run", endpoint.wait)
    rung(worker, (tasks.look_at_upstream, ID))
    assert endpoint.asked.acquire(timeout=PATIENCE_SECONDS)


def test_a_stopping_worker_begins_no_look(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_stopping", threading.Event())
    turns.stop()
    tasks.look_at_upstream(ID)
    tasks.probe_listings()
    assert not endpoint.asked.acquire(blocking=False)
