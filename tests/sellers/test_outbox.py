"""Every step of a payment and every verdict becomes one message for each address that asked."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connections, transaction

from sellers import listings
from sellers.drafts import finish
from sellers.models import Delivery, Listing, Seller, Webhook
from sellers.reviews import judging
from sellers.tasks import tell_and_send
from sellers.webhooks import outbox, webhooks
from tests.fixtures.hooks import Hooks, told
from tests.fixtures.purchases import Purchases
from tests.fixtures.storefront import Storefront

Make = Callable[..., Any]


def bought_from(seller: Seller, work: str = "final") -> Callable[[Purchases], Any]:
    async def buy(purchases: Purchases) -> UUID:
        bought: UUID = await getattr(purchases, work)(purchase={"seller_id": seller.pk})
        return bought

    return buy


def test_each_step_is_told_once_and_in_the_words_of_the_screens(
    hooks: Hooks, seller: Seller, make_purchase: Make
) -> None:
    hooks.open(seller)
    payment_id = make_purchase(bought_from(seller))
    tell_and_send()
    tell_and_send()
    sent = sorted(
        (told(call) for call in hooks.receiver.calls),
        key=lambda document: document["data"]["payment"]["version"],
    )
    assert [document["type"] for document in sent] == [
        "payment.at_seller", "payment.ready", "payment.paid", "payment.final",
    ]  # fmt: skip
    payment = sent[-1]["data"]["payment"]
    assert payment["id"] == str(payment_id)
    assert (payment["amount_atomic"], payment["amount"]) == ("2000", "0.002 USDC")
    assert payment["words"] == "final"
    assert payment["url"].endswith(f"/p/{payment_id}")
    assert len({document["id"] for document in sent}) == 4
    everything = "".join(call.body.decode() for call in hooks.receiver.calls)
    assert "Paris" not in everything, "what a buyer asked is not told"


def test_only_what_was_asked_for_is_told(hooks: Hooks, seller: Seller, make_purchase: Make) -> None:
    made = hooks.open(seller, events=["payment.paid"])
    make_purchase(bought_from(seller))
    outbox.feed()
    assert [each.event for each in made.webhook.deliveries.all()] == ["payment.paid"]


def test_nobody_is_told_of_anothers_payments(
    hooks: Hooks, seller: Seller, make_seller: Callable[[str], Seller], make_purchase: Make
) -> None:
    other = hooks.open(make_seller("rival"))
    mine = hooks.open(seller)
    make_purchase(bought_from(seller))
    outbox.feed()
    assert mine.webhook.deliveries.count() == 4
    assert other.webhook.deliveries.count() == 0


def test_what_happened_before_is_not_told_and_does_not_pile_up(
    hooks: Hooks, seller: Seller, make_purchase: Make
) -> None:
    make_purchase(bought_from(seller))
    hooks.open(seller)
    assert outbox.feed() == 0
    assert outbox.feed() == 0
    assert not Delivery.objects.exists()


def test_an_address_that_is_off_is_told_nothing(
    hooks: Hooks, seller: Seller, make_purchase: Make
) -> None:
    made = hooks.open(seller)
    webhooks.disable(made.webhook.pk, "for a test")
    make_purchase(bought_from(seller, "claim"))
    outbox.feed()
    assert not Delivery.objects.exists()
    webhooks.enable(Webhook.objects.get())
    make_purchase(bought_from(seller, "claim"))
    outbox.feed()
    assert Delivery.objects.count() == 1


def test_tellers_side_by_side_tell_each_step_once(
    hooks: Hooks, seller: Seller, make_purchase: Make
) -> None:
    hooks.open(seller)
    for _ in range(5):
        make_purchase(bought_from(seller))

    def feed() -> int:
        try:
            return outbox.feed(3)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        told = sum(each.result() for each in [threads.submit(feed) for _ in range(4)])
    told += feed()
    assert told == Delivery.objects.count() == 20
    assert feed() == 0, "what is read again is not told again"


def test_a_teller_that_fails_has_told_nobody(
    hooks: Hooks, seller: Seller, make_purchase: Make
) -> None:
    hooks.open(seller)
    make_purchase(bought_from(seller))
    with (
        patch.object(outbox, "message", side_effect=ZeroDivisionError),
        pytest.raises(ZeroDivisionError),
    ):
        outbox.feed()
    assert not Delivery.objects.exists()
    assert outbox.feed() == 4
    assert Delivery.objects.count() == 4


def test_verdicts_are_told_with_their_reason(
    hooks: Hooks, storefront: Storefront, seller: Seller
) -> None:
    hooks.open(seller)
    listing = storefront.publish("acme/weather")
    judging.suspend(listing.pk, "it sells nothing")
    judging.suspend(listing.pk, "it sells nothing")
    judging.restore(listing.pk)
    other = finish(storefront.draft(title="Other weather"), storefront.site)
    listings.propose(listing.pk, other)
    submitted = listings.submit(listing.pk)
    assert submitted.proposed_revision is not None
    judging.refuse(listing.pk, bytes(submitted.proposed_revision.hash), "say what it is")
    tell_and_send()
    said = [told(call) for call in hooks.receiver.calls]
    by_type = {document["type"]: document["data"]["listing"] for document in said}
    assert len(said) == 4, "a second suspension changes nothing"
    assert set(by_type) == {
        "listing.approved", "listing.suspended", "listing.restored", "listing.refused",
    }  # fmt: skip
    assert by_type["listing.approved"]["state"] == "live"
    assert by_type["listing.suspended"]["reason"] == "it sells nothing"
    assert by_type["listing.refused"]["reason"] == "say what it is"
    assert by_type["listing.refused"]["path"] == "acme/weather"


def test_a_verdict_that_is_undone_is_not_told(
    hooks: Hooks, storefront: Storefront, seller: Seller
) -> None:
    """The message commits together with the decision, or not at all."""
    hooks.open(seller)
    listing = storefront.publish("acme/weather")
    Delivery.objects.all().delete()
    with transaction.atomic():
        judging.suspend(listing.pk, "a mistake")
        assert Delivery.objects.count() == 1
        transaction.set_rollback(True)
    assert Listing.objects.get().state == "live"
    assert not Delivery.objects.exists()
