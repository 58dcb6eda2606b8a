"""Owners hear of a limit that comes near: once, on their page, at their address and by mail."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core import mail as letterbox

from marketplace import alerts
from marketplace.accounts import erasure, letters
from marketplace.accounts.mail import confirm
from payments.limits.alerts import note_full
from payments.limits.groups import open_group
from payments.limits.owners import read_rules
from payments.limits.setting import Wishes, set_limits
from payments.models import Limit, LimitAlert, LimitGroup
from payments.wallets.payers import Payer
from sellers.models import Delivery, Webhook
from sellers.webhooks import webhooks
from tests.fixtures.buying import Owner, owner
from tests.fixtures.cast import Cast
from tests.fixtures.hooks import Hooks, is_signed, told
from tests.fixtures.purchases import Purchases
from tests.fixtures.shop import Shop
from tests.fixtures.upstream import ScriptedUpstream
from tests.sellers.desk import value

LIMITS = "/buy/limits/"
OpenShop = Callable[..., Shop]
MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address
ALL = ["limit.half_used", "limit.nearly_used", "limit.used_up", "limit.call_refused"]


def limit(payer: str, name: str = "", group: LimitGroup | None = None, **most: str) -> None:
    amounts = {key: Decimal(value) for key, value in most.items()}
    set_limits(Payer(payer), Wishes(name, False, amounts, (), ()), group)


def spend(shop: Shop, cents: int, payer: str = MINE) -> UUID:
    """A call within the wallet's rules, as the door takes it in."""

    async def buy(purchases: Purchases) -> UUID:
        rules = await read_rules(purchases.pool, payer)
        caps = rules.caps(path=shop.listing.path, decimals=6, at=datetime.now(UTC))
        bought = {"listing_path": shop.listing.path, "listing_id": shop.listing.pk,
                  "seller_id": shop.listing.seller_id}  # fmt: skip
        return await purchases.claim(
            payer=payer, amount_atomic=cents * 10_000, caps=caps, purchase=bought,
            limits_version=rules.version,
        )  # fmt: skip

    payment_id: UUID = shop.make_purchase(buy)
    return payment_id


def noted() -> list[tuple[str, int]]:
    """What was noted so far, in order."""
    rows = LimitAlert.objects.order_by("raised_at", "percent").values_list("sum", "percent")
    return [(name, percent) for name, percent in rows]


def test_each_threshold_is_told_once_in_its_day(open_shop: OpenShop, hooks: Hooks) -> None:
    shop = open_shop()
    buyer = owner()
    webhooks.open_webhook(buyer.user, f"{hooks.receiver.url}/alerts", ALL, hooks.site)
    limit(MINE, day_max="1")
    for cents, told_of in ((40, []), (10, [50]), (1, [50]), (34, [50, 85]), (1, [50, 85])):
        spend(shop, cents)
        alerts.note_and_tell()
        assert [percent for _, percent in noted()] == told_of, cents
    assert alerts.note_and_tell() == 0
    events = Delivery.objects.filter(webhook__buyer=buyer.user).values_list("event", flat=True)
    assert sorted(events) == ["limit.half_used", "limit.nearly_used"]
    limit(MINE, day_max="1.5")
    spend(shop, 1)
    alerts.note_and_tell()
    assert [percent for _, percent in noted()] == [50, 85, 50], "another limit begins anew"


def test_two_thresholds_at_once_are_one_alert_of_each_sum(open_shop: OpenShop) -> None:
    shop = open_shop()
    limit(MINE, hour_max="1", listing_day_max="1", seller_day_max="100")
    spend(shop, 90)
    alerts.note_and_tell()
    assert sorted(noted()) == [("hour_max", 85), ("listing_day_max", 85)]


def test_a_message_says_which_sum_of_which_agent_and_is_signed(
    open_shop: OpenShop, hooks: Hooks, upstream: ScriptedUpstream
) -> None:
    shop = open_shop()
    buyer = owner("both", MINE, OTHER)
    group = open_group(buyer.user.pk, Wishes("Research", False, {"day_max": Decimal(1)}, (), ()))
    for payer in (MINE, OTHER):
        limit(payer, group=group)
    made = webhooks.open_webhook(buyer.user, f"{upstream.url}/alerts", ALL, hooks.site)
    spend(shop, 50)
    spend(shop, 50, OTHER)
    alerts.note_and_tell()
    hooks.send()
    (call,) = [each for each in upstream.calls if each.path == "/alerts"]
    assert is_signed(call, made.secret)
    message = told(call)
    assert message["type"] == "limit.used_up"
    said = message["data"]["limit"]
    assert (said["of"], said["name"], said["per"]) == ("group", "Research", "day")
    assert (said["limit_usd"], said["used_usd"], said["left_usd"]) == ("1", "1", "0")
    log = buyer.text(f"/buy/webhooks/{made.webhook.pk}/")
    assert "limit.used_up" in log
    assert "delivered" in log
    delivery = Delivery.objects.get(webhook=made.webhook)
    buyer.client.post(f"/buy/webhooks/deliveries/{delivery.pk}/resend")
    hooks.send()
    assert [told(each)["id"] for each in upstream.calls] == [message["id"]] * 2


def refuse(shop: Shop, used_cents: int) -> None:
    """As the door does twice over: a day's sum had no room for a call."""

    async def refused(purchases: Purchases) -> None:
        rules = await read_rules(purchases.pool, MINE)
        key = f"spent:{MINE}:6:{datetime.now(UTC):%Y%m%d}"
        for _ in range(2):
            await note_full(purchases.pool, rules, key, used_cents * 10_000)

    shop.make_purchase(refused)
    alerts.note_and_tell()


def events_told(buyer: Owner) -> list[str]:
    """What an owner's address was sent, in order."""
    rows = Delivery.objects.filter(webhook__buyer=buyer.user).order_by("pk")
    return list(rows.values_list("event", flat=True))


def test_a_call_too_dear_leaves_the_alerts_of_its_limit_as_they_were(
    open_shop: OpenShop, hooks: Hooks
) -> None:
    """Told once, as what it is; what is spent after it is told as if it had not been."""
    shop = open_shop()
    buyer = owner()
    webhooks.open_webhook(buyer.user, f"{hooks.receiver.url}/alerts", ALL, hooks.site)
    limit(MINE, "Scout", day_max="1")
    refuse(shop, 0)
    assert events_told(buyer) == ["limit.call_refused"]
    said = "Scout was refused a call that costs more than is left of its limit for a day: $0 of $1"
    for page in ("/buy/", LIMITS):
        assert said in buyer.text(page)
        assert "used up its limit" not in buyer.text(page)
    for cents in (50, 35, 15):
        spend(shop, cents)
        alerts.note_and_tell()
    assert events_told(buyer) == ["limit.call_refused", *ALL[:3]]
    refuse(shop, 100)
    assert events_told(buyer) == ["limit.call_refused", *ALL[:3]], "each once in its day"
    for page in ("/buy/", LIMITS):
        assert "Scout has used up its limit for a day: $1 of $1." in buyer.text(page)


def test_a_call_that_no_longer_fits_is_told_of_as_refused(
    open_shop: OpenShop, hooks: Hooks, settings: Any
) -> None:
    settings.SENDS_MAIL = True
    shop = open_shop()
    buyer = with_mail(owner())
    webhooks.open_webhook(buyer.user, f"{hooks.receiver.url}/alerts", ALL, hooks.site)
    limit(MINE, day_max="1")
    spend(shop, 90)
    refuse(shop, 90)
    letters.send_due()
    assert sorted(events_told(buyer)) == ["limit.call_refused", "limit.nearly_used"]
    body = Delivery.objects.get(webhook__buyer=buyer.user, event="limit.call_refused").body
    told_of = json.loads(body)["data"]["limit"]
    assert (told_of["percent"], told_of["left_usd"]) == (90, "0.1")
    (letter,) = letterbox.outbox
    assert letter.subject.startswith("A call was refused")
    assert "costs more than is left of its limit for a day: $0.9 of $1 is used." in letter.body


def with_mail(buyer: Owner) -> Owner:
    buyer.user.email = "ada@example.com"
    buyer.user.save()
    confirm(buyer.user)
    return buyer


def test_the_page_offers_letters_only_where_they_arrive(settings: Any, db: None) -> None:
    buyer, form = owner(), 'action="/buy/limits/letters"'
    there = 'href="/account/#details"'
    settings.SENDS_MAIL = True
    page = buyer.text(LIMITS)
    assert "need an e-mail address of yours that is confirmed" in page
    assert there in page
    assert form not in page
    buyer.user.email = "ada@example.com"
    buyer.user.save()
    page = buyer.text(LIMITS)
    assert "No letter is sent to ada@example.com before" in page
    assert there in page
    assert form not in page
    confirm(buyer.user)
    page = buyer.text(LIMITS)
    assert "They go to ada@example.com." in page
    assert form in page
    settings.SENDS_MAIL = False
    page = buyer.text(LIMITS)
    assert "This site sends no letters" in page
    assert form not in page


def test_letters_come_from_the_threshold_that_was_chosen(
    open_shop: OpenShop, settings: Any
) -> None:
    settings.SENDS_MAIL = True
    shop = open_shop()
    buyer = with_mail(owner())
    limit(MINE, "Scout", day_max="1")
    assert buyer.client.post(f"{LIMITS}letters", {"mail_from": "85"}).status_code == 302
    for cents in (50, 35):
        spend(shop, cents)
        alerts.note_and_tell()
        letters.send_due()
    (letter,) = letterbox.outbox
    assert letter.to == ["ada@example.com"]
    assert letter.subject.startswith("A limit is at 85 %")
    assert "Scout has used 85 % of its limit for a day: $0.85 of $1." in letter.body
    letters.send_due()
    assert len(letterbox.outbox) == 1


def test_nobody_hears_of_anothers_limits(open_shop: OpenShop, hooks: Hooks, settings: Any) -> None:
    settings.SENDS_MAIL = True
    shop = open_shop()
    stranger, unconfirmed = with_mail(owner("stranger", OTHER)), owner()
    unconfirmed.user.email = "typed@example.com"
    unconfirmed.user.save()
    webhooks.open_webhook(stranger.user, f"{hooks.receiver.url}/theirs", ALL, hooks.site)
    limit(MINE, "Secret agent", day_max="1")
    spend(shop, 100)
    alerts.note_and_tell()
    letters.send_due()
    assert letterbox.outbox == []
    assert not Delivery.objects.filter(webhook__buyer=stranger.user).exists()
    for page in ("/buy/", LIMITS):
        assert "has used up" not in stranger.text(page)
        assert "Secret agent has used up" in unconfirmed.text(page)


def test_a_buyers_webhooks_are_theirs_alone(db: None, hooks: Hooks) -> None:
    """Added, tried out and removed on pages that nobody else opens; a secret is shown once."""
    buyer, stranger = owner(), owner("stranger", OTHER)
    said = {"url": f"{hooks.receiver.url}/alerts", "events": ALL}
    shown = buyer.client.post("/buy/webhooks", said)
    hook = buyer.user.webhooks.get()
    secret = webhooks.secrets_in_use(hook, hooks.site)[0]
    assert secret in shown.content.decode()
    address = f"/buy/webhooks/{hook.pk}/"
    assert secret not in buyer.text(address)
    buyer.client.post(f"{address}test")
    delivery = Delivery.objects.get(webhook=hook)
    for page in (address, f"/buy/webhooks/deliveries/{delivery.pk}/"):
        assert buyer.client.get(page).status_code == 200
        assert stranger.client.get(page).status_code == 404
    for act in ("test", "off", "remove", "rotate", "change"):
        assert stranger.client.post(f"{address}{act}", said).status_code == 404
    seen = {"seen": value(buyer.text(address), "seen")}
    assert [buyer.client.post(f"{address}rotate", seen).status_code for _ in "ab"] == [200, 302]
    assert webhooks.secrets_in_use(buyer.user.webhooks.get(), hooks.site)[1] == secret
    private = buyer.client.post("/buy/webhooks", {"url": "http://10.0.0.1/x", "events": ALL})
    assert private.status_code == 422
    sellers_own = {"url": said["url"], "events": ["payment.paid"]}
    assert buyer.client.post("/buy/webhooks", sellers_own).status_code == 422
    buyer.client.post(f"{address}remove")
    assert "No webhooks yet" in buyer.text("/buy/webhooks")


def test_an_erased_account_takes_its_groups_and_addresses_along(
    open_shop: OpenShop, hooks: Hooks
) -> None:
    """What its wallet may spend stays, and what the group allowed does not."""
    buyer = owner()
    group = open_group(buyer.user.pk, Wishes("Research", True, {}, (), ()))
    limit(MINE, "Scout", group, day_max="1")
    made = webhooks.open_webhook(buyer.user, f"{hooks.receiver.url}/alerts", ALL, hooks.site)
    webhooks.try_out(made.webhook)
    erasure.ask(buyer.user, after_seconds=0)
    assert erasure.run_due() == 1
    row = Limit.objects.get(payer=MINE)
    assert (row.group, row.name, row.day_max) == (None, "", Decimal(1))
    assert not LimitGroup.objects.exists()
    assert not Webhook.objects.filter(pk=made.webhook.pk).exists()
