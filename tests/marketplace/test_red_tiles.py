"""Every tile of the operator's page when it is red: its words, and a command that can be typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.doctor import money, workings
from marketplace.doctor.page import TITLES
from marketplace.look.markdown import anchor
from payments import audit_log, earnings
from payments.health import SILENT
from payments.models import ChainHealth, Heartbeat, Reconciliation, Relayer
from sellers import listings
from sellers.drafts import finish
from sellers.models import Delivery, Listing
from sellers.webhooks import webhooks
from tests.docs.commands import OURS, in_backticks, outside_backticks, trouble
from tests.docs.test_documents import anchors
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.purchases import NETWORK, Purchases
from tests.fixtures.storefront import Storefront, settle
from tests.marketplace.test_operator_page import facts
from tests.marketplace.test_operator_page import site as site

LONG_AGO: Final = timedelta(days=9)


class Parts:
    """What a site is spoilt with."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __call__(self, name: str) -> Any:
        return self._request.getfixturevalue(name)


def silence_a_sign(name: str) -> None:
    Heartbeat.objects.filter(name=name).update(at=timezone.now() - LONG_AGO)


def leave_answers_waiting(parts: Parts) -> None:
    async def sell(made: Purchases) -> None:
        await made.answer(await made.claim())

    parts("make_purchase")(sell)
    parts("monkeypatch").setattr(money, "WAIT_FAIL_SECONDS", -1)


def fail_at_a_seller(parts: Parts) -> None:
    async def sell(made: Purchases) -> None:
        await made.void(await made.claim())
        await earnings.count(made.pool)

    parts("make_purchase")(sell)
    parts("monkeypatch").setattr(workings, "TROUBLES_WARN", 1)


def leave_messages_waiting(parts: Parts) -> None:
    hooks: Hooks = parts("hooks")
    hook = webhooks.open_webhook(
        sign_up("acme"), f"{hooks.receiver.url}/x", ["payment.paid"], hooks.site
    )
    webhooks.try_out(hook.webhook)
    Delivery.objects.update(next_attempt_at=timezone.now() - LONG_AGO)


def leave_a_proposal_waiting(parts: Parts) -> None:
    storefront: Storefront = parts("storefront")
    listing = storefront.publish("acme/weather")
    listings.propose(listing.pk, finish(storefront.draft(title="Rain"), storefront.site))
    listings.submit(listing.pk)
    Listing.objects.update(submitted_at=timezone.now() - LONG_AGO)


def be_at_the_audit_log(parts: Parts) -> None:
    audit_log.record("system", "listing.paused", "listing:1")
    with connection.cursor() as cursor:
        cursor.execute("alter table payments_auditentry disable trigger user")
        cursor.execute("update payments_auditentry set actor = 'user:9'")
        cursor.execute("alter table payments_auditentry enable trigger user")


RED: Final[dict[str, tuple[str, str, Callable[[Parts], object]]]] = {
    "no worker": (
        "worker", "Nobody has ever settled", lambda _: ChainHealth.objects.all().delete(),
    ),
    "a worker that is gone": (
        "worker", "Nobody has settled",
        lambda _: ChainHealth.objects.update(seen_at=timezone.now() - LONG_AGO),
    ),
    "a silent node": (
        "worker", "are refused", lambda _: settle(NETWORK, refusing_why=SILENT),
    ),
    "a worker that refuses": (
        "worker", "gas is dear", lambda _: settle(NETWORK, refusing_why="gas is dear"),
    ),
    "no blocks": (
        "worker", "has had no new block",
        lambda _: ChainHealth.objects.update(head_time=timezone.now() - LONG_AGO),
    ),
    "beat is gone": ("beat", "Not seen for", lambda _: silence_a_sign("beat")),
    "beat never was": (
        "beat", "never been seen", lambda _: Heartbeat.objects.filter(name="beat").delete(),
    ),
    "no broker": (
        "broker", "Nobody answers at redis://127.0.0.1:1",
        lambda parts: setattr(parts("settings"), "CELERY_BROKER_URL", "redis://127.0.0.1:1/0"),
    ),
    "answers wait": ("settling", "1 answer waits for its money", leave_answers_waiting),
    "gas is low": ("gas", "coins", lambda _: Relayer.objects.update(balance_wei=1)),
    "a key stopped": (
        "gas", "foreign use", lambda _: Relayer.objects.update(stopped_why="foreign use"),
    ),
    "books differ": (
        "ledger", "difference 2", lambda _: Reconciliation.objects.update(differences=2),
    ),
    "books not compared": (
        "ledger", "9 days ago",
        lambda _: Reconciliation.objects.update(at=timezone.now() - LONG_AGO),
    ),
    "messages wait": ("webhooks", "A message waits", leave_messages_waiting),
    "an endpoint fails": ("endpoints", "The endpoint failed", fail_at_a_seller),
    "a proposal waits": ("decisions", "1 proposal to be decided", leave_a_proposal_waiting),
    "an old backup": ("backup", "9 days ago", lambda _: silence_a_sign("backup")),
    "no backup": (
        "backup", "None was made with the command",
        lambda _: Heartbeat.objects.filter(name="backup").delete(),
    ),
    "a changed log": ("audit", "Somebody was at the audit log", be_at_the_audit_log),
}  # fmt: skip
NEVER_RED: Final = {"size"}  # how big the database is; its disk is the doctor's
BY_HAND: Final = {"decisions"}  # no command decides for people: it names the pages


def test_every_tile_is_tried() -> None:
    assert {subject for subject, _, _ in RED.values()} | NEVER_RED == set(TITLES)


def read_on(fix: str) -> list[str]:
    """The chapters of the operator's guide that a remedy leads to."""
    return re.findall(r"docs/operate\.md, “([^”]+)”", fix)


@pytest.mark.parametrize("name", RED)
def test_a_red_tile_says_what_is_wrong_the_command_and_where_to_read_on(
    site: Client, settings: Settings, request: pytest.FixtureRequest, checkout: Path, name: str
) -> None:
    settings.DEMO_CHAIN_RPC = ""
    chapters = anchors(checkout / "docs/operate.md")
    subject, words, spoil = RED[name]
    assert {each["level"] for each in facts(site)["findings"]} == {"ok"}
    spoil(Parts(request))
    red = [each for each in facts(site)["findings"] if each["level"] != "ok"]
    assert {each["subject"] for each in red} == {subject}
    page = site.get("/operator/", headers={"Accept": "text/html"}).content.decode()
    first = page[page.index("<section") : page.index("</section>")]
    tile = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", first)))
    assert TITLES[subject] in tile, "the worst comes first"
    assert words in tile
    for finding in red:
        commands = in_backticks(finding["fix"])
        assert OURS not in outside_backticks(finding["fix"])
        assert commands or subject in BY_HAND, finding["fix"]
        assert read_on(finding["fix"]), finding["fix"]
        for heading in read_on(finding["fix"]):
            assert anchor(heading) in chapters
            assert f'href="/docs/operate#{anchor(heading)}"' in first
        for command in commands:
            assert f"<code>{command}</code>" in unescape(first)
            assert trouble(command) == ""
    if subject in BY_HAND:
        for page in ("/moderation/", "/moderation/disputes/"):
            assert f'<a href="{page}">{page}</a>' in first
