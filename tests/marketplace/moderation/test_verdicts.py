"""A verdict waits ten seconds, some need two people, and an item is one moderator's at a time."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts.models import Wallet
from payments.models import OpenOffer
from sellers import listings
from sellers.drafting import worksheets
from sellers.models import Hold, Listing, Payout, Verdict
from sellers.reviews import holds
from sellers.reviews.holds import Judge
from sellers.reviews.times import usual_wait
from sellers.site import this_site
from tests.fixtures.cast import Cast
from tests.fixtures.storefront import Storefront
from tests.marketplace.moderation.bench import (
    as_moderator,
    became,
    judge,
    let_time_pass,
    propose,
    say,
)
from tests.sellers.desk import Desk, open_desk, value

State = Listing.State


def state(listing: Listing) -> str:
    listing.refresh_from_db()
    return listing.state


def hidden(client: Client, listing: Listing, name: str) -> str:
    return value(client.get(f"/moderation/{listing.pk}").content.decode(), name)


def stop(client: Client, listing: Listing) -> Any:
    return client.post(f"/moderation/{listing.pk}/suspend", {"reason": "It sells nothing."})


def test_nothing_is_sold_and_nobody_told_until_ten_seconds_are_over(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    assert say(moderator, listing, "approve") == 302
    assert state(listing) == State.IN_REVIEW
    assert not OpenOffer.objects.exists()
    waits = moderator.get("/moderation/said").content.decode()
    assert "will be approved" in waits
    assert 'hx-trigger="said from:#live, ' in waits
    assert "/events?topics=said&amp;seen=" in waits
    assert "<noscript>" in waits
    Verdict.objects.update(due_at=timezone.now())
    late = moderator.get("/moderation/said").content.decode()
    assert "/events?topics=said&amp;seen=" in late  # until the worker has done it
    assert "Undo" not in late
    let_time_pass()
    assert state(listing) == State.LIVE
    done = moderator.get("/moderation/said").content.decode()
    assert "atlas/weather is approved." in done
    assert "hx-get" not in done
    assert "hx-sse" not in done


def test_an_approval_is_told_on_its_sellers_pages_and_by_letter(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    notice = desk.seller.notices.get(subject="Approved: atlas/weather")
    assert notice.text == "It is sold on these terms now."
    assert notice.mail_at is not None
    assert desk.client.get(notice.href).status_code == 200
    notice.delete()
    listings.pause(listing.pk)
    propose(desk, title="Better weather")
    judge(moderator, listing, "approve")
    assert "resume it" in desk.seller.notices.get(subject="Approved: atlas/weather").text


def test_an_older_price_lasts_as_long_as_what_was_signed_for_it(
    desk: Desk, moderator: Client, settings: Settings
) -> None:
    settings.PRICE_GRACE_SECONDS = 0
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    propose(desk, dollars="0.02")
    judge(moderator, listing, "approve")
    older = OpenOffer.objects.get(listing_id=listing.pk, closed_at__isnull=False)
    left = older.closed_at - timezone.now()
    assert left > timedelta(seconds=settings.MAX_TIMEOUT_SECONDS - 60)


def test_what_is_undone_never_happened(desk: Desk, moderator: Client, colleague: Client) -> None:
    listing = desk.submitted()
    say(moderator, listing, "refuse", reason="A slip of the mouse.")
    verdict = Verdict.objects.get()
    undo = f"/moderation/said/{verdict.pk}/undo"
    colleague.post(undo)
    assert became(listing) == [("refuse", "")]
    assert moderator.post(undo)["Location"] == f"/moderation/{listing.pk}"
    let_time_pass()
    assert became(listing) == [("refuse", "undone")]
    assert state(listing) == State.IN_REVIEW
    assert not desk.seller.notices.exclude(href="/sell/payouts/").exists()
    # It is theirs again, at once.
    assert colleague.post(f"/moderation/{listing.pk}/take").status_code == 422
    assert say(moderator, listing, "approve") == 302


def test_only_what_waits_is_held(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    page = moderator.post(f"/moderation/{listing.pk}/take")
    assert page.status_code == 422
    assert "Nothing of it waits" in page.content.decode()
    assert not Hold.objects.exists()


def test_too_late_is_said(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    undone = moderator.post(f"/moderation/said/{Verdict.objects.get().pk}/undo", follow=True)
    assert "Too late: it is in effect." in undone.content.decode()
    assert state(listing) == State.LIVE


def test_a_seller_who_changes_it_meanwhile_is_not_approved(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    say(moderator, listing, "approve")
    propose(desk, title="Something else")
    let_time_pass()
    assert became(listing) == [("approve", "failed")]
    assert state(listing) == State.IN_REVIEW
    assert "proposed something else meanwhile" in moderator.get("/moderation/said").content.decode()


def test_what_its_seller_withdraws_meanwhile_is_not_approved(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    propose(desk, title="A slip")
    say(moderator, listing, "approve")
    desk.client.post("/sell/listings/weather/withdraw")
    let_time_pass()
    assert became(listing) == [("approve", "done"), ("approve", "failed")]
    listing.refresh_from_db()
    assert (listing.state, listing.proposed_revision) == (State.LIVE, None)
    assert "nothing of this listing is in review" in (
        moderator.get("/moderation/said").content.decode()
    )
    assert moderator.get(f"/moderation/{listing.pk}").status_code == 200
    assert say_late(moderator, listing) == 422


def say_late(client: Client, listing: Listing) -> int:
    """From a page that was opened before."""
    sent = {"revision": "00" * 32}
    return client.post(f"/moderation/{listing.pk}/approve", sent).status_code


def test_changes_that_are_asked_for_are_read_by_the_seller(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    asked = {"usual": "The endpoint does not answer its own example.", "reason": "Try Oslo."}
    assert judge(moderator, listing, "ask", **asked) == 302
    page = desk.client.get("/sell/listings/weather/").content.decode()
    assert "Changes are asked for: The endpoint does not answer its own example. Try Oslo." in page
    assert "Changes are asked for: atlas/weather" in desk.client.get("/sell/").content.decode()


def test_a_refusal_without_a_reason_is_said_at_its_field(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    moderator.post(f"/moderation/{listing.pk}/take")
    said = {"revision": hidden(moderator, listing, "revision"), "reason": " "}
    page = moderator.post(f"/moderation/{listing.pk}/refuse", said).content.decode()
    assert '<ul class="errors" id="reason-errors"><li>Say why: the seller is told.</li>' in page
    assert page.count("autofocus") == page.count('aria-invalid="true"') == 1


def test_what_was_typed_stays_when_a_form_is_not_followed(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    moderator.post(f"/moderation/{listing.pk}/take")
    usual = "The endpoint does not answer its own example."
    asked = {"revision": "00", "usual": usual, "reason": "Try Oslo."}
    page = moderator.post(f"/moderation/{listing.pk}/ask", asked).content.decode()
    assert f"<option selected>{usual}</option>" in page
    assert ">Try Oslo.</textarea>" in page
    nothing_said = {"reason": " "}
    page = moderator.post(f"/moderation/{listing.pk}/suspend", nothing_said).content.decode()
    assert "<details open>" in page
    assert "Say why: the seller is told." in page


def written(listing: Listing) -> dict[str, str]:
    """A refusal as it is typed, of what is proposed now."""
    assert listing.proposed_revision is not None
    return {
        "revision": bytes(listing.proposed_revision.hash).hex(),
        "usual": "The endpoint does not answer its own example.",
        "reason": "Try Oslo.",
    }


def test_what_was_written_while_the_hold_ran_out_comes_along_when_it_is_taken_again(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    sent = written(listing)
    moderator.post(f"/moderation/{listing.pk}/take")
    Hold.objects.update(until=timezone.now() - timedelta(hours=1))
    late = moderator.post(f"/moderation/{listing.pk}/refuse", sent)
    assert late.status_code == 422
    form = late.content.decode().partition(f"/moderation/{listing.pk}/take")[2]
    form = form.partition("</form>")[0]
    assert f"<option selected>{sent['usual']}</option>" in form
    assert f">{sent['reason']}</textarea>" in form
    page = moderator.post(f"/moderation/{listing.pk}/take", sent).content.decode()
    form = page.partition(f"/moderation/{listing.pk}/refuse")[2].partition("</form>")[0]
    assert f"<option selected>{sent['usual']}</option>" in form
    assert f">{sent['reason']}</textarea>" in form
    assert moderator.post(f"/moderation/{listing.pk}/refuse", sent).status_code == 302
    assert Verdict.objects.get().reason == f"{sent['usual']} {sent['reason']}"


def test_what_was_written_can_be_copied_when_somebody_else_has_it_or_decided_it(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted()
    sent = written(listing)
    wrote = f"{sent['usual']} {sent['reason']}</textarea>"
    moderator.post(f"/moderation/{listing.pk}/take")
    Hold.objects.update(until=timezone.now() - timedelta(hours=1))
    colleague.post(f"/moderation/{listing.pk}/take")
    for late in ("refuse", "take"):
        page = moderator.post(f"/moderation/{listing.pk}/{late}", sent).content.decode()
        assert "somebody else looks at it" in page
        assert wrote in page
    say(colleague, listing, "approve")
    page = moderator.post(f"/moderation/{listing.pk}/refuse", sent).content.decode()
    assert "Something was decided a moment ago" in page
    assert wrote in page
    let_time_pass()
    page = moderator.post(f"/moderation/{listing.pk}/refuse", sent).content.decode()
    assert "To the verdict" not in page, "nothing waits any more"
    assert wrote in page
    stop(colleague, listing)
    late = {"reason": "It sells nothing at all."}
    page = moderator.post(f"/moderation/{listing.pk}/suspend", late).content.decode()
    assert f"{late['reason']}</textarea>" in page


def test_a_suspension_is_at_once_and_taken_back_whole(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    assert stop(moderator, listing).status_code == 302
    assert state(listing) == State.SUSPENDED
    still = OpenOffer.objects.filter(closed_at__isnull=True)
    assert not still.exists()
    assert not OpenOffer.objects.filter(closed_at__gt=timezone.now()).exists()
    moderator.post(f"/moderation/said/{Verdict.objects.latest('at').pk}/undo")
    assert state(listing) == State.LIVE
    assert still.count() == 1
    assert became(listing) == [("approve", "done"), ("suspend", "undone")]


def test_a_seller_who_pauses_and_resumes_holds_no_suspension_off(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    form = page[page.index(f"/moderation/{listing.pk}/suspend") :].partition("</form>")[0]
    sent = dict(re.findall(r'type="hidden" name="(version)" value="([^"]*)"', form))
    for act in (listings.pause, listings.resume):
        act(listing.pk, by="system")
    said = moderator.post(f"/moderation/{listing.pk}/suspend", {**sent, "reason": "It lies."})
    assert said.status_code == 302
    assert state(listing) == State.SUSPENDED


def test_a_verdict_of_somebody_who_lost_the_role_meanwhile_is_none(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted()
    say(moderator, listing, "approve")
    User.objects.get(username="mod").groups.clear()
    let_time_pass()
    assert (became(listing), state(listing)) == ([("approve", "failed")], State.IN_REVIEW)
    judge(colleague, listing, "approve")
    assert state(listing) == State.LIVE


def test_a_yes_of_somebody_who_lost_the_role_counts_no_more(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted(dollars="1.01")
    judge(colleague, listing, "approve")
    User.objects.get(username="colleague").groups.clear()
    judge(moderator, listing, "approve")
    assert state(listing) == State.IN_REVIEW
    as_moderator(User.objects.get(username="colleague"))
    third = as_moderator(User.objects.create_user("third"))
    judge(third, listing, "approve")
    assert state(listing) == State.LIVE


def test_a_listing_in_review_is_in_review_again_after_a_mistaken_suspension(
    desk: Desk, moderator: Client
) -> None:
    listing = desk.submitted()
    stop(moderator, listing)
    assert state(listing) == State.SUSPENDED
    moderator.post(f"/moderation/said/{Verdict.objects.get().pk}/undo")
    assert state(listing) == State.IN_REVIEW


def test_a_suspension_ends_what_was_decided_and_not_yet_in_effect(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted()
    say(moderator, listing, "approve")
    stop(colleague, listing)
    let_time_pass()
    assert became(listing) == [("approve", "failed"), ("suspend", "done")]
    assert state(listing) == State.SUSPENDED
    assert not OpenOffer.objects.exists()


def test_a_stale_page_lifts_no_newer_suspension(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    stop(moderator, listing)
    restore, stale = f"/moderation/{listing.pk}/restore", hidden(colleague, listing, "version")
    assert moderator.post(restore, {"version": stale}).status_code == 302
    let_time_pass()
    assert state(listing) == State.PAUSED
    stop(moderator, listing)
    late = colleague.post(restore, {"version": stale})
    assert late.status_code == 422
    assert "it has changed since you opened this page" in late.content.decode()
    assert state(listing) == State.SUSPENDED
    for odd in ("", "-1", "9" * 40, "1e3"):
        assert colleague.post(restore, {"version": odd}).status_code == 422


def test_a_dear_price_needs_two_people(desk: Desk, moderator: Client, colleague: Client) -> None:
    listing = desk.submitted(dollars="1.01")
    judge(moderator, listing, "approve")
    assert state(listing) == State.IN_REVIEW
    assert became(listing) == [("approve", "counted")]
    assert "One of two people has said yes" in (
        colleague.get(f"/moderation/{listing.pk}").content.decode()
    )
    assert judge(moderator, listing, "approve") == 422
    assert state(listing) == State.IN_REVIEW
    Hold.objects.all().delete()
    assert judge(colleague, listing, "approve") == 302
    assert state(listing) == State.LIVE


def test_a_yes_counts_for_what_was_read_and_while_its_giver_may_give_it(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    listing = desk.submitted(dollars="1.01")
    judge(moderator, listing, "approve")
    propose(desk, title="Weather of a city")
    judge(colleague, listing, "approve")
    assert became(listing) == [("approve", "counted"), ("approve", "counted")]
    assert state(listing) == State.IN_REVIEW
    User.objects.filter(username="colleague").update(is_active=False)
    judge(moderator, listing, "approve")
    assert state(listing) == State.IN_REVIEW


def test_another_payout_wallet_needs_two_people(
    desk: Desk, moderator: Client, colleague: Client, settings: Settings
) -> None:
    settings.PAYOUT_COOLDOWN_SECONDS = 0
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    desk.wallet = Cast.other_seller
    desk.prove()
    propose(desk, pay_to=Cast.other_seller.address)
    for client, then in ((moderator, "counted"), (colleague, "done")):
        assert judge(client, listing, "approve") == 302
        assert became(listing)[-1] == ("approve", then)
    listing.refresh_from_db()
    assert listing.live_revision is not None
    assert listing.live_revision.prices.get().pay_to == Cast.other_seller.address


def test_one_person_who_runs_it_all_is_enough(
    desk: Desk, moderator: Client, settings: Settings
) -> None:
    settings.REVIEW_PEOPLE = 1
    listing = desk.submitted(dollars="1.01")
    judge(moderator, listing, "approve")
    assert state(listing) == State.LIVE


def test_nobody_judges_what_pays_a_wallet_of_theirs(desk: Desk) -> None:
    listing = desk.submitted()
    paid = User.objects.create_user("paid")
    Wallet.objects.create(address=Cast.seller.address, user=paid, linked_at=timezone.now())
    client = as_moderator(paid)
    assert "is your own" in client.get(f"/moderation/{listing.pk}").content.decode()
    client.post(f"/moderation/{listing.pk}/take")
    assert listing.proposed_revision is not None
    seen = {"revision": bytes(listing.proposed_revision.hash).hex()}
    assert client.post(f"/moderation/{listing.pk}/approve", seen).status_code == 422
    Hold.objects.all().delete()
    assert client.post("/moderation/next")["Location"] == "/moderation/"


def test_an_item_is_one_moderators_at_a_time(
    desk: Desk, moderator: Client, colleague: Client
) -> None:
    first, second = desk.submitted(), desk.submitted(slug="tides")
    for client, listing in ((moderator, first), (colleague, second)):
        assert client.post("/moderation/next")["Location"] == f"/moderation/{listing.pk}"
    page = f"/moderation/{first.pk}"
    assert "mod looks at it" in colleague.get(page).content.decode()
    assert first.proposed_revision is not None
    seen = {"revision": bytes(first.proposed_revision.hash).hex(), "reason": "late"}
    for path in ("take", "approve", "refuse", "ask"):
        assert colleague.post(f"{page}/{path}", seen).status_code == 422
    assert state(first) == State.IN_REVIEW
    # Whoever leaves one gets the next, and whose time is over has it no longer.
    colleague.post(f"/moderation/{second.pk}/leave")
    left = moderator.post("/moderation/next", {"after": str(first.pk)})
    assert left["Location"] == f"/moderation/{second.pk}"
    assert colleague.post(f"{page}/take").status_code == 302
    Hold.objects.update(until=timezone.now())
    assert colleague.post(f"{page}/approve", seen).status_code == 422
    assert not Verdict.objects.exists()


def test_many_who_ask_at_once_get_one_each(storefront: Storefront) -> None:
    """Real connections: each takes the next while the others do."""
    people = [User.objects.create_user(f"judge-{n}").pk for n in range(4)]
    for n in range(3):
        listing = storefront.publish(f"acme/weather-{n}")
        Listing.objects.filter(pk=listing.pk).update(
            submitted_at=timezone.now(), proposed_revision=listing.live_revision
        )
    start, got = threading.Barrier(len(people)), []

    def ask(who: int) -> None:
        try:
            start.wait()
            got.append(holds.take_next(Judge(who, frozenset()), 60))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(who,)) for who in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = [each for each in got if each is not None]
    assert len(taken) == len(set(taken)) == 3
    assert Hold.objects.count() == 3


def test_the_database_takes_one_waiting_verdict_of_a_listing(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    say(moderator, listing, "approve")
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        Verdict.objects.create(
            listing=listing, kind="refuse", revision_hash=bytes(32), due_at=now, reason="x"
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Verdict.objects.create(listing=listing, kind="refuse", became="done", reason="no hash")


def test_red_flags_are_said(desk: Desk, moderator: Client) -> None:
    """A twin of somebody else's listing, at the same host, paid into the same wallet."""
    original = desk.submitted()
    judge(moderator, original, "approve")
    twin = open_desk("quill", Cast.seller, desk.upstream_url)
    listing = twin.submitted()
    page = moderator.get(f"/moderation/{listing.pk}").content.decode()
    for flag in (
        "Its title reads the same as that of atlas/weather.",
        "It calls the same host as atlas/weather.",
        "atlas is paid into the same wallet.",
        "Also paid into by atlas.",
        "/weather</code>",
    ):
        assert flag in page
    assert Payout.objects.filter(address=Cast.seller.address).count() == 2


def test_who_submits_reads_how_long_others_waited(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    assert usual_wait() is None, "nobody has waited yet"
    judge(moderator, listing, "refuse", reason="Say more.")
    verdict = Verdict.objects.get()
    assert verdict.submitted_at is not None
    sheet = worksheets.edit(listing, this_site())
    review = f"/sell/drafts/{sheet.pk}/review"
    assert "were decided" not in desk.client.get(review).content.decode()
    for hours, outcome, at in (
        (1, "done", timezone.now()), (2, "counted", timezone.now()), (9, "done", timezone.now()),
        (70, "undone", timezone.now()), (80, "done", timezone.now() - timedelta(days=31)),
    ):  # fmt: skip
        Verdict.objects.create(
            listing=listing, kind="approve", revision_hash=verdict.revision_hash, became=outcome,
            at=at, submitted_at=at - timedelta(hours=hours),
        )  # fmt: skip
    assert usual_wait() == timedelta(hours=1), "of nothing, 1, 2 and 9 hours"
    page = desk.client.get(review).content.decode()
    assert "half of the last ones were decided within 1 hour" in page
