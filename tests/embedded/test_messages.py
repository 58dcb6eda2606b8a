"""The message folder of a machine without Redis: whole messages or none."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Queue
from kombu.transport.virtual import base

MESSAGES = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    return tmp_path


@pytest.fixture
def connection(folder: Path) -> Iterator[Connection]:
    options = {
        "data_folder_in": str(folder / "queue"),
        "data_folder_out": str(folder / "queue"),
        "control_folder": str(folder / "control"),
    }
    with Connection(
        "filesystem://",
        transport="marketplace.embedded.messages:Transport",
        transport_options=options,
    ) as open_connection:
        yield open_connection


def test_a_quick_reader_never_sees_half_a_message(connection: Connection) -> None:
    writer, reader = connection.channel(), connection.channel()
    payload = {"body": "x" * 50_000}
    writing = threading.Thread(
        target=lambda: [writer._put("bells", payload) for _ in range(MESSAGES)]
    )
    writing.start()
    seen: list[Any] = []
    while len(seen) < MESSAGES:
        try:
            seen.append(reader._get("bells"))
        except Empty:
            assert writing.is_alive() or reader._size("bells"), "a message was lost"
    writing.join()

    assert all(message == payload for message in seen)


def test_half_a_message_is_dropped_and_the_next_one_read(
    connection: Connection, folder: Path
) -> None:
    (folder / "queue" / "1_half.bells.msg").write_text('{"body": ')
    channel = connection.channel()
    channel._put("bells", {"body": "whole"})

    assert channel._get("bells") == {"body": "whole"}
    with pytest.raises(Empty):
        channel._get("bells")


def test_a_spoiled_list_of_queues_is_made_anew(connection: Connection, folder: Path) -> None:
    (folder / "control" / "bells.exchange").write_text("")
    channel = connection.channel()

    assert channel.get_table("bells") == []
    channel._queue_bind("bells", "", "", "bells")
    assert [entry.queue for entry in channel.get_table("bells")] == ["bells"]


def test_a_worker_that_shall_stop_need_not_wait_for_a_message(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(base, "monotonic", lambda: clock[0])
    monkeypatch.setattr(base, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    consumer = connection.Consumer(queues=[Queue("bells")])
    with consumer, pytest.raises(TimeoutError):
        connection.drain_events(timeout=2.0)
    assert 0 < clock[0] < 1


def test_messages_that_nobody_took_for_an_hour_are_dropped(
    connection: Connection, folder: Path
) -> None:
    """While no worker runs, beat goes on ringing."""
    queue = folder / "queue"
    long_ago = time.time() - 3_700
    for name in ("1_old.bells.msg", "2_half.bells.msg.part"):
        (queue / name).write_text("{}")
        os.utime(queue / name, (long_ago, long_ago))
    (queue / "3_new.bells.msg").write_text('{"body": "new"}')

    channel = connection.channel()
    channel._put("bells", {"body": "newest"})

    assert {channel._get("bells")["body"] for _ in range(2)} == {"new", "newest"}
    assert list(queue.iterdir()) == []
