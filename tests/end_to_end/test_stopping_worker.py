"""A worker that is told to stop settles for as long as its slowest task is at it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sellers.health import health
from sellers.models.health import Health
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.upstream import hang
from tests.fixtures.wallet import buy


@pytest.fixture
def alone(anvil_binary: Path, tmp_path: Path, django_db_blocker: Any) -> Iterator[Stack]:
    """A marketplace with one worker."""
    with running_stack(tmp_path / "stack", anvil_binary, django_db_blocker, webs=1) as stack:
        yield stack


def test_a_payment_made_while_a_look_hangs_is_settled_still(alone: Stack, cast: type[Cast]) -> None:
    sold, hanging = alone.sell(), alone.sell(behaviour=hang())
    alone.chain.fund(cast.buyer.address, 1)
    with alone.database():
        health.enroll()
        slug = hanging.path.rpartition("/")[2]
        Health.objects.filter(listing__slug=slug).update(
            way=Health.Way.EXAMPLE, next_probe_at=timezone.now()
        )
    alone.wait_until(lambda: hanging.calls, "the look")
    worker = alone.workers.pop()
    worker.send_signal(signal.SIGTERM)
    alone.wait_until(lambda: "Warm shutdown" in alone.logs(), "the stop")

    said = buy(sold.url, cast.buyer)

    assert (said.status, worker.poll()) == (200, None), said.body
    alone.upstream.release()
    assert worker.wait(60) == 0
