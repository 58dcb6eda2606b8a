"""Whoever waits for work at a page hears of each step: at once, after a break, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Generator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments.live import open_pages
from payments.live.happenings import Topic, versions_now
from sellers import previews
from sellers.drafting import fetches, worksheets
from sellers.happenings import DOCUMENT, LOOK, TEST_CALLS
from sellers.models import Fetch, Look, Preview, Seller, Worksheet
from sellers.on_sale.preview_ends import close
from sellers.site import this_site
from sellers.terms import Sample
from sellers.upstreams import looks
from sellers.upstreams.probes import Step
from tests.fixtures.foreign import admin, browser_of, moderator
from tests.fixtures.hooks import sign_up
from tests.fixtures.purchases import Purchases
from tests.fixtures.storefront import in_thread
from tests.fixtures.streams import PATIENCE_SECONDS, heard, heard_until, listen

ASKED = {"method": "GET", "url": "https://api.example/x", "example": {}, "media_type": ""}
FOR_EVER = 3_600.0


class Waiting:
    """A seller with a draft that is looked at, a document that is fetched, and a test address."""

    def __init__(self) -> None:
        self.seller: Seller = sign_up("acme")
        self.sheet: Worksheet = worksheets.start(self.seller, {})
        self.look = Look.objects.create(worksheet=self.sheet, asked=ASKED)
        self.fetch = Fetch.objects.create(seller=self.seller, url="https://api.example/openapi")
        now = timezone.now()
        self.preview = Preview.objects.create(
            seller=self.seller, listing_id=self.sheet.listing_id, token_hash=bytes(32), terms={},
            revision_hash=b"", payers=["0x"], created_at=now, expires_at=now + timedelta(hours=1),
        )  # fmt: skip

    @property
    def owner(self) -> User:
        assert self.seller.owner is not None
        return self.seller.owner

    @property
    def topics(self) -> list[str]:
        return [
            f"look:{self.sheet.pk}", f"calls:{self.sheet.pk}", f"document:{self.fetch.pk}",
        ]  # fmt: skip


@pytest.fixture
async def waiting(market: Purchases) -> Waiting:
    made: Waiting = await sync_to_async(Waiting)()
    return made


@pytest.fixture
async def browser_of_owner(waiting: Waiting) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(waiting.owner)
    return client


@pytest.fixture
def only_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by themselves: what is heard was rung for."""
    monkeypatch.setattr(open_pages, "TICK_SECONDS", FOR_EVER)


def from_the_start(topic: str) -> str:
    return f"?topics={topic}&seen=nothing"


async def left(messages: AsyncIterator[str]) -> None:
    await messages.aclose()  # type: ignore[attr-defined]


@pytest.mark.usefixtures("only_rings")
async def test_each_step_of_a_look_is_heard_when_it_is_written(
    waiting: Waiting, browser_of_owner: AsyncClient
) -> None:
    heard_of_first = threading.Event()

    def slowly(*_: Any) -> Generator[Step, None, Sample]:
        yield Step("DNS", True, "found")
        assert heard_of_first.wait(PATIENCE_SECONDS)
        yield Step("Status", True, "200")
        return Sample(200, "application/json", b"{}")

    messages = listen(browser_of_owner, from_the_start(waiting.topics[0]))
    assert ".waiting.0." in (await heard(messages))["id"]
    with patch("sellers.upstreams.looks.look", slowly):
        running = asyncio.create_task(in_thread(looks.run, waiting.look.pk, this_site()))
        said = await heard_until(messages, ".running.1.")
        assert (said["event"], said["data"]) == ("look", waiting.topics[0])
        heard_of_first.set()
        assert await running
    await heard_until(messages, ".good.2.done")
    await left(messages)


async def test_a_step_nobody_rang_for_is_seen_all_the_same(
    waiting: Waiting, browser_of_owner: AsyncClient
) -> None:
    messages = listen(browser_of_owner, from_the_start(waiting.topics[0]))
    assert ".waiting.0." in (await heard(messages))["id"]
    steps = [Step("DNS", True, "found").to_json()]
    await Look.objects.filter(pk=waiting.look.pk).aupdate(state=Look.State.RUNNING, steps=steps)
    await heard_until(messages, ".running.1.")
    await left(messages)


@pytest.mark.usefixtures("only_rings")
async def test_a_document_is_heard_of_when_it_is_here(
    waiting: Waiting, browser_of_owner: AsyncClient
) -> None:
    heard_of_beginning = threading.Event()

    def slowly(*_: Any) -> str:
        assert heard_of_beginning.wait(PATIENCE_SECONDS)
        return "{}"

    messages = listen(browser_of_owner, from_the_start(waiting.topics[2]))
    assert (await heard(messages))["id"] == "waiting"
    with patch("sellers.openapi.documents.fetched", slowly):
        running = asyncio.create_task(in_thread(fetches.run, waiting.fetch.pk, this_site()))
        await heard_until(messages, "running")
        heard_of_beginning.set()
        assert await running
    said = await heard_until(messages, "good")
    assert (said["event"], said["data"]) == ("document", waiting.topics[2])
    await left(messages)


async def test_test_calls_are_heard_of_from_the_first_to_the_end_of_the_address(
    market: Purchases, waiting: Waiting, browser_of_owner: AsyncClient
) -> None:
    messages = listen(browser_of_owner, from_the_start(waiting.topics[1]))
    none_yet = (await heard(messages))["id"]
    assert none_yet == "true.."
    await market.claim()  # of somebody else's
    payment_id = await market.claim(purchase={"listing_id": waiting.preview.pk})
    _, called, _ = (await heard(messages))["id"].split(".")
    await market.answer(payment_id)
    while (answered := (await heard(messages))["id"].split(".")[1]) == called:
        pass  # it only says how long ago that was
    assert called
    assert answered
    calls = await in_thread(previews.calls_of, waiting.sheet)
    assert [each.payment_id for each in calls] == [payment_id]
    await in_thread(close, Preview.objects.filter(pk=waiting.preview.pk))
    await heard_until(messages, "false.")
    await left(messages)


async def test_what_a_look_found_in_a_break_is_told_first(
    waiting: Waiting, browser_of_owner: AsyncClient
) -> None:
    (topic,) = topics = [Topic(LOOK, waiting.sheet.pk)]
    before = (await in_thread(versions_now, topics))[topic]
    await Look.objects.filter(pk=waiting.look.pk).aupdate(state=Look.State.BAD, due_at=None)
    after = (await in_thread(versions_now, topics))[topic]
    # The page itself has seen it all; what counts is what its stream has told.
    query = f"?topics={topic.name}&seen={after}"
    messages = listen(browser_of_owner, query, Last_Event_ID=before)
    assert (await heard(messages))["id"] == after
    await left(messages)


async def test_where_every_seat_is_taken_the_page_asks_and_is_told_the_same(
    waiting: Waiting, browser_of_owner: AsyncClient, settings: Settings
) -> None:
    settings.STREAMS_MAX = 0
    (topic,) = topics = [Topic(DOCUMENT, waiting.fetch.pk)]
    query = f"?topics={topic.name}&seen={(await in_thread(versions_now, topics))[topic]}"
    refused = await browser_of_owner.get(f"/events{query}")
    assert refused.status_code == 503
    assert 'hx-trigger="every 5s"' in refused.content.decode()
    assert (await browser_of_owner.get(f"/events/poll{query}")).status_code == 204
    await Fetch.objects.filter(pk=waiting.fetch.pk).aupdate(state=Fetch.State.GOOD, due_at=None)
    told = await browser_of_owner.get(f"/events/poll{query}")
    assert (told.status_code, told["HX-Trigger"]) == (200, "document")
    assert "seen=good" in told.content.decode()


def test_only_its_own_seller_hears_of_work(transactional_db: None) -> None:
    waiting = Waiting()
    other = sign_up("other").owner
    buyer = User.objects.create_user("buyer")
    others = [
        browser_of(each, second_factor=True) for each in (None, buyer, other, moderator(), admin())
    ]
    own = browser_of(waiting.owner)
    for topic in waiting.topics:
        assert own.get(f"/events/poll?topics={topic}").status_code == 200
        for path in ("/events", "/events/poll"):
            said = [each.get(f"{path}?topics={topic}").status_code for each in others]
            assert said == [404] * len(others), topic
            mixed = own.get(f"{path}?topics={topic},look:{waiting.fetch.pk}")
            assert mixed.status_code == 404


def test_a_page_streams_until_its_work_is_over(transactional_db: None) -> None:
    waiting = Waiting()
    own = browser_of(waiting.owner)
    pages = {
        LOOK: f"/sell/drafts/{waiting.sheet.pk}/look",
        TEST_CALLS: f"/sell/drafts/{waiting.sheet.pk}/try",
        DOCUMENT: f"/sell/import/{waiting.fetch.pk}",
    }

    def part(kind: Any) -> str:
        said = own.get(pages[kind], headers={"HX-Request": "true"})
        return str(said.content.decode())

    with patch("sellers.pages.trying._shown", return_value={}):
        for kind in pages:
            assert f'hx-trigger="{kind.name} from:#live' in part(kind)
            assert f"topics={kind.name}%3A" in part(kind)
            assert "<noscript>" in part(kind), "and without a script there is a link"
    Look.objects.update(state=Look.State.BAD, due_at=None)
    Fetch.objects.update(state=Fetch.State.BAD, due_at=None)
    close(Preview.objects.all())
    for kind in pages:
        assert "hx-sse:connect" not in part(kind)
        assert "hx-trigger" not in part(kind)


def test_a_page_that_says_how_long_ago_is_told_when_that_is_wrong(transactional_db: None) -> None:
    waiting = Waiting()
    look, calls = Topic(LOOK, waiting.sheet.pk), Topic(TEST_CALLS, waiting.sheet.pk)

    def aged(seconds: int) -> str:
        Look.objects.update(created_at=timezone.now() - timedelta(seconds=seconds))
        return versions_now([look])[look].rpartition(".")[2]

    assert [aged(each) for each in (11, 31, 65, 605)] == ["s2", "s6", "m1", "m10"]
    Look.objects.update(state=Look.State.BAD, due_at=None)
    assert aged(11) == aged(605) == "done", "of what is over nobody waits for anything"
    assert versions_now([calls])[calls] == "true..", "nor of no call"


def test_a_ring_that_fails_undoes_nothing(transactional_db: None) -> None:
    waiting = Waiting()
    with (
        patch("payments.live.wakeups._RING", "select %s from no_such_table"),
        patch("sellers.openapi.documents.fetched", return_value="{}"),
    ):
        assert fetches.run(waiting.fetch.pk, this_site())
    waiting.fetch.refresh_from_db()
    assert waiting.fetch.due_at is None
