"""Rings are hints: neither their number nor a broker that is silent keeps anybody waiting."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
import redis
from celery import Celery
from kombu import Exchange, Queue
from pytest_django.fixtures import Settings

from marketplace import celery, rings
from marketplace.configuration import servers
from marketplace.configuration.servers import broker_options
from marketplace.doctor.findings import Level
from marketplace.doctor.programs import _broker
from marketplace.embedded.starting import dies_with_us
from sellers import bells
from tests.fixtures.ports import free_port

QUEUE = "celery"
FEW = 3


def look(job: str) -> None:
    """Somebody waits for it."""


def app_of(url: str) -> Celery:
    app = Celery("rings", set_as_current=False)
    app.conf.broker_read_url = app.conf.broker_write_url = url
    app.conf.broker_transport_options = broker_options(url)
    app.conf.beat_schedule = {"ring": {"task": "ring", "schedule": 1.0}}
    return app


@pytest.fixture
def small_redis(tmp_path: Path) -> Iterator[redis.Redis]:
    """A Redis of its own that is soon full, as docker-compose.yml starts it."""
    program, port = shutil.which("redis-server"), free_port()
    if program is None:
        pytest.skip("redis-server is not installed")
    limits = ["--save", "", "--appendonly", "no", "--maxmemory", "8mb"]
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path)]
    with (tmp_path / "redis.log").open("wb") as told:
        server = subprocess.Popen(
            [*dies_with_us(), program, *limits, *place], stdout=told, stderr=told
        )
    client = redis.Redis(
        port=port, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 400)
    )
    try:
        client.ping()
        yield client
    finally:
        client.close()
        server.kill()
        server.wait()


@pytest.fixture
def app(small_redis: redis.Redis) -> Celery:
    port = small_redis.connection_pool.connection_kwargs["port"]
    return app_of(f"redis://127.0.0.1:{port}/0")


def fill(client: redis.Redis) -> None:
    for size in (100_000, 1_000, 1):
        try:
            while True:
                client.rpush(QUEUE, *["x" * size] * 20)
        except redis.exceptions.OutOfMemoryError:
            pass


def begin_to_listen(app: Celery) -> None:
    """What a worker does first."""
    with app.connection_for_read() as connection:
        Queue(QUEUE, Exchange(QUEUE), QUEUE)(connection.default_channel).declare()


def test_a_worker_starts_though_redis_is_full_of_rings(
    app: Celery, small_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(small_redis)
    with pytest.raises(redis.exceptions.OutOfMemoryError):
        begin_to_listen(app)
    monkeypatch.setattr(rings, "RINGS_MAX", FEW)
    rings.make_room(app)
    begin_to_listen(app)
    assert small_redis.llen(QUEUE) == 0


def test_a_starting_worker_hears_the_few_that_wait(app: Celery, small_redis: redis.Redis) -> None:
    small_redis.rpush(QUEUE, "a ring")
    rings.make_room(app)
    assert small_redis.llen(QUEUE) == 1


def test_a_page_that_rings_while_redis_is_full_goes_on(
    app: Celery, small_redis: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    fill(small_redis)
    bells._ring(app.task(look), UUID(int=0))
    assert "No bell for" in caplog.text


def test_beat_rings_no_more_than_a_worker_has_to_hear(
    app: Celery, small_redis: redis.Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(rings, "RINGS_MAX", FEW)
    beat = rings.Beat(app, schedule_filename=str(tmp_path / "beat"))
    entry = beat.schedule["ring"]

    def ring(times: int) -> int:
        for _ in range(times):
            beat.apply_entry(entry, producer=beat.producer)
        return small_redis.llen(QUEUE)

    try:
        assert ring(2) == 2
        assert ring(5) == FEW
        assert caplog.text.count("rings wait for a worker") == 1
        small_redis.delete(QUEUE)
        assert ring(1) == 1
    finally:
        beat.close()


def test_beat_is_the_one_that_minds_how_many_wait() -> None:
    assert celery.app.conf.beat_scheduler == f"{rings.Beat.__module__}:{rings.Beat.__name__}"


@pytest.fixture
def silent(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A broker that lets everybody in and never says a word."""
    monkeypatch.setattr(servers, "BROKER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"redis://127.0.0.1:{listening.getsockname()[1]}/0"
        settings.CELERY_BROKER_URL = url
        settings.CELERY_BROKER_TRANSPORT_OPTIONS = broker_options(url)
        yield url


def test_a_broker_that_says_nothing_is_given_up(
    silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    found = _broker()
    assert found.level is Level.WARN
    assert "nobody answers at redis://127.0.0.1" in found.words
    app = app_of(silent)
    bells._ring(app.task(look), UUID(int=0))
    assert "No bell for" in caplog.text
    rings.make_room(app)


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+socket", "sentinel"])
def test_every_redis_has_to_answer_in_time(scheme: str) -> None:
    options = broker_options(f"{scheme}://broker:6379/0")
    assert 1 < options["socket_timeout"] <= 5, "a worker waits a second for a ring"
    assert 0 < options["socket_connect_timeout"] <= 5
    assert options["socket_keepalive"]


@pytest.mark.parametrize("url", ["filesystem://", "amqp://broker//"])
def test_other_brokers_are_left_alone(url: str) -> None:
    assert broker_options(url) == {}
