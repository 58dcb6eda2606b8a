"""The operator's page says in words what the rows say; machines read the same as numbers."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.doctor import workings
from payments import earnings
from payments.models import GasUse, Heartbeat, Reconciliation, Relayer
from sellers import listings
from sellers.drafts import finish
from sellers.models import Listing
from tests.docs.test_documents import anchors
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.storefront import Storefront, settle

ADDRESS = "0x00000000000000000000000000000000000000AA"


@pytest.fixture
def site(transactional_db: None, settings: Settings) -> Client:
    """A site that is well, and its admin's browser."""
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC]}}
    settings.METRICS_TOKEN = "a token"
    settle(NETWORK)
    now = timezone.now()
    Heartbeat.objects.create(name="beat", at=now)
    Heartbeat.objects.create(name="backup", at=now)
    Relayer.objects.create(
        network=NETWORK, address=ADDRESS, next_nonce=1, balance_wei=10**18, balance_at=now
    )
    Reconciliation.objects.create(
        network=NETWORK, asset=USDC, at=now, from_block=0, to_block=9, booked=1, differences=0
    )
    return browser_of(admin(), second_factor=True)


def facts(site: Client) -> dict[str, Any]:
    return site.get("/operator/", headers={"Accept": "application/json"}).json()


def of(site: Client, subject: str) -> list[dict[str, str]]:
    return [each for each in facts(site)["findings"] if each["subject"] == subject]


def test_a_site_that_is_well_says_so(site: Client, make_purchase: Any) -> None:
    GasUse.objects.create(
        network=NETWORK, seller_id="0" * 32, day=timezone.now().date(), gas_wei=10**17, payments=1
    )

    async def sell(made: Purchases) -> None:
        await made.final()

    make_purchase(sell)
    said = facts(site)
    assert said["level"] == "ok", said
    assert said["said"] == "All settled within 1 s; gas for 70 days."


def test_what_waits_for_people_is_counted_and_old_proposals_are_pointed_at(
    site: Client, storefront: Storefront
) -> None:
    (nothing,) = of(site, "decisions")
    assert (nothing["level"], nothing["words"]) == ("ok", "nothing waits for anybody")
    listing = storefront.publish("acme/weather")
    listings.propose(listing.pk, finish(storefront.draft(title="Rain"), storefront.site))
    listings.submit(listing.pk)
    (fresh,) = of(site, "decisions")
    assert (fresh["level"], fresh["words"]) == ("ok", "1 proposal to be decided")
    Listing.objects.filter(pk=listing.pk).update(submitted_at=timezone.now() - timedelta(days=3))
    (old,) = of(site, "decisions")
    assert old["level"] == "warn"
    assert old["words"] == "1 proposal to be decided; the oldest proposal 3 days ago"
    assert "/moderation/" in old["fix"]


def test_answers_that_wait_are_counted_and_an_old_one_is_alarming(
    site: Client, make_purchase: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sell(made: Purchases) -> None:
        for _ in range(3):
            await made.answer(await made.claim())

    make_purchase(sell)
    (waits,) = of(site, "settling")
    assert waits["level"] == "ok"
    assert waits["words"].startswith("3 answers wait for their money on Base Sepolia")
    monkeypatch.setattr(workings, "WAIT_FAIL_SECONDS", -1)
    (waits,) = of(site, "settling")
    assert waits["level"] == "fail"
    assert "one runs out in" in waits["words"]


@pytest.mark.parametrize(
    ("spoil", "subject", "level", "words"),
    [
        (lambda: Relayer.objects.update(balance_wei=1), "gas", "fail", "0.000000000000000001"),
        (lambda: Relayer.objects.update(stopped_why="stolen"), "gas", "warn", "stolen"),
        (lambda: Reconciliation.objects.update(differences=2), "ledger", "fail", "difference 2"),
        (
            lambda: Heartbeat.objects.filter(name="backup").update(
                at=timezone.now() - timedelta(days=9)
            ),
            "backup", "warn", "9 days ago",
        ),
        (
            lambda: Heartbeat.objects.filter(name="beat").update(
                at=timezone.now() - timedelta(hours=1)
            ),
            "beat", "warn", "not seen",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_remedy(
    site: Client, spoil: Any, subject: str, level: str, words: str
) -> None:
    assert {each["level"] for each in of(site, subject)} == {"ok"}
    spoil()
    bad = [each for each in of(site, subject) if each["level"] == level]
    assert bad, of(site, subject)
    assert words in bad[0]["words"]
    assert bad[0]["fix"]


def test_endpoints_that_fail_are_named(site: Client, make_purchase: Any) -> None:
    async def sell(made: Purchases) -> None:
        await made.void(await made.claim())
        await earnings.count(made.pool)

    make_purchase(sell)
    (found,) = of(site, "endpoints")
    assert "the endpoint failed (5xx) once at" in found["words"]


def test_the_page_shows_the_worst_first_and_renews_itself(site: Client) -> None:
    Reconciliation.objects.update(differences=2)
    page = site.get("/operator/", headers={"Accept": "text/html"}).content.decode()
    assert page.index("Ledger") < page.index("Worker")
    assert "python3 manage.py reconcile --fix" in page
    part = site.get("/operator/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div class="stack" id="tiles"')
    assert "every 10s" in part


def test_numbers_are_for_who_knows_the_token(site: Client, settings: Settings) -> None:
    visitor = Client()
    for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer ä"}):
        assert visitor.get("/metrics", headers=header).status_code == 404
    settings.METRICS_TOKEN = ""
    assert visitor.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_readiness_tells_the_same_facts_to_who_knows_the_token(site: Client) -> None:
    assert "findings" not in Client().get("/readyz").json()
    assert "findings" not in Client().get("/readyz", headers={"Authorization": "Bearer no"}).json()
    told = Client().get("/readyz", headers={"Authorization": "Bearer a token"}).json()
    assert told["ok"]
    seen = {(each["subject"], each["level"]) for each in facts(site)["findings"]}
    assert {(each["subject"], each["level"]) for each in told["findings"]} == seen
    assert told["said"]


def test_every_alert_asks_for_a_number_there_is_and_names_a_chapter(
    site: Client, checkout: Path
) -> None:
    told = Client().get("/metrics", headers={"Authorization": "Bearer a token"}).content.decode()
    known = set(re.findall(r"^# TYPE (souk_\w+)", told, re.MULTILINE))
    (group,) = yaml.safe_load((checkout / "docs/alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        assert set(re.findall(r"souk_\w+", rule["expr"])) <= known, rule["alert"]
        document, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert anchor in anchors(checkout / "docs" / document), rule["alert"]


def test_numbers_are_the_databases(site: Client, make_purchase: Any) -> None:
    async def sell(made: Purchases) -> None:
        await made.final()
        await made.final()
        await made.answer(await made.claim())
        await earnings.count(made.pool)

    make_purchase(sell)
    said = Client().get("/metrics", headers={"Authorization": "Bearer a token"})
    assert said["Content-Type"].startswith("text/plain")
    numbers = dict(
        line.rsplit(" ", 1) for line in said.content.decode().splitlines() if line[0] != "#"
    )
    paid = f'souk_settled_units_total{{asset="{USDC}",network="{NETWORK}"}}'
    assert float(numbers[paid]) == 4_000
    assert float(numbers[f'souk_unsettled_answers{{network="{NETWORK}"}}']) == 1
    assert float(numbers[f'souk_gas_balance_coins{{network="{NETWORK}"}}']) == 1
    assert float(numbers["souk_webhooks_due"]) == 0
