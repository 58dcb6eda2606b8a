"""Production's broker: Redis carries rings only, and may forget everything at any instant."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from marketplace.embedded.chain import free_port
from marketplace.embedded.postgres import dies_with_us
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.wallet import buy


@pytest.fixture(scope="module")
def broker() -> Iterator[redis.Redis]:
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.skip("no redis-server: apt-get install -y redis-server")
    port = free_port()
    process = subprocess.Popen(
        [*dies_with_us(), binary, "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        stdout=subprocess.DEVNULL,
    )
    with redis.Redis(
        port=port, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.1), 100)
    ) as client:
        client.ping()
        yield client
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def redis_stack(
    broker: redis.Redis,
    anvil_binary: Path,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[Stack]:
    port = broker.connection_pool.connection_kwargs["port"]
    with running_stack(
        tmp_path_factory.mktemp("redis"),
        anvil_binary,
        django_db_blocker,
        webs=1,
        CELERY_BROKER_URL=f"redis://127.0.0.1:{port}/0",
    ) as stack:
        yield stack


def beats(stack: Stack) -> int:
    return int(stack.rows("select count(*) from payments_heartbeat where name = 'beat'")[0][0])


def test_tasks_travel_over_redis(redis_stack: Stack, broker: redis.Redis) -> None:
    redis_stack.wait_until(lambda: beats(redis_stack) == 1, "beat's ring was answered", 40)
    assert broker.keys("_kombu*")


def test_a_payment_survives_an_emptied_broker(
    redis_stack: Stack, broker: redis.Redis, cast: type[Cast]
) -> None:
    sold = redis_stack.sell()
    redis_stack.chain.fund(cast.buyer.address, 1)

    broker.flushall()
    first = buy(sold.url, cast.buyer)
    broker.flushall()
    second = buy(sold.url, cast.buyer)

    assert (first.status, second.status) == (200, 200)
    unfinished = "select count(*) from payments_progress where money not in ('confirmed')"
    redis_stack.wait_until(lambda: redis_stack.rows(unfinished) == [(0,)], "all is booked", 20)
    assert len(sold.calls) == 2
