"""Looks and documents that sellers wait for: taken once, and left when the worker ends."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from django.utils import timezone

from sellers.drafting import fetches
from sellers.jobs import jobs, turns
from sellers.models import Fetch, Look, Seller
from sellers.openapi import documents
from sellers.site import this_site
from sellers.upstreams import looks
from sellers.webhooks import sending, webhooks
from tests.fixtures.hooks import Hooks, only

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with its process; what is tested after it in this one goes on."""
    monkeypatch.setattr(turns, "_stopping", threading.Event())


def begin(seller: Seller, kind: type[Any]) -> Any:
    """A job that nobody has taken yet."""
    if kind is Fetch:
        return Fetch.objects.create(seller=seller, url="https://api.example/openapi.json")
    return Look.objects.create(worksheet=seller.worksheets.create(), asked={})


@pytest.mark.usefixtures("stoppable")
@pytest.mark.parametrize(("module", "kind"), [(looks, Look), (fetches, Fetch)])
def test_a_worker_that_is_stopped_meanwhile_leaves_the_rest_to_the_next(
    seller: Seller, monkeypatch: pytest.MonkeyPatch, module: ModuleType, kind: type[Any]
) -> None:
    ids = {begin(seller, kind).pk for _ in range(3)}

    def is_told_to_stop(*_: Any) -> Any:
        turns.stop()
        return "" if kind is Fetch else None

    monkeypatch.setattr(documents, "fetched", is_told_to_stop)
    monkeypatch.setattr(looks, "_looked", is_told_to_stop)
    assert module.run_due(this_site()) == 1
    assert kind.objects.filter(pk__in=ids, state="waiting", due_at__isnull=False).count() == 2
    assert module.run_due(this_site()) == 0, "and it begins none"


@pytest.mark.parametrize("kind", [Look, Fetch])
def test_a_job_is_taken_once_until_its_worker_must_be_gone(seller: Seller, kind: type[Any]) -> None:
    job = begin(seller, kind)
    assert jobs.take(kind, job.pk) == job
    assert jobs.take(kind, job.pk) is None
    kind.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert jobs.take(kind, job.pk) == job


@pytest.mark.parametrize("kind", [Look, Fetch])
def test_a_job_that_no_worker_survives_is_given_up(seller: Seller, kind: type[Any]) -> None:
    job, module = begin(seller, kind), {Look: looks, Fetch: fetches}[kind]
    kind.objects.update(created_at=timezone.now() - jobs.GIVEN_UP)
    assert module.run_due(this_site()) == 1
    job.refresh_from_db()
    assert (job.state, job.due_at) == ("bad", None)


@pytest.mark.usefixtures("stoppable")
def test_a_stopping_worker_sends_no_message(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    turns.stop()
    assert sending.send_due(this_site()) == 0
    assert only(made.webhook).claimed_until is None
