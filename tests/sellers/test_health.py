"""Live listings are looked at as their sellers allow, and what only fails is paused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments.acceptance import attempts
from payments.exposure.exposure import payer_key
from payments.models import Answer, AnswerBody, Cap, Payment
from sellers import listings, upstream_secrets
from sellers.drafts import finish
from sellers.health import health
from sellers.jobs import turns
from sellers.models import Breaker, Delivery, Health, Listing, Notice, ProbeResult, Seller
from sellers.refusals import ListingRefused
from sellers.reviews import judging
from sellers.secrets import Vault
from sellers.upstreams import probing
from sellers.upstreams.probing import claim, probe_due
from tests.fixtures.hooks import Hooks
from tests.fixtures.programs import program_of
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.storefront import Storefront
from tests.fixtures.upstream import answer, hang_up, late

Make = Callable[..., Any]


@pytest.fixture
def listing(seller: Seller, storefront: Storefront, hooks: Hooks) -> Listing:
    """What the seller sells: its example is safe to repeat, for all that is said here."""
    return storefront.publish("acme/weather", example={"query": {"city": "Oslo"}})


def look(hooks: Hooks, listing: Listing, times: int = 1) -> Health:
    """So many looks, each when its time has come."""
    for _ in range(times):
        Health.objects.filter(next_probe_at__isnull=False).update(next_probe_at=timezone.now())
        probe_due(hooks.site)
    return Health.objects.get(pk=listing.pk)


def choose(hooks: Hooks, listing: Listing, way: str, url: str = "") -> None:
    health.choose_way(listing, way, url, hooks.site)


def test_an_endpoint_is_asked_nothing_that_its_seller_did_not_allow(
    hooks: Hooks, listing: Listing
) -> None:
    look(hooks, listing, 3)
    assert hooks.receiver.calls == []
    assert Health.objects.get().next_probe_at is not None
    assert not ProbeResult.objects.exists()


def test_the_example_is_repeated_as_a_buyers_call_would_be(
    hooks: Hooks, listing: Listing, storefront: Storefront
) -> None:
    choose(hooks, listing, "example")
    hooks.receiver.on("/weather", answer(b'{"celsius": 3}'))
    row = look(hooks, listing)
    (call,) = hooks.receiver.calls
    assert (call.method, call.target) == ("GET", "/weather?city=Oslo")
    assert (call.header("X-Souk-Payment") or "").startswith("probe-")
    assert call.header("X-Souk-Listing") == "acme/weather"
    assert call.header("X-Souk-Signature")
    assert (row.failures, row.drift) == (0, "")
    result = ProbeResult.objects.get()
    assert (result.ok, result.status, result.way) == (True, 200, "example")


def test_a_health_address_is_asked_without_secrets(
    hooks: Hooks, seller: Seller, storefront: Storefront
) -> None:
    terms = finish(storefront.draft(secret_headers=["x-key"]), storefront.site)
    made = listings.create_draft(seller, "secret", terms)
    upstream_secrets.keep(made.pk, "x-key", "canary", Vault(hooks.site.secrets_keys))
    revision = listings.submit(made.pk).proposed_revision
    assert revision is not None
    sold = judging.approve(made.pk, bytes(revision.hash), grace_seconds=0)
    choose(hooks, sold, "url", f"{hooks.receiver.url}/health")
    look(hooks, sold)
    (call,) = hooks.receiver.calls
    assert call.path == "/health"
    assert call.header("x-key") is None
    choose(hooks, sold, "example")
    look(hooks, sold)
    assert hooks.receiver.calls[-1].header("x-key") == "canary"


def test_a_look_carries_no_header_that_buyers_calls_leave_out(
    hooks: Hooks, seller: Seller, storefront: Storefront
) -> None:
    names = ("content-type", "host", "x-key", "x_souk_payer")  # as they could once be named
    terms = replace(finish(storefront.draft(method="POST"), storefront.site), secret_headers=names)
    made = listings.create_draft(seller, "older", terms)
    for name in names:
        value = "text/canary" if name == "content-type" else "canary"
        upstream_secrets.keep(made.pk, name, value, Vault(hooks.site.secrets_keys))
    revision = listings.submit(made.pk).proposed_revision
    assert revision is not None
    sold = judging.approve(made.pk, bytes(revision.hash), grace_seconds=0)
    choose(hooks, sold, "example")
    look(hooks, sold)
    (call,) = hooks.receiver.calls
    sent = [(name.lower(), value) for name, value in call.headers if "canary" in value]
    assert sorted(sent) == [("content-type", "text/canary"), ("x-key", "canary")]
    assert [name.lower() for name, _ in call.headers].count("content-type") == 1


def test_an_example_that_takes_its_time_has_the_time_that_buyers_calls_have(
    hooks: Hooks, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "ADDRESS_SECONDS_MAX", 0.05)
    for path in ("/weather", "/health"):
        hooks.receiver.on(path, late(0.2, answer(b'{"celsius": 3}')))
    choose(hooks, listing, "example")
    assert look(hooks, listing).failures == 0
    choose(hooks, listing, "url", f"{hooks.receiver.url}/health")
    assert look(hooks, listing).failures == 1, "a health address does no work"


@pytest.mark.parametrize(
    "lowered", [{"total_seconds": 0.05}, {"first_byte_seconds": 0.05}, {"answer_bytes_max": 5}]
)
def test_what_the_operator_lowered_holds_for_the_example(
    hooks: Hooks, listing: Listing, lowered: dict[str, Any]
) -> None:
    hooks.receiver.on("/weather", late(0.2, answer(b'{"celsius": 3}')))
    choose(hooks, listing, "example")
    assert look(hooks, listing).failures == 0
    hooks.site = replace(hooks.site, **lowered)
    assert look(hooks, listing).failures == 1


def test_a_listing_is_claimed_for_longer_than_its_call_may_take(
    hooks: Hooks, listing: Listing
) -> None:
    health.enroll()
    Health.objects.update(next_probe_at=timezone.now())
    (row,) = probing.claim(replace(hooks.site, total_seconds=900))
    assert row.claimed_until is not None
    assert row.claimed_until > timezone.now() + timedelta(seconds=900)


@pytest.mark.parametrize("url", ["https://10.0.0.1/health", "ftp://x/", ""])
def test_a_health_address_keeps_the_egress_rule(hooks: Hooks, listing: Listing, url: str) -> None:
    with pytest.raises(ListingRefused, match="url"):
        choose(hooks, listing, "url", url)
    with pytest.raises(ListingRefused, match="way"):
        choose(hooks, listing, "often")
    assert not Health.objects.filter(way="url").exists()


def test_what_only_fails_is_paused_with_notice(
    hooks: Hooks, seller: Seller, listing: Listing
) -> None:
    made = hooks.open(seller, events=["listing.paused"])
    choose(hooks, listing, "example")
    hooks.receiver.on("/weather", answer(b"broken", status=500))
    row = look(hooks, listing, 4)
    assert row.failures == 4
    assert row.next_probe_at is not None
    assert row.next_probe_at < timezone.now() + timedelta(seconds=600 * 0.7)
    assert Listing.objects.get().state == "live"
    assert not Notice.objects.exists()
    row = look(hooks, listing)
    assert Listing.objects.get().state == "paused"
    assert row.paused_at is not None
    assert row.next_probe_at is None
    (notice,) = Notice.objects.filter(seller=seller)
    assert "acme/weather is paused" in notice.subject
    assert "it answered 500" in notice.text
    message = Delivery.objects.get(webhook=made.webhook)
    assert "it answered 500" in message.body
    asked = len(hooks.receiver.calls)
    look(hooks, listing, 2)
    assert len(hooks.receiver.calls) == asked, "what is not sold is not looked at"
    listings.resume(listing.pk)
    hooks.receiver.on("/weather", answer(b'{"celsius": 3}'))
    row = look(hooks, listing)
    assert (row.failures, row.paused_at) == (0, None)


def test_a_way_chosen_after_a_pause_ends_its_alert_once_the_listing_is_live(
    hooks: Hooks, listing: Listing, settings: Settings
) -> None:
    settings.PROBE_FAILURES_MAX = 1
    hooks.receiver.on("/weather", answer(b"no", status=500))
    choose(hooks, listing, "example")
    assert look(hooks, listing).paused_at is not None
    listing.refresh_from_db()
    choose(hooks, listing, "calls")
    row = Health.objects.get()
    assert row.paused_why, "nobody has resumed it"
    assert (row.way, row.next_probe_at) == ("calls", None)
    listing = listings.resume(listing.pk)
    choose(hooks, listing, "example")
    row = Health.objects.get()
    assert (row.paused_at, row.paused_why) == (None, "")
    assert row.next_probe_at is not None
    health.enroll()
    row.refresh_from_db()
    assert row.paused_at is None


def test_a_success_begins_the_count_anew(hooks: Hooks, listing: Listing) -> None:
    choose(hooks, listing, "example")
    for behaviour in (hang_up(), answer(b'{"celsius": 3}'), hang_up()):
        hooks.receiver.on("/weather", behaviour)
        look(hooks, listing, 3)
    assert Listing.objects.get().state == "live"
    assert Health.objects.get().failures == 3


@pytest.mark.parametrize(
    ("body", "content_type", "drift"),
    [
        (b'{"fahrenheit": 50}', "application/json", "celsius"),
        (b'{"celsius": "warm"}', "application/json", "celsius"),
        (b"{", "application/json", "it says it is JSON and is none"),
        (b"<b>3</b>", "text/html", "it is text/html"),
    ],
)
def test_answers_that_drift_from_their_schema_are_noted_once(
    hooks: Hooks, seller: Seller, listing: Listing, body: bytes, content_type: str, drift: str
) -> None:
    choose(hooks, listing, "example")
    hooks.receiver.on("/weather", answer(body, content_type=content_type))
    row = look(hooks, listing, 3)
    assert drift in row.drift
    assert row.failures == 0, "it is sold on; the seller is told"
    assert Notice.objects.filter(seller=seller).count() == 1
    hooks.receiver.on("/weather", answer(b'{"celsius": 3}'))
    assert look(hooks, listing).drift == ""


def test_buyers_calls_say_how_it_is(
    hooks: Hooks, seller: Seller, listing: Listing, make_purchase: Make
) -> None:
    bought = {"purchase": {"seller_id": seller.pk, "listing_id": listing.pk}}

    async def fails(purchases: Purchases) -> UUID:
        payment_id = await purchases.claim(**bought)
        held = await purchases.held(payment_id)
        assert await attempts.void(
            purchases.pool, held.standing, why="not billable", detail={"reason": "timeout"},
            definite=True,
        )  # fmt: skip
        return payment_id

    async def is_answered(purchases: Purchases) -> None:
        await purchases.answer(await purchases.claim(**bought))

    look(hooks, listing)
    make_purchase(fails)
    make_purchase(is_answered)
    assert look(hooks, listing).failures == 0
    for _ in range(2):
        make_purchase(fails)
    assert look(hooks, listing).failures == 2
    assert look(hooks, listing).failures == 2, "the same calls are not counted again"
    for _ in range(7):
        make_purchase(fails)
    assert look(hooks, listing).failures == 4, "a question that fails is free: nobody vouches"
    assert Listing.objects.get().state == "live"
    failed = Payment.objects.filter(progress__work="void").order_by("-created_at")
    for payer in failed.values_list("payer", flat=True)[:3]:
        Cap.objects.create(key=payer_key(NETWORK, USDC, payer), earned_atomic=1)
    make_purchase(fails)
    look(hooks, listing)
    assert Listing.objects.get().state == "paused"
    assert "timeout" in Notice.objects.get().text
    assert hooks.receiver.calls == []


@pytest.mark.parametrize(
    ("reason", "failures"), [("timeout", 2), ("busy", 0), ("upstream_rejected", 0)]
)
def test_what_was_wanting_here_is_no_failure_of_the_sellers(
    hooks: Hooks,
    seller: Seller,
    listing: Listing,
    make_purchase: Make,
    reason: str,
    failures: int,
) -> None:
    async def fails(purchases: Purchases) -> None:
        of_it = {"seller_id": seller.pk, "listing_id": listing.pk}
        held = await purchases.held(await purchases.claim(purchase=of_it))
        assert await attempts.void(
            purchases.pool, held.standing, why="not billable", detail={"reason": reason},
            definite=True,
        )  # fmt: skip

    look(hooks, listing)
    for _ in range(2):
        make_purchase(fails)
    assert look(hooks, listing).failures == failures


def bought(listing: Listing, make_purchase: Make, *bodies: bytes, **changed: Any) -> None:
    """Buyers' calls of what is live, each answered with one of these."""
    listing.refresh_from_db()
    assert listing.live_revision is not None
    purchase = {
        "seller_id": listing.seller_id,
        "listing_id": listing.pk,
        "revision_hash": bytes(listing.live_revision.hash),
        **changed,
    }

    async def buy(purchases: Purchases) -> None:
        for body in bodies:
            await purchases.answer(await purchases.claim(purchase=purchase), body)

    make_purchase(buy)


GOOD, WRONG = b'{"celsius": 3}', b'{"celsius": "canary"}'


def test_answers_that_buyers_got_are_compared_with_the_schema(
    hooks: Hooks, seller: Seller, listing: Listing, make_purchase: Make
) -> None:
    made = hooks.open(seller, events=["listing.drifted"])
    look(hooks, listing)
    bought(listing, make_purchase, GOOD)
    assert look(hooks, listing).drift == ""
    bought(listing, make_purchase, GOOD, WRONG, GOOD)
    row = look(hooks, listing)
    assert row.drift.startswith("1 of 3 answers to buyers: answer.celsius: expected")
    assert row.drift_since is not None
    assert row.drifts == 0, "most of them were right"
    bought(listing, make_purchase, WRONG)
    since, row = row.drift_since, look(hooks, listing)
    assert (row.drifts, row.drift_since) == (1, since)
    (notice,) = Notice.objects.filter(seller=seller)
    (message,) = Delivery.objects.filter(webhook=made.webhook)
    assert "answer.celsius" in message.body
    assert "answer.celsius" in notice.text
    assert "canary" not in notice.text + message.body + row.drift
    assert hooks.receiver.calls == []
    browser = Client()
    browser.force_login(seller.owner)
    page = browser.get(f"/sell/health/{listing.pk}").content.decode()
    assert "1 of 12 looks in a row" in page
    bought(listing, make_purchase, GOOD)
    row = look(hooks, listing)
    assert (row.drift, row.drift_since, row.drifts) == ("", None, 0)


def test_answers_of_another_revision_or_packed_ones_are_not_compared(
    hooks: Hooks, listing: Listing, make_purchase: Make
) -> None:
    bought(listing, make_purchase, WRONG, revision_hash=bytes(32))
    assert look(hooks, listing).drift == ""
    bought(listing, make_purchase, WRONG)
    Answer.objects.update(headers=[["Content-Encoding", "gzip"]])
    assert look(hooks, listing).drift == ""
    bought(listing, make_purchase, WRONG)
    AnswerBody.objects.all().delete()
    assert look(hooks, listing).drift == ""


@pytest.mark.parametrize("way", ["calls", "url", "example"])
def test_a_listing_whose_answers_stay_wrong_is_paused(
    hooks: Hooks, listing: Listing, make_purchase: Make, settings: Settings, way: str
) -> None:
    settings.PROBE_DRIFTS_MAX = 2
    hooks.receiver.on("/weather", answer(GOOD))
    hooks.receiver.on("/health", answer(b"well"))
    choose(hooks, listing, way, f"{hooks.receiver.url}/health" if way == "url" else "")
    bought(listing, make_purchase, WRONG, WRONG)
    assert look(hooks, listing).drifts == 1
    assert Listing.objects.get().state == "live"
    bought(listing, make_purchase, WRONG)
    row = look(hooks, listing)
    assert Listing.objects.get().state == "paused"
    assert "2 looks in a row" in row.paused_why
    assert "answer.celsius" in row.paused_why
    listings.resume(listing.pk)
    row = look(hooks, listing)
    assert (row.drift, row.drifts, row.paused_why) == ("", 0, "")
    settings.PROBE_DRIFTS_MAX = 0
    for _ in range(3):
        bought(listing, make_purchase, WRONG)
        look(hooks, listing)
    assert Listing.objects.get().state == "live"


def test_two_workers_look_at_each_listing_once(
    hooks: Hooks, seller: Seller, storefront: Storefront
) -> None:
    for number in range(6):
        storefront.publish(f"acme/weather-{number}")
    health.enroll()
    Health.objects.update(next_probe_at=timezone.now())

    def take(_: int) -> list[UUID]:
        try:
            return [row.pk for row in probing.claim(hooks.site, 2)]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        taken = [pk for some in threads.map(take, range(4)) for pk in some]
    assert len(taken) == len(set(taken))
    assert len(taken) + len(probing.claim(hooks.site)) == 6
    assert probing.claim(hooks.site) == []


def test_a_ring_looks_at_so_many_and_leaves_the_others_to_the_next(
    hooks: Hooks, listing: Listing, storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    storefront.publish("acme/tides")
    health.enroll()
    Health.objects.update(next_probe_at=timezone.now())
    monkeypatch.setattr(probing, "claim", lambda site: claim(site, most=1))
    monkeypatch.setattr(probing, "RUN_MAX", 1)
    assert [probe_due(hooks.site) for _ in range(3)] == [1, 1, 0]


def test_a_stopping_worker_leaves_them_all(
    hooks: Hooks, listing: Listing, monkeypatch: pytest.MonkeyPatch
) -> None:
    health.enroll()
    Health.objects.update(next_probe_at=timezone.now())
    monkeypatch.setattr(turns, "_stopping", threading.Event())
    turns.stop()
    assert probe_due(hooks.site) == 0


def test_first_looks_are_spread(hooks: Hooks, seller: Seller, storefront: Storefront) -> None:
    for number in range(4):
        storefront.publish(f"acme/weather-{number}")
    health.enroll()
    times = set(Health.objects.values_list("next_probe_at", flat=True))
    assert len(times) == 4
    now = timezone.now()
    assert len({health.next_look(0, now) for _ in range(5)}) == 5
    assert all(now + timedelta(seconds=480) <= health.next_look(0, now) for _ in range(20))


def test_results_are_kept_for_a_while(hooks: Hooks, listing: Listing) -> None:
    choose(hooks, listing, "example")
    look(hooks, listing, 2)
    old = ProbeResult.objects.order_by("id").first()
    assert old is not None
    ProbeResult.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=31))
    assert health.forget_probes() == 1
    assert ProbeResult.objects.count() == 1


def test_the_page_shows_it_and_lets_the_seller_choose(
    hooks: Hooks, seller: Seller, listing: Listing
) -> None:
    browser = Client()
    browser.force_login(seller.owner)
    here = f"/sell/health/{listing.pk}"
    assert "not looked at yet" in browser.get("/sell/health").content.decode()
    wrong = browser.post(here, {"way": "url", "url": "https://10.0.0.1/<script>"})
    assert wrong.status_code == 422
    assert "10.0.0.1 cannot be called" in wrong.content.decode()
    assert browser.post(here, {"way": "example"}).status_code == 302
    hooks.receiver.on("/weather", answer(b"<script>alert(1)</script>", status=503))
    look(hooks, listing)
    page = browser.get(here).content.decode()
    assert "503 in " in page
    assert "<script>alert" not in page
    assert "1 of 5 failures in a row" in page
    assert "failing" in browser.get("/sell/health").content.decode()


def test_the_api_says_it_too(hooks: Hooks, seller: Seller, listing: Listing) -> None:
    robot = program_of(seller)
    here = f"/listings/{listing.pk}/health"
    assert robot("GET", here).document["way"] == "calls"
    set_to = robot("PUT", here, {"way": "url", "url": f"{hooks.receiver.url}/health"})
    assert (set_to.status, set_to.document["way"]) == (200, "url")
    look(hooks, listing)
    assert robot("GET", here).document["well_at"]
    assert robot("PUT", here, {"way": "url", "url": "https://[::1]/"}).status == 422


def test_an_open_breaker_is_shown_with_its_reason(
    hooks: Hooks, seller: Seller, listing: Listing, make_seller: Callable[[str], Seller]
) -> None:
    browser, robot = Client(), program_of(seller)
    browser.force_login(seller.owner)
    here, api = f"/sell/health/{listing.pk}", f"/listings/{listing.pk}/health"
    assert "Buyers are quoted and served." in browser.get(here).content.decode()
    assert robot("GET", api).document["breaker"] is None
    now = timezone.now()
    said = Breaker.objects.create(
        door=listing.pk, listing=listing, since=now - timedelta(minutes=3),
        until=now + timedelta(seconds=15), failures=7, why="timeout",
        expires_at=now + timedelta(minutes=3),
    )  # fmt: skip
    page = browser.get(here).content.decode()
    assert "Not sold at the moment" in page
    assert "7 calls in a row failed. Your endpoint took too long" in page
    assert "stopped" in browser.get("/sell/health").content.decode()
    shown = robot("GET", api).document["breaker"]
    assert (shown["failures"], shown["why"]) == (7, "Your endpoint took too long")
    Breaker.objects.filter(pk=said.pk).update(until=now)
    assert "Sold to one call at a time" in browser.get(here).content.decode()
    other = Client()
    other.force_login(make_seller("rival").owner)
    assert "took too long" not in other.get("/sell/health").content.decode()
