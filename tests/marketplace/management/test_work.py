"""`manage.py work`: what beat and a worker do often, without either."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace import celery
from marketplace.management.commands import work
from payments.models import Cap, Loss, Payment
from sellers.health import health
from sellers.jobs import turns
from sellers.models import Listing, Verdict
from sellers.models.health import Health
from sellers.reviews import judging, verdicts
from sellers.reviews.holds import Judge
from sellers.site import review_rules
from tests.fixtures.storefront import Storefront, in_thread
from tests.fixtures.upstream import answer

OF_A_WORKER_ALONE = {"settle what is due", "say that beat is alive"}  # its own loop, and of beat
PATIENCE_SECONDS = 60


@pytest.fixture
def decided(storefront: Storefront, settings: Any) -> Listing:
    """A moderator's verdict whose ten seconds are over, and a listing to be looked at."""
    storefront.upstream.on("/weather", answer(b'{"celsius":21}'))
    storefront.publish("acme/seen")
    health.enroll()
    Health.objects.update(way=Health.Way.EXAMPLE, next_probe_at=timezone.now())
    listing = storefront.publish()
    judging.suspend(listing.pk, "It sells nothing.", by="system")
    listing.refresh_from_db()
    moderator = Judge(User.objects.create_user("mod", is_staff=True).pk, frozenset())
    verdicts.restore(listing.pk, moderator, review_rules(), listing.shelf_version)
    Verdict.objects.update(due_at=timezone.now())
    settings.CHAINS = {}  # nothing is settled here, and no node asked
    return listing


def state(listing: Listing) -> str:
    listing.refresh_from_db()
    return listing.state


def test_whatever_beat_rings_for_often_is_done(db: None) -> None:
    rings = [act.ring for act in work.ACTS]
    assert sorted(rings) == sorted(celery.OFTEN.keys() - OF_A_WORKER_ALONE)


def test_once_carries_out_a_verdict_and_looks_at_a_listing(decided: Listing) -> None:
    out = StringIO()
    call_command("work", "--once", "--json", stdout=out)
    taken = json.loads(out.getvalue())
    assert state(decided) == Listing.State.PAUSED
    assert (taken["verdicts"], taken["listings"]) == (1, 1)


def test_once_forgives_what_was_lost_long_enough_ago(
    storefront: Storefront, make_purchase: Callable[..., Any], settings: Settings
) -> None:
    settings.CHAINS, settings.INSTANT_LOSS_SECONDS = {}, 60
    now = timezone.now()
    for minutes in (2, 0):
        payment = Payment.objects.get(pk=make_purchase(lambda purchases: purchases.claim()))
        Loss.objects.create(payment=payment, lost_at=now - timedelta(minutes=minutes))
        caps = Cap.objects.filter(key__in=payment.caps)
        assert caps.update(on_trust_atomic=payment.amount_atomic) == 1
    out = StringIO()
    call_command("work", "--once", "--json", stdout=out)
    assert json.loads(out.getvalue())["losses"] == 1
    assert Loss.objects.get(forgiven_at=None).lost_at == now
    on_trust = sorted(int(cap.on_trust_atomic) for cap in Cap.objects.all())
    assert on_trust == [0, int(payment.amount_atomic)], "what was lost just now takes up room"


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with its process; what is tested after it in this one still sends its messages."""
    monkeypatch.setattr(turns, "_stopping", threading.Event())


async def test_the_loop_carries_out_a_verdict_and_looks_at_a_listing(
    decided: Listing, ends: None
) -> None:
    stop = asyncio.Event()
    working = asyncio.create_task(work.work_until(stop))
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await in_thread(_is_all_done, decided):
                await asyncio.sleep(0)
    finally:
        stop.set()
        await working


def _is_all_done(listing: Listing) -> bool:
    looked = Health.objects.filter(listing__slug="seen", seen_at__isnull=False)
    return state(listing) == Listing.State.PAUSED and looked.exists()


async def test_the_loop_settles_for_as_long_as_its_slowest_act_is_at_it(
    ends: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, begun, may_end = asyncio.Event(), threading.Event(), threading.Event()
    told: list[str] = []

    def look() -> int:
        begun.set()
        may_end.wait(PATIENCE_SECONDS)
        told.append("looked")
        return 1

    async def settle_until(over: asyncio.Event) -> None:
        await over.wait()
        told.append("settled")

    slow = replace(work.ACTS[0], do=look)
    monkeypatch.setattr(work, "ACTS", (slow,))
    monkeypatch.setattr(work.engine, "settle_until", settle_until)
    working = asyncio.create_task(work.work_until(stop))
    await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    stop.set()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while turns.goes_on():
            await asyncio.sleep(0)
    assert told == []
    may_end.set()
    await working
    assert told == ["looked", "settled"]


async def test_an_act_that_fails_is_done_again_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stop, tries = asyncio.Event(), []
    loop = asyncio.get_running_loop()
    monkeypatch.setitem(celery.OFTEN, "send letters", ("", 0.0))

    def fail_once() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError("the mail server is away")
        loop.call_soon_threadsafe(stop.set)
        return 0

    act = work.Act("send letters", "letters", "wrote", "letter(s)", fail_once)
    with ThreadPoolExecutor(1) as threads:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await work._ring_for(act, threads, stop)
    assert len(tries) >= 2
    assert "could not send letters" in caplog.text
