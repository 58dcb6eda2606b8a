"""Tries are counted in the database, so that every process counts the same."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import rates
from payments.database.pool import open_pool
from payments.models import Tries
from payments.serving.origins import network_in
from payments.wiring.site import origin_of
from tests.fixtures.purchases import sql_url


@pytest.mark.django_db
def test_a_try_too_many_is_told_when_to_come_again() -> None:
    seen = [rates.take("test", "ada", 2) for _ in range(3)]
    assert [each.allows for each in seen] == [True, True, False]
    assert [each.headers["RateLimit-Remaining"] for each in seen] == ["1", "0", "0"]
    assert "Retry-After" not in seen[1].headers
    assert 1 <= int(seen[2].headers["Retry-After"]) <= rates.MINUTE
    assert rates.take("test", "grace", 2).allows
    assert rates.take("other", "ada", 2).allows
    Tries.objects.update(until=timezone.now())
    assert rates.take("test", "ada", 2).count == 1, "a new time, a new count"
    rates.forget("test", "ada")
    assert rates.take("test", "ada", 2).count == 1


@pytest.mark.django_db
def test_a_row_says_nothing_of_whom_it_counts_and_waits_for_no_disk() -> None:
    rates.take("test", "203.0.113.0/24", 2)
    (row,) = Tries.objects.all()
    assert b"203" not in bytes(row.key)
    with connection.cursor() as cursor:
        cursor.execute("select relpersistence from pg_class where relname = 'accounts_tries'")
        assert cursor.fetchone() == ("u",)


async def test_what_two_processes_counted_is_added_up(transactional_db: None) -> None:
    pool = await open_pool(sql_url(), size_max=1)
    try:
        first, second = rates.key_of("test", "a"), rates.key_of("test", "b")
        await rates.add(pool, {first: 3, second: 1}, 60)
        sums = await rates.add(pool, {first: 2}, 60)
    finally:
        await pool.close()
    assert [(each.count, each.retry_seconds <= 60) for each in sums.values()] == [(5, True)]
    assert set(sums) == {first}


@pytest.mark.parametrize(
    ("peer", "forwarded", "hops", "network"),
    [
        ("81.2.69.142", "", 0, "81.2.69.0/24"),
        ("81.2.69.142", "198.51.100.7", 0, "81.2.69.0/24"),
        ("127.0.0.1", "", 0, ""),
        ("10.1.2.3", "", 0, ""),
        ("10.1.2.3", "1.1.1.1, 198.51.100.7", 1, "198.51.100.0/24"),
        ("10.1.2.3", "1.1.1.1, 198.51.100.7, 10.9.9.9", 2, "198.51.100.0/24"),
        ("10.1.2.3", "198.51.100.7", 2, ""),
        ("10.1.2.3", "nonsense", 1, ""),
        ("::ffff:81.2.69.142", "", 0, "81.2.69.0/24"),
        ("2a00:1450:4001:8::3", "", 0, "2a00:1450:4001::/48"),
    ],
)
def test_only_our_own_proxies_say_where_a_request_comes_from(
    peer: str, forwarded: str, hops: int, network: str, settings: Settings
) -> None:
    assert network_in(peer, forwarded, hops) == network
    settings.PROXY_HOPS = hops
    request = RequestFactory().get("/", REMOTE_ADDR=peer, headers={"X-Forwarded-For": forwarded})
    assert origin_of(request) == network
