"""A chain's node that does not answer is said in the network's row, unless somebody hears one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from payments.database.pool import one, rows
from payments.health import SILENT, HealthBook
from tests.fixtures.purchases import NETWORK, Purchases


@pytest.fixture
def book(purchases: Purchases) -> Any:
    terms = SimpleNamespace(network=NETWORK)
    return HealthBook(SimpleNamespace(pool=purchases.pool, terms=terms))  # type: ignore[arg-type]


async def seen(purchases: Purchases, seconds_ago: int, why: str = "") -> None:
    await rows(
        purchases.pool,
        "insert into payments_chainhealth"
        " (network, head_number, head_hash, head_time, seen_at, refusing_why)"
        " values (%s, 1, '\\x00', now(), now() - make_interval(secs => %s), %s)"
        " on conflict (network) do update set seen_at = excluded.seen_at,"
        " refusing_why = excluded.refusing_why returning 1",
        (NETWORK, seconds_ago, why),
    )


@pytest.mark.parametrize(
    ("seconds_ago", "before", "after"),
    [(0, "", ""), (0, "low on gas", "low on gas"), (9, "", SILENT), (0, SILENT, SILENT)],
)
async def test_one_worker_that_hears_the_node_is_enough(
    purchases: Purchases, book: HealthBook, seconds_ago: int, before: str, after: str
) -> None:
    await seen(purchases, seconds_ago, before)
    await book.write_silent()
    said = "select refusing_why, seen_at > now() - interval '5 s' from payments_chainhealth"
    assert await one(purchases.pool, f"{said} where network = %s", (NETWORK,)) == (after, True)
