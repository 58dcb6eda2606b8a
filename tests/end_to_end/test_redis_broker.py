"""Production's broker: Redis carries rings only, and may forget everything at any instant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.fixtures.cast import Cast
from tests.fixtures.fleet import NO_REDIS, broker_url, redis_binary, running_redis
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.wallet import buy


@pytest.fixture(scope="module")
def broker() -> Iterator[redis.Redis]:
    binary = redis_binary()
    if binary is None:
        pytest.skip(NO_REDIS)
    with running_redis(binary) as client:
        yield client


@pytest.fixture(scope="module")
def redis_stack(
    broker: redis.Redis,
    anvil_binary: Path,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
) -> Iterator[Stack]:
    with running_stack(
        tmp_path_factory.mktemp("redis"),
        anvil_binary,
        django_db_blocker,
        webs=1,
        CELERY_BROKER_URL=broker_url(broker),
    ) as stack:
        yield stack


def beats(stack: Stack) -> int:
    return int(stack.rows("select count(*) from payments_heartbeat where name = 'beat'")[0][0])


def test_tasks_travel_over_redis(redis_stack: Stack, broker: redis.Redis) -> None:
    redis_stack.wait_until(lambda: beats(redis_stack) == 1, "beat's ring was answered", 40)
    asked = broker.info("commandstats")  # which an emptied broker still remembers
    assert asked["cmdstat_lpush"]["calls"] > 0
    assert asked["cmdstat_brpop"]["calls"] > 0


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
