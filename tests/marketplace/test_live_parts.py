"""Parts of pages that follow one thing hear when it is over, from whoever wrote it down."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import AsyncClient
from django.utils import timezone

from marketplace.moderation.said import topic_of
from payments.live import open_pages
from payments.live.happenings import BUYERS, UNSEEN, Topic, versions_now
from payments.models import BuyersLook
from payments.reports import kept_buyers
from sellers.domains import claims
from sellers.domains.files import File
from sellers.domains.findings import record
from sellers.happenings import DOMAIN
from sellers.models import Domain, Listing, Seller, Verdict
from sellers.reviews import verdicts
from sellers.site import review_rules, this_site
from tests.fixtures.foreign import admin, browser_of, moderator
from tests.fixtures.hooks import sign_up
from tests.fixtures.purchases import Purchases
from tests.fixtures.storefront import in_thread
from tests.fixtures.streams import heard, listen

SECOND_FACTOR = {"second_factor": True}
FOR_EVER = 3_600.0
NAME = "acme.example"


@pytest.fixture
def only_rings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks by themselves: what is heard was rung for."""
    monkeypatch.setattr(open_pages, "TICK_SECONDS", FOR_EVER)


def named() -> Seller:
    """A seller who names a domain and has it looked at."""
    seller = sign_up("acme")
    Domain.objects.create(seller=seller, name=NAME, token="t", next_look_at=timezone.now())
    return seller


async def browser_of_seller(seller: Seller) -> AsyncClient:
    client = AsyncClient()
    assert seller.owner is not None
    await client.aforce_login(seller.owner)
    return client


def version(topic: Topic) -> str:
    return versions_now([topic]).get(topic, UNSEEN)


@pytest.mark.usefixtures("only_rings")
async def test_what_was_found_of_a_domain_is_heard_when_it_is_written(market: Purchases) -> None:
    seller = await sync_to_async(named)()
    before = await in_thread(version, Topic(DOMAIN, seller.pk))
    messages = listen(await browser_of_seller(seller), "?topics=domain&seen=nothing")
    assert (await heard(messages))["id"] == before
    row = await in_thread(claims.domain_of, seller)
    await in_thread(record, seller.pk, NAME, File((row.line,)))
    said = await heard(messages)
    assert (said["event"], said["data"]) == ("domain", "domain")
    assert said["id"] != before
    await messages.aclose()  # type: ignore[attr-defined]


def test_a_domain_is_another_one_after_each_act_and_look(transactional_db: None) -> None:
    seller = named()
    topic = Topic(DOMAIN, seller.pk)
    versions = [version(topic)]
    Domain.objects.update(seen_at=timezone.now(), next_look_at=None)
    versions.append(version(topic))
    claims.ask(seller, this_site())
    versions.append(version(topic))
    Domain.objects.update(name="other.example", named_at=timezone.now() + timedelta(seconds=1))
    versions.append(version(topic))
    claims.give_up(seller)
    versions.append(version(topic))
    assert len(set(versions)) == len(versions)
    assert versions[-1] == UNSEEN


@pytest.mark.usefixtures("only_rings")
async def test_a_count_of_buyers_is_heard_when_it_is_made(market: Purchases) -> None:
    seller = await sync_to_async(sign_up)("acme")
    day = {"first": "2026-01-01", "last": "2026-01-01", "listing": "", "network": ""}
    asked = {"seller_id": seller.pk, "asked": day, "due_at": timezone.now()}
    await BuyersLook.objects.acreate(**asked)
    messages = listen(await browser_of_seller(seller), "?topics=buyers&seen=nothing")
    assert (await heard(messages))["id"] == UNSEEN
    assert await in_thread(kept_buyers.run_due) == 1
    said = await heard(messages)
    assert (said["event"], said["data"]) == ("buyers", "buyers")
    await messages.aclose()  # type: ignore[attr-defined]


def test_each_of_several_counts_is_told_whichever_is_over_first(transactional_db: None) -> None:
    seller, now = sign_up("acme"), timezone.now()
    rows = [BuyersLook.objects.create(seller_id=seller.pk, asked={"n": n}) for n in range(2)]
    BuyersLook.objects.create(seller_id=sign_up("other").pk, asked={}, made_at=now)
    versions = [version(Topic(BUYERS, seller.pk))]
    for row, ago in zip(rows, (0, 1), strict=True):  # what began first is written down last
        BuyersLook.objects.filter(pk=row.pk).update(made_at=now - timedelta(seconds=ago))
        versions.append(version(Topic(BUYERS, seller.pk)))
    assert versions[0] == UNSEEN
    assert len(set(versions)) == 3


@pytest.mark.parametrize("kind", [DOMAIN.name, BUYERS.name])
def test_sellers_hear_of_their_own_alone(transactional_db: None, kind: str) -> None:
    seller, buyer = named(), User.objects.create_user("buyer")
    staff = [browser_of(each, second_factor=True) for each in (moderator(), admin())]
    others = [browser_of(None), browser_of(buyer), *staff]
    own = browser_of(seller.owner)
    told = own.get(f"/events/poll?topics={kind}&seen=before")
    assert (told.status_code, told["HX-Trigger"]) == (200, kind)
    for path in ("/events", "/events/poll"):
        said = [each.get(f"{path}?topics={kind}").status_code for each in others]
        assert said == [404] * len(others)
        assert own.get(f"{path}?topics={kind}:{seller.pk}").status_code == 404


def test_a_seller_is_told_nothing_of_another_sellers_domain(transactional_db: None) -> None:
    named()
    other = browser_of(sign_up("other").owner)
    before = version(Topic(DOMAIN, Seller.objects.get(slug="other").pk))
    assert other.get(f"/events/poll?topics=domain&seen={before}").status_code == 204
    Domain.objects.update(seen_at=timezone.now(), next_look_at=None)
    assert other.get(f"/events/poll?topics=domain&seen={before}").status_code == 204


def said_by(judge: User, kind: str = "restore", **more: Any) -> Verdict:
    """What somebody said of a listing of its own, to be carried out now."""
    seller, _ = Seller.objects.get_or_create(slug="atlas", defaults={"name": "Atlas"})
    listing = Listing.objects.create(seller=seller, slug=f"l-{Listing.objects.count()}")
    due = {"due_at": timezone.now()} | more
    return Verdict.objects.create(listing=listing, kind=kind, moderator=judge, **due)


@pytest.mark.usefixtures("only_rings")
async def test_what_a_verdict_came_to_is_heard_when_it_is_carried_out(market: Purchases) -> None:
    judge = await in_thread(moderator)
    await in_thread(said_by, judge)
    client = AsyncClient()
    client.cookies = (await in_thread(browser_of, judge, **SECOND_FACTOR)).cookies
    messages = listen(client, "?topics=said&seen=before")
    waits = (await heard(messages))["id"]
    assert await in_thread(verdicts.carry_out_due, review_rules()) == 1
    told = await heard(messages)
    assert (told["event"], told["data"]) == ("said", "said")
    assert told["id"] != waits
    await messages.aclose()  # type: ignore[attr-defined]


def test_what_was_said_is_another_version_when_it_cannot_be_undone_any_more(
    transactional_db: None,
) -> None:
    judge, colleague = moderator(), User.objects.create_user("colleague")
    verdict = said_by(judge, due_at=timezone.now() + timedelta(hours=1))
    versions = [version(topic_of(judge.pk))]
    said_by(colleague)
    assert version(topic_of(judge.pk)) == versions[0], "of others nothing is told"
    assert version(topic_of(colleague.pk)) != versions[0]
    Verdict.objects.filter(pk=verdict.pk).update(due_at=timezone.now())
    versions.append(version(topic_of(judge.pk)))
    stopped = said_by(judge, "suspend", became="done", due_at=None, ended_at=timezone.now())
    versions.append(version(topic_of(judge.pk)))
    ago = timezone.now() - timedelta(seconds=review_rules().undo_seconds)
    Verdict.objects.filter(pk=stopped.pk).update(ended_at=ago)
    versions.append(version(topic_of(judge.pk)))
    assert len(set(versions)) == len(versions)


def test_only_who_judges_hears_what_became_of_it(transactional_db: None) -> None:
    judge, boss, seller = moderator(), admin(), sign_up("acme")
    others = [browser_of(None), browser_of(User.objects.create_user("buyer"), **SECOND_FACTOR)]
    others += [browser_of(seller.owner, **SECOND_FACTOR), browser_of(judge), browser_of(boss)]
    for path in ("/events", "/events/poll"):
        answers = [each.get(f"{path}?topics=said").status_code for each in others]
        assert answers == [404] * len(others)
    for each in (judge, boss):
        own = browser_of(each, **SECOND_FACTOR)
        assert own.get("/events/poll?topics=said&seen=before")["HX-Trigger"] == "said"
        assert own.get(f"/events/poll?topics=said:{topic_of(judge.pk).id}").status_code == 404
    judge.is_active = False
    judge.save()
    gone = browser_of(judge, **SECOND_FACTOR)
    assert gone.get("/events/poll?topics=said&seen=before").status_code == 404
