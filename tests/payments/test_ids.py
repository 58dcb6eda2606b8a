"""Ids sort by the time they were made and are never alike."""

import multiprocessing
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from payments.ids import new_id


def many(count: int) -> list[uuid.UUID]:
    return [new_id() for _ in range(count)]


def test_an_id_is_a_uuid_of_version_7_made_now() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_each_id_sorts_after_the_one_before_it() -> None:
    made = many(20_000)
    assert made == sorted(set(made))
    assert {each.version for each in made} == {7}


def test_a_clock_that_is_set_back_does_not_set_ids_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1)
    assert first < new_id() < new_id()


def test_threads_make_no_id_twice() -> None:
    with ThreadPoolExecutor(4) as threads:
        made = [each for batch in threads.map(many, [5_000] * 4) for each in batch]
    assert len(set(made)) == 20_000


def test_forked_processes_make_no_id_twice() -> None:
    new_id()
    with multiprocessing.get_context("fork").Pool(4) as processes:
        made = [each for batch in processes.map(many, [2_000] * 4) for each in batch]
    assert len({*made, *many(2_000)}) == 10_000


def test_the_next_id_cannot_be_named_from_the_last() -> None:
    made = many(5_000)
    steps = {after.int - before.int for before, after in pairwise(made)}
    assert len(steps) > 4_900
