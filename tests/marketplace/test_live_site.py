"""The operator's page hears that the site has changed: one look at it for all who have it open."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient
from pytest_django.fixtures import Settings

from marketplace.doctor import glance
from marketplace.doctor.findings import Finding, fail, ok
from marketplace.doctor.glance import GLANCE, version_of
from tests.fixtures.foreign import admin, browser_of, moderator
from tests.fixtures.hooks import sign_up
from tests.fixtures.purchases import Purchases
from tests.fixtures.storefront import in_thread
from tests.fixtures.streams import PATIENCE_SECONDS, heard, listen

FOR_EVER = 3_600.0
WELL, ILL = ok("beat", "alive"), fail("beat", "gone", "start one")
PAGE = "?topics=operator&seen="


@dataclass
class Site:
    """What there is to be found, and how often somebody looked."""

    findings: list[Finding] = field(default_factory=lambda: [WELL])
    looks: int = 0
    goes_on: threading.Event = field(default_factory=threading.Event)

    def examine(self) -> list[Finding]:
        self.looks += 1
        assert self.goes_on.wait(PATIENCE_SECONDS)
        return self.findings

    @property
    def version(self) -> str:
        return version_of(self.findings)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    found = Site()
    found.goes_on.set()
    monkeypatch.setattr(GLANCE, "_look", found.examine)
    monkeypatch.setattr(glance, "GOOD_SECONDS", 0.0)
    monkeypatch.setattr(GLANCE, "_good_until", 0.0)
    yield found
    found.goes_on.set()


async def admins_browser() -> AsyncClient:
    cookies = (await in_thread(browser_of, await in_thread(admin), second_factor=True)).cookies
    client = AsyncClient()
    client.cookies = cookies
    return client


async def test_a_tile_that_turns_red_is_heard_of(market: Purchases, site: Site) -> None:
    messages = listen(await admins_browser(), PAGE + site.version)
    first = asyncio.create_task(heard(messages))
    while site.looks < 3:  # as it comes, and then by the process, again and again
        await asyncio.sleep(0)
    assert not first.done()
    site.findings = [ILL]
    assert await first == {"event": "operator", "id": site.version, "data": "operator"}
    await messages.aclose()  # type: ignore[attr-defined]


async def test_what_changed_in_a_break_is_told_first(market: Purchases, site: Site) -> None:
    before = site.version
    site.findings = [ILL]
    messages = listen(await admins_browser(), PAGE + site.version, Last_Event_ID=before)
    assert (await heard(messages))["id"] == site.version
    await messages.aclose()  # type: ignore[attr-defined]


async def test_the_site_is_looked_at_once_for_every_tab(
    market: Purchases, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "GOOD_SECONDS", FOR_EVER)
    client = await admins_browser()
    tabs = [listen(client, PAGE + version_of([ILL])) for _ in range(3)]
    assert [(await heard(each))["id"] for each in tabs] == [site.version] * 3
    assert (await client.get(f"/events/poll{PAGE}{site.version}")).status_code == 204
    for _ in tabs:
        part = await client.get("/operator/", headers={"HX-Request": "true"})
        assert WELL.words in part.content.decode().lower()
    assert site.looks == 1
    for each in tabs:
        await each.aclose()  # type: ignore[attr-defined]


async def test_no_other_page_waits_for_that(market: Purchases, site: Site) -> None:
    tab = listen(await admins_browser(), PAGE + site.version)
    opened = asyncio.create_task(heard(tab))
    while not site.looks:
        await asyncio.sleep(0)
    site.goes_on.clear()
    payment_id = await market.claim()
    messages = listen(AsyncClient(), f"?topics=payment:{payment_id}&seen=1.0")
    first = asyncio.create_task(heard(messages))
    await market.answer(payment_id)
    assert (await first)["id"] == "2.0"
    site.goes_on.set()
    opened.cancel()
    await asyncio.wait([opened])
    await messages.aclose()  # type: ignore[attr-defined]


async def test_a_full_house_asks_and_is_told_the_same(
    market: Purchases, site: Site, settings: Settings
) -> None:
    settings.STREAMS_MAX = 0
    client, query = await admins_browser(), PAGE + site.version
    refused = await client.get(f"/events{query}")
    assert refused.status_code == 503
    assert 'hx-trigger="every 5s"' in refused.content.decode()
    assert (await client.get(f"/events/poll{query}")).status_code == 204
    site.findings = [ILL]
    assert (await client.get(f"/events/poll{query}"))["HX-Trigger"] == "operator"


def test_only_who_runs_the_site_hears_of_it(transactional_db: None, site: Site) -> None:
    boss = admin()
    stranger = User.objects.create_user("buyer")
    others = [
        browser_of(each, second_factor=True)
        for each in (None, stranger, sign_up("acme").owner, moderator())
    ]
    others.append(browser_of(boss))  # without a second factor
    for path in ("/events", "/events/poll"):
        said = [each.get(f"{path}?topics=operator").status_code for each in others]
        assert said == [404] * len(others)
    assert site.looks == 0, "nobody has the site looked at for nothing"
    own = browser_of(boss, second_factor=True)
    assert own.get("/events/poll?topics=operator").status_code == 200
    assert own.get("/events/poll?topics=operator:x").status_code == 404


def test_any_other_word_is_another_version() -> None:
    said = ([WELL], [ILL], [WELL, ILL], [ok("beat", "alive still")], [ok("worker", "alive")])
    assert len({version_of(each) for each in said}) == len(said)
    assert version_of([WELL]) == version_of([ok("beat", "alive")])
