"""What moderators do in their browsers, and the worker for them."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from sellers.models import Listing, Verdict
from sellers.moderators import MODERATORS
from sellers.reviews import verdicts
from sellers.site import review_rules
from tests.sellers.desk import TOKEN, Desk, value


def as_moderator(user: User, *, factor: bool = True) -> Client:
    """Somebody of the moderators, in a browser where their second factor was shown."""
    user.groups.add(Group.objects.get_or_create(name=MODERATORS)[0])
    client = Client()
    client.force_login(user)
    session = client.session
    if factor:
        session["second_factor"] = str(user.pk)
    session.save()
    return client


def say(client: Client, listing: Listing, verdict: str, **more: str) -> int:
    """Take it, read it, say it."""
    path = f"/moderation/{listing.pk}"
    assert client.post(f"{path}/take").status_code == 302
    seen = value(client.get(path).content.decode(), "revision")
    return client.post(f"{path}/{verdict}", {"revision": seen, **more}).status_code


def judge(client: Client, listing: Listing, verdict: str, **more: str) -> int:
    """The same, and then the ten seconds go by."""
    status = say(client, listing, verdict, **more)
    let_time_pass()
    return status


def let_time_pass() -> int:
    """What the worker does when a verdict's ten seconds are over."""
    Verdict.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
    return verdicts.carry_out_due(review_rules())


def became(listing: Listing) -> list[tuple[str, str]]:
    """What was said of a listing, and what it came to."""
    said = Verdict.objects.filter(listing=listing).order_by("at", "pk")
    return [(each.kind, each.became) for each in said]


def propose(desk: Desk, **typed: str) -> Listing:
    """A change of the first listing, typed into its steps and submitted."""
    slug = desk.seller.listings.earliest("created_at").slug
    desk.client.post(f"/sell/listings/{slug}/edit")
    sheet = desk.seller.worksheets.get()
    if dollars := typed.get("dollars"):
        desk.step(sheet, "price", **{f"price:{TOKEN}": dollars})
    if pay_to := typed.get("pay_to"):
        desk.step(sheet, "payout", **{f"pay_to:{TOKEN}": pay_to})
    if title := typed.get("title"):
        desk.step(sheet, "words", title=title, description="The weather of a city, now.")
    answer = desk.client.post(f"/sell/drafts/{sheet.pk}/review")
    assert answer.status_code == 302, answer.content.decode()
    return desk.seller.listings.get(slug=slug)
