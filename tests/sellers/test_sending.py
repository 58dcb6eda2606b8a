"""Messages arrive signed, once per attempt, and an address that fails holds up nobody."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from payments.egress import EgressRule
from sellers.models import Delivery, Notice, Seller, Webhook
from sellers.site import webhook_limits
from sellers.webhooks import attempts, sending, webhooks
from sellers.webhooks.attempts import Outcome
from tests.fixtures.hooks import Hooks, is_signed, only, told
from tests.fixtures.upstream import answer, drip, hang, oversized, redirect

REFUSED = Outcome(500, 3, "")


def test_a_message_arrives_signed_and_is_written_down(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", answer(b"thank you, <b>Souk</b>\x00"))
    webhooks.try_out(made.webhook)
    assert hooks.send() == 1
    (call,) = hooks.receiver.calls
    assert call.method == "POST"
    assert is_signed(call, made.secret)
    assert not is_signed(call, made.secret + "x")
    assert told(call)["type"] == call.header("X-Souk-Event") == "webhook.test"
    delivery = only(made.webhook)
    assert call.header("X-Souk-Delivery") == str(delivery.pk)
    assert told(call)["id"] == call.header("X-Souk-Event-Id") == delivery.event_id
    assert delivery.state == "delivered"
    assert delivery.claimed_until is None
    (attempt,) = delivery.attempts
    assert attempt["status"] == 200
    assert attempt["ms"] >= 0
    assert attempt["excerpt"] == "thank you, <b>Souk</b>"
    assert hooks.send() == 0


@pytest.mark.parametrize(
    ("behaviour", "status", "why"),
    [
        (answer(b"out of order", status=500), 500, "it answered 500"),
        (redirect("/elsewhere"), 302, "redirects are not followed; give the address they lead to"),
        (answer(b"", status=404), 404, "it answered 404"),
    ],
)
def test_a_failure_is_tried_again_later(
    hooks: Hooks, seller: Seller, behaviour: Any, status: int, why: str
) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", behaviour)
    hooks.receiver.on("/elsewhere", answer())
    webhooks.try_out(made.webhook)
    before = timezone.now()
    assert hooks.send() == 1
    delivery = only(made.webhook)
    assert (delivery.attempts[0]["status"], delivery.attempts[0]["why"]) == (status, why)
    assert delivery.state == "waiting"
    assert delivery.next_attempt_at is not None
    assert delivery.next_attempt_at > before
    assert [call.path for call in hooks.receiver.calls] == ["/told"]
    assert hooks.send() == 0, "not before its time"
    hooks.receiver.on("/told", answer())
    hooks.due(delivery)
    assert hooks.send() == 1
    assert only(made.webhook).state == "delivered"
    assert len(only(made.webhook).attempts) == 2
    assert Webhook.objects.get().failing_since is None


def test_nobody_at_home_is_a_failure_with_its_reason(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    hooks.receiver.stop()
    webhooks.try_out(made.webhook)
    hooks.send()
    (attempt,) = only(made.webhook).attempts
    assert attempt["status"] is None
    assert attempt["why"].startswith("connect")


def test_a_long_answer_is_not_read_to_its_end(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", oversized(1 << 24))
    webhooks.try_out(made.webhook)
    hooks.send()
    delivery = only(made.webhook)
    assert delivery.state == "delivered", "its status says that it was taken"
    assert (
        delivery.attempts[0]["why"] == f"its answer is more than {sending.ANSWER_BYTES_MAX} bytes"
    )


def test_an_endless_answer_ends(hooks: Hooks, seller: Seller, settings: Any) -> None:
    settings.WEBHOOK_SECONDS = 0.3
    made = hooks.open(seller)
    hooks.receiver.on("/told", drip())
    webhooks.try_out(made.webhook)
    hooks.send()
    assert only(made.webhook).attempts[0]["why"].startswith("timeout total")


def test_an_address_that_points_inside_by_then_is_not_called(hooks: Hooks, seller: Seller) -> None:
    """DNS may change its answer between saving and sending: the rule is asked at the socket."""
    made = hooks.open(seller)
    hooks.site = replace(hooks.site, egress=EgressRule())
    webhooks.try_out(made.webhook)
    hooks.send()
    assert only(made.webhook).attempts[0]["why"].startswith("refused by egress")
    assert hooks.receiver.calls == []


def test_two_workers_send_each_message_once_per_attempt(hooks: Hooks, seller: Seller) -> None:
    made = [hooks.open(seller, f"/told/{number}").webhook for number in range(3)]
    for hook in made:
        for _ in range(8):
            webhooks.try_out(hook)
    together = threading.Barrier(4)

    def work() -> list[tuple[str, int]]:
        together.wait()
        taken = []
        try:
            while mine := sending.claim(webhook_limits(), 5):
                taken += [(str(each.pk), each.claims) for each in mine]
                for each in mine:
                    assert attempts.record(each.pk, each.claims, Outcome(200, 1, ""))
            return taken
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        taken = [one for each in [threads.submit(work) for _ in range(4)] for one in each.result()]
    left = Delivery.objects.filter(state="waiting").count()
    assert len(taken) == len(set(taken)) == 24 - left
    while mine := sending.claim(webhook_limits()):
        for each in mine:
            attempts.record(each.pk, each.claims, Outcome(200, 1, ""))
    assert not Delivery.objects.exclude(state="delivered", claims=1).exists()


def test_few_messages_of_an_address_are_out_at_a_time(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    for _ in range(6):
        webhooks.try_out(made.webhook)
    limits = webhook_limits()
    assert len(sending.claim(limits)) == limits.endpoint_in_flight_max == 4
    assert sending.claim(limits) == [], "no more until one of them is back"
    Webhook.objects.update(failing_since=timezone.now())
    Delivery.objects.filter(claimed_until__isnull=False).update(claimed_until=timezone.now())
    assert len(sending.claim(limits)) == 1, "one that fails is asked with one at a time"


def test_a_hanging_address_holds_nobody_up(hooks: Hooks, seller: Seller) -> None:
    hanging, well = hooks.open(seller, "/hangs"), hooks.open(seller, "/well")
    hooks.receiver.on("/hangs", hang())
    for _ in range(6):
        webhooks.try_out(hanging.webhook)
        webhooks.try_out(well.webhook)
    with ThreadPoolExecutor(1) as thread:
        sending_now = thread.submit(_send_and_close, hooks)
        try:
            hooks.receiver.wait_for_calls(10)
            _until(lambda: well.webhook.deliveries.filter(state="delivered").count() == 6)
            assert not hanging.webhook.deliveries.filter(state="delivered").exists()
        finally:
            hooks.receiver.release()
        sending_now.result(20)
    assert not Delivery.objects.exclude(state="delivered").exists()


def test_a_message_whose_worker_died_is_sent_by_another(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    (lost,) = sending.claim(webhook_limits())
    assert hooks.send() == 0
    Delivery.objects.update(claimed_until=timezone.now())
    assert hooks.send() == 1
    assert not attempts.record(lost.pk, lost.claims, REFUSED), "the dead one's word comes late"
    assert only(made.webhook).state == "delivered"


def test_waits_grow_and_end_after_a_day(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    delivery = webhooks.try_out(made.webhook)
    begun, waits = timezone.now(), []
    while delivery.state == "waiting":
        (mine,) = sending.claim(webhook_limits())
        attempts.record(mine.pk, mine.claims, REFUSED)
        delivery.refresh_from_db()
        if delivery.next_attempt_at is not None:
            wait = delivery.next_attempt_at - timezone.now()
            waits.append(wait.total_seconds())
            # Let the time pass: everything else moves back by as much.
            hooks.due(delivery, retry_until=delivery.retry_until - wait)
            begun -= wait
            Webhook.objects.update(failing_since=begun)
    assert 15 <= len(waits) <= 25
    assert waits[0] < 15
    assert all(later > earlier for earlier, later in pairwise(waits[:9]))
    assert 23.9 * 3600 < sum(waits) < 24.1 * 3600
    assert delivery.state == "failed"
    assert len(delivery.attempts) == len(waits) + 1


def test_a_dead_address_is_turned_off_with_a_notice(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", answer(status=503))
    old, waiting = webhooks.try_out(made.webhook), webhooks.try_out(made.webhook)
    later = timezone.now() + timedelta(hours=5)
    Delivery.objects.filter(pk=waiting.pk).update(next_attempt_at=later)
    Delivery.objects.filter(pk=old.pk).update(retry_until=timezone.now())
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=24))
    assert hooks.send() == 1
    hook = Webhook.objects.get()
    assert hook.disabled_at is not None
    assert "24 hours" in hook.disabled_why
    assert "503" in hook.disabled_why
    assert not Delivery.objects.exclude(state="failed").exists()
    (notice,) = Notice.objects.filter(seller=seller)
    assert "127.0.0.1" in notice.subject
    assert notice.href == f"/sell/webhooks/{hook.pk}/"


def test_one_message_that_fails_does_not_turn_an_address_off(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", answer(status=400))
    webhooks.try_out(made.webhook)
    Delivery.objects.update(retry_until=timezone.now())
    Webhook.objects.update(failing_since=timezone.now() - timedelta(hours=20))
    hooks.send()
    assert only(made.webhook).state == "failed"
    assert Webhook.objects.get().disabled_at is None
    assert not Notice.objects.exists()


def _send_and_close(hooks: Hooks) -> int:
    try:
        return hooks.send()
    finally:
        connections.close_all()


def _until(condition: Any, seconds: float = 20) -> None:
    ended = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        ended.wait(0.02)
    raise AssertionError("it did not come to pass")
