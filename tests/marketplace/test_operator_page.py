"""The operator's page says in words what the rows say; machines read the same as numbers."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.doctor import money
from marketplace.doctor.networks import read_gas_books
from payments import earnings
from payments.models import (
    Answer,
    Broadcast,
    ChainHealth,
    GasUse,
    Heartbeat,
    Reconciliation,
    Relayer,
)
from payments.relaying.settling import LOW_ON_GAS
from sellers import listings
from sellers.drafts import finish
from sellers.models import Delivery, Listing, Webhook
from sellers.profile.directory import open_seller
from sellers.webhooks import webhooks
from tests.docs.test_documents import anchors
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.storefront import Storefront, settle

ADDRESS = "0x00000000000000000000000000000000000000AA"


def spend_gas(wei: int) -> None:
    seller = open_seller("acme")
    GasUse.objects.create(
        network=NETWORK, seller_id=seller.pk, day=timezone.now().date(), gas_wei=wei, payments=1
    )


def burn_gas(wei: int, age: timedelta = timedelta(0)) -> None:
    """By a transaction that carried no payment, as one that fills a gap."""
    Broadcast.objects.create(
        relayer=Relayer.objects.get(address=ADDRESS), nonce=wei, variant=0,
        kind=Broadcast.Kind.FILLER, transaction=wei.to_bytes(32), raw=b"", gas_limit=1,
        max_fee_wei=1, priority_fee_wei=1, gas_cost_wei=wei, created_at=timezone.now() - age,
    )  # fmt: skip


@pytest.fixture
def site(transactional_db: None, settings: Settings) -> Client:
    """A site that is well, and its admin's browser."""
    chain = {"RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC], "SELLER_GAS_DAY_WEI": 10**18}
    settings.CHAINS = {NETWORK: {**CHAIN_DEFAULTS, **chain}}
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
    burn_gas(10**17)

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
    monkeypatch.setattr(money, "WAIT_FAIL_SECONDS", -1)
    (waits,) = of(site, "settling")
    assert waits["level"] == "fail"
    assert "one runs out in" in waits["words"]


@pytest.mark.parametrize(
    ("spoil", "subject", "level", "words"),
    [
        (lambda: Relayer.objects.update(balance_wei=1), "gas", "fail", "0.000000000000000001"),
        (lambda: Relayer.objects.update(stopped_why="stolen"), "gas", "warn", "stolen"),
        (lambda: settle(NETWORK, refusing_why=LOW_ON_GAS), "gas", "fail", "1.0000 coins"),
        (lambda: spend_gas(10**18), "gas", "warn", "the gas of today is spent on Base Sepolia"),
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
    assert "operator from:#live" in part
    assert "hx-sse:connect" not in part, "one stream, beside what changes"
    assert re.search(r'hx-sse:connect="/events\?topics=operator&amp;seen=[0-9a-f]{16}"', page)


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


def numbers_of() -> dict[str, float]:
    said = Client().get("/metrics", headers={"Authorization": "Bearer a token"}).content.decode()
    lines = [line.rsplit(" ", 1) for line in said.splitlines() if line[0] != "#"]
    return {name: float(number) for name, number in lines}


def test_readiness_says_that_the_chain_stands_as_the_doors_do(site: Client) -> None:
    assert Client().get("/readyz").status_code == 200
    ChainHealth.objects.update(head_time=timezone.now() - timedelta(hours=1))
    told = Client().get("/readyz")
    assert told.status_code == 503
    assert told.json()["networks"] == {NETWORK: "the chain has not moved for a while"}


@pytest.mark.parametrize("name", ["beat", "backup"])
def test_what_never_gave_a_sign_of_life_is_missed_since_the_installation(
    site: Client, name: str
) -> None:
    sign = f'souk_sign_of_life_seconds{{name="{name}"}}'
    MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=3))
    assert numbers_of()[sign] < timedelta(days=1).total_seconds()
    Heartbeat.objects.filter(name=name).delete()
    assert numbers_of()[sign] >= timedelta(days=3).total_seconds()


def test_a_network_that_nobody_ever_settled_is_missed_too(site: Client) -> None:
    seen, refusing = (
        f'{name}{{network="{NETWORK}"}}' for name in ("souk_settler_seen_seconds", "souk_refusing")
    )
    MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=3))
    assert numbers_of()[refusing] == 0
    ChainHealth.objects.all().delete()
    told = numbers_of()
    assert told[seen] >= timedelta(days=3).total_seconds()
    assert told[refusing] == 1


def labelled(name: str, network: str) -> str:
    return f'{name}{{network="{network}"}}'


def test_a_network_that_was_taken_out_is_missed_by_nobody(site: Client) -> None:
    gone = "eip155:8453"
    settle(gone)
    Reconciliation.objects.create(
        network=gone, asset=USDC, at=timezone.now() - timedelta(days=3), from_block=0, to_block=9,
        booked=1, differences=0,
    )  # fmt: skip
    told = numbers_of()
    assert labelled("souk_settler_seen_seconds", NETWORK) in told
    assert [name for name in told if f'"{gone}"' in name] == []


def test_a_ledger_that_was_never_compared_is_missed_since_the_installation(site: Client) -> None:
    age = f'souk_ledger_compared_seconds{{asset="{USDC}",network="{NETWORK}"}}'
    MigrationRecorder.Migration.objects.update(applied=timezone.now() - timedelta(days=3))
    assert numbers_of()[age] < timedelta(days=1).total_seconds()
    Reconciliation.objects.all().delete()
    assert numbers_of()[age] >= timedelta(days=3).total_seconds()


def test_a_key_that_was_given_another_is_neither_stopped_nor_full_of_gas(site: Client) -> None:
    stopped, coins = (
        labelled(name, NETWORK) for name in ("souk_relayers_stopped", "souk_gas_balance_coins")
    )
    Relayer.objects.update(stopped_why="foreign use")
    assert numbers_of()[stopped] == 1
    old = timezone.now() - timedelta(hours=1)
    for number, why in enumerate(("foreign use", "")):
        Relayer.objects.create(
            network=NETWORK, address=f"0x{number:040d}", next_nonce=1, balance_wei=10**20,
            balance_at=old, stopped_why=why,
        )  # fmt: skip
    Relayer.objects.filter(address=ADDRESS).update(stopped_why="")
    told = numbers_of()
    assert (told[stopped], told[coins]) == (0, 1)


def test_the_gas_of_the_last_week_counts_whatever_it_was_burnt_for(site: Client) -> None:
    burn_gas(10**17, timedelta(days=6))
    burn_gas(10**18, timedelta(days=8))
    assert numbers_of()[labelled("souk_gas_days", NETWORK)] == pytest.approx(70)
    (book,) = read_gas_books()[NETWORK]
    assert 10**18 / book.wei_per_day == pytest.approx(70)


def test_an_answer_waits_from_when_its_seller_gave_it(site: Client, make_purchase: Any) -> None:
    """Not from when the buyer asked: a seller may take a minute."""

    async def sell(made: Purchases) -> None:
        await made.answer(await made.claim())

    make_purchase(sell)
    oldest = labelled("souk_unsettled_oldest_seconds", NETWORK)
    Answer.objects.update(stored_at=timezone.now() + timedelta(hours=1))
    assert numbers_of()[oldest] < 0
    Answer.objects.update(stored_at=timezone.now() - timedelta(hours=1))
    assert numbers_of()[oldest] >= timedelta(hours=1).total_seconds()


def test_messages_of_an_address_that_fails_wait_for_its_owner(site: Client, hooks: Hooks) -> None:
    hook = webhooks.open_webhook(
        sign_up("acme"), f"{hooks.receiver.url}/x", ["payment.paid"], hooks.site
    )
    webhooks.try_out(hook.webhook)
    Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(hours=1))
    assert numbers_of()["souk_webhooks_due"] == 1
    assert numbers_of()["souk_webhooks_oldest_seconds"] >= timedelta(hours=1).total_seconds()
    Webhook.objects.update(failing_since=timezone.now())
    assert numbers_of()["souk_webhooks_due"] == 0
    assert numbers_of()["souk_webhooks_oldest_seconds"] == 0


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
