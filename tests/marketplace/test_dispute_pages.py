"""A dispute from the receipt to the refund, as each side walks through its own pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts.models import Wallet
from payments import audit_log, ledger
from payments.disputes.cases import Request, move, open_dispute
from payments.disputes.clock import open_unanswered
from payments.erasing import erase_bought
from payments.models import Case, Dispute, Payment, Reason, Refund, Side
from payments.wallets.payers import Payer
from sellers.models import Delivery, Notice
from sellers.news.disputes import tell
from sellers.webhooks.webhooks import open_webhook
from tests.fixtures.buying import Owner, owner
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.hooks import Hooks
from tests.fixtures.programs import program_of
from tests.fixtures.purchases import NETWORK
from tests.fixtures.shop import Shop

HTML = {"Accept": "text/html"}
OpenShop = Callable[..., Shop]


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, name
    return found[1]


def do(client: Client, page: str, what: str, status: int = 302, **said: str) -> str:
    """Send one of a page's forms, as the page was when it was opened."""
    seen = client.get(page).content.decode()
    response = client.post(f"{page}/{what}", {"version": field(seen, "version"), **said})
    assert response.status_code == status, response.content.decode()
    return response.content.decode()


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    return open_shop("acme")


@pytest.fixture
def buyer() -> Owner:
    return owner("buyer")


def opened(shop: Shop, buyer: Owner, **said: str) -> Dispute:
    """A dispute that was opened by the form a receipt leads to."""
    payment_id = shop.sold(payer=Cast.buyer.address)
    receipt = buyer.client.get(f"/p/{payment_id}", headers=HTML).content.decode()
    form = f"/buy/disputes/new/{payment_id}"
    assert form in receipt
    assert 'value="0.002"' in buyer.client.get(form).content.decode()
    asked = {
        "reason": "service_defective",
        "amount": "0.002",
        "text": "Rain in July.\nBad.",
    }
    response = buyer.client.post(form, asked | said)
    assert response.status_code == 302
    dispute = Dispute.objects.get(payment_id=payment_id)
    assert response["Location"] == f"/buy/disputes/{dispute.pk}"
    return dispute


def test_a_notice_writes_thousands_apart(shop: Shop, buyer: Owner) -> None:
    opened(shop, buyer)
    Dispute.objects.update(asked_atomic=1_234_500_000)
    tell()
    assert Notice.objects.get().subject == "A buyer wants 1,234.5 USDC back"


def test_two_sides_that_do_not_agree_and_an_admin(shop: Shop, buyer: Owner) -> None:
    dispute = opened(shop, buyer)
    tell()
    told = Notice.objects.get(seller=shop.listing.seller)
    assert (told.subject, told.href) == (
        "A buyer wants 0.002 USDC back",
        f"/sell/disputes/{dispute.pk}",
    )
    seller = shop.client
    assert "City weather" in seller.get("/sell/disputes/").content.decode()
    page = seller.get(told.href).content.decode()
    assert "Rain in July.<br>Bad." in page
    assert Cast.buyer.address in page, "where the refund goes"
    assert "say why" in do(seller, told.href, "contest", 422, text=" ")
    do(seller, told.href, "contest", text="It did rain.")
    assert "It did rain." in buyer.text(f"/buy/disputes/{dispute.pk}")
    do(buyer.client, f"/buy/disputes/{dispute.pk}", "say", text="Not in my town.")

    judge = browser_of(admin(), second_factor=True)
    assert str(dispute.pk) in judge.get("/moderation/disputes/").content.decode()
    case = f"/moderation/disputes/{dispute.pk}"
    evidence = judge.get(case).content.decode()
    for part in ("It did rain.", "Not in my town.", "sha256:", "HTTP 200"):
        assert part in evidence, part
    words = "The answer is not about the town that was asked for."
    assert "say why" in do(judge, case, "order", 422, text=" ")
    asked = do(judge, case, "order", 200, text=words)
    assert "Order the refund of 0.002 USDC?" in asked
    assert "Base Sepolia, test network" in asked.split('id="sure"')[1].split("</h2>")[0]
    assert asked.count(words) == 3, "to be read, to be sent, and in its field to be changed"
    dispute.refresh_from_db()
    assert (dispute.state, dispute.ordered) == (Case.REVIEW, False)
    do(judge, case, "order", text=words, sure="yes")
    dispute.refresh_from_db()
    assert (dispute.state, dispute.ordered) == (Case.ORDERED, True)
    (entry,) = [each for each in audit_log.entries() if each.subject == f"dispute:{dispute.pk}"]
    assert (entry.act, entry.before, entry.why[:10]) == (
        "dispute.order", {"state": "review"}, "The answer",
    )  # fmt: skip
    do(seller, told.href, "refund", transaction="0x" + "12" * 32)
    assert "not in a block yet" in buyer.text(f"/buy/disputes/{dispute.pk}")
    assert "0x" + "12" * 32 in judge.get(case).content.decode()
    tell()
    assert Notice.objects.filter(subject="An admin decided: pay 0.002 USDC back").exists()
    public = Client().get("/s/acme", headers=HTML).content.decode()
    assert "Closed without" in public


def test_a_case_is_closed_once_it_was_asked_about_and_not_when_it_changed_meanwhile(
    shop: Shop, buyer: Owner
) -> None:
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "contest", text="It did rain.")
    judge, case = browser_of(admin(), second_factor=True), f"/moderation/disputes/{dispute.pk}"
    asked = do(judge, case, "reject", 200, text="It did.")
    assert "Close it without a refund?" in asked
    sure = {name: field(asked, name) for name in ("version", "text", "sure")}
    do(buyer.client, f"/buy/disputes/{dispute.pk}", "say", text="Look at my town!")
    late = judge.post(f"{case}/reject", sure)
    assert late.status_code == 422
    assert "somebody was quicker" in late.content.decode()
    do(judge, case, "reject", text="It did.", sure="yes")
    dispute.refresh_from_db()
    assert dispute.state == Case.REJECTED
    assert "nothing to decide" in judge.get(case).content.decode()


def test_a_promise_a_refund_and_what_every_list_says_then(shop: Shop, buyer: Owner) -> None:
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "agree", text="Sorry.")
    assert "refund due" in buyer.text("/buy/disputes/")
    paid_back(dispute)
    payment_id = dispute.payment_id
    assert "refunded" in buyer.text(f"/p/{payment_id}", **HTML)
    status = Client().get(f"/p/{payment_id}").json()
    assert (status["status"]["key"], status["refunded"]["atomic"]) == ("refunded", "2000")
    assert str(payment_id) in buyer.text("/buy/?state=refunded")
    assert str(payment_id) not in buyer.text("/buy/?state=final")
    assert str(payment_id) not in buyer.text("/buy/?state=partly_refunded")
    earnings = shop.client.get("/sell/earnings/?state=refunded").content.decode()
    assert str(payment_id) in earnings
    assert str(payment_id) not in shop.client.get("/sell/earnings/?state=final").content.decode()
    money = shop.client.get("/sell/earnings/").content.decode()
    assert re.search(r'data-label="Refunded">.*?\$0\.002', money, re.S)
    assert "you can do" not in buyer.text(f"/buy/disputes/{dispute.pk}"), "it is closed"


def test_the_seller_reads_in_a_payments_timeline_what_they_paid_back(
    shop: Shop, buyer: Owner
) -> None:
    dispute = opened(shop, buyer)
    paid_back(dispute)
    transaction = "0x" + "12" * 32
    page = shop.client.get(f"/sell/earnings/payments/{dispute.payment_id}").content.decode()
    timeline = page.split('class="timeline"')[1].split("</ol>")[0]
    assert timeline.index("refund noticed") < timeline.index("<strong>refunded<")
    assert "0.002 USDC in" in timeline
    assert transaction in timeline
    told = program_of(shop.listing.seller)("GET", f"/payments/{dispute.payment_id}").document
    assert [
        (each["state"], each["refund_atomic"], each["refund_transaction"])
        for each in told["steps"][-3:]
    ] == [
        ("final", "", ""),
        ("refund_noticed", "2000", transaction),
        ("refunded", "2000", transaction),
    ]


def paid_back(dispute: Dispute) -> None:
    """As the worker leaves it; that the chain is asked is looked at beside it."""
    back = Refund.objects.create(
        payment_id=dispute.payment_id,
        dispute=dispute,
        seller_id=dispute.seller_id,
        paid_at=dispute.payment.created_at,
        is_unanswered=dispute.payment.progress.work == "void",
        network=dispute.payment.network,
        asset=dispute.payment.asset,
        transaction=b"\x12" * 32,
        named_by=Side.CHAIN,
        named_at=timezone.now(),
        state=Refund.Found.CONFIRMED,
        log_place=0,
        amount_atomic=dispute.asked_atomic,
        block_number=1_001,
        block_hash=b"\x13" * 32,
    )
    ledger.refund(back.pk)
    dispute.refresh_from_db()
    assert move(dispute, Case.REFUNDED, Side.CHAIN, "0.002 USDC came back.")


def test_a_buyer_without_mail_sees_among_the_receipts_how_a_dispute_stands(
    shop: Shop, buyer: Owner
) -> None:
    stranger = owner("stranger", Cast.attacker.address)
    assert "All disputes" not in buyer.text("/buy/")
    dispute = opened(shop, buyer)
    for move_on, words in (
        (lambda: None, "waiting for the seller"),
        (lambda: do(shop.client, f"/sell/disputes/{dispute.pk}", "agree"), "refund due"),
        (lambda: paid_back(dispute), "refunded"),
    ):
        move_on()
        cases = buyer.text("/buy/").split('id="cases"')[1].split("</section>")[0]
        assert f'href="/buy/disputes/{dispute.pk}"' in cases
        assert words in cases
        assert 'id="cases"' not in stranger.text("/buy/")
    Dispute.objects.update(closed_at=timezone.now() - timedelta(days=8))
    assert 'id="cases"' not in buyer.text("/buy/"), "it ended long ago"


def test_both_sides_webhooks_hear_of_each_step_and_nobody_elses(
    shop: Shop, buyer: Owner, hooks: Hooks
) -> None:
    stranger = owner("stranger", Cast.attacker.address)
    events = ["dispute.open", "dispute.due"]
    for whose in (buyer, stranger):
        open_webhook(whose.user, f"{hooks.receiver.url}/{whose.user.pk}", events, hooks.site)
    open_webhook(shop.listing.seller, f"{hooks.receiver.url}/seller", events, hooks.site)
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "agree", text="Sorry.")
    tell()
    tell()
    for side, kept in (
        ("buy", Delivery.objects.filter(webhook__buyer=buyer.user)),
        ("sell", Delivery.objects.filter(webhook__seller=shop.listing.seller)),
    ):
        told = [json.loads(each.body) for each in kept.order_by("pk")]
        assert [each["type"] for each in told] == events
        assert [each["data"]["dispute"]["by"] for each in told] == ["payer", "seller"]
        link = f"/{side}/disputes/{dispute.pk}"
        assert all(each["data"]["dispute"]["url"].endswith(link) for each in told)
    assert Delivery.objects.count() == 4


def test_a_contracts_disputes_are_told_on_its_own_network_alone(shop: Shop, hooks: Hooks) -> None:
    there, elsewhere = (owner("there"), owner("elsewhere", Cast.other_buyer.address))
    for whose, network in ((there, NETWORK), (elsewhere, "eip155:1")):
        Wallet.objects.filter(user=whose.user).update(network=network)
        open_webhook(whose.user, hooks.receiver.url, ["dispute.open"], hooks.site)
    opened(shop, there)
    payment_id = shop.sold(payer=Cast.other_buyer.address)
    open_dispute(Payment.objects.get(pk=payment_id), Request(Reason.DEFECTIVE, 2_000))
    tell()
    (told,) = Delivery.objects.all()
    assert told.webhook.buyer == there.user


def test_paid_without_an_answer_is_due_until_it_is_back(shop: Shop, buyer: Owner) -> None:
    upfront = {"purchase": {"release": "upfront"}, "payer": Cast.buyer.address}
    payment_id = shop.sold("void settle confirm", **upfront)
    assert open_unanswered() == 1
    dispute = Dispute.objects.get(payment_id=payment_id)
    assert (
        "you owe them a refund"
        in shop.client.get(f"/sell/earnings/payments/{payment_id}").content.decode()
    )
    assert "opened this by itself" in buyer.text(f"/buy/disputes/{dispute.pk}")
    due = re.compile(r'data-label="Refund due"><span class="bad">')
    assert due.search(shop.client.get("/sell/earnings/").content.decode())
    paid_back(dispute)
    assert not due.search(shop.client.get("/sell/earnings/").content.decode())


def test_a_form_that_cannot_be_says_what_can(shop: Shop, buyer: Owner) -> None:
    payment_id = shop.sold(payer=Cast.buyer.address)
    form = f"/buy/disputes/new/{payment_id}"
    for said, words in (
        ({"reason": "", "amount": "0.002"}, "required"),
        ({"reason": "other", "amount": "0.003"}, "0.002 USDC at most"),
        ({"reason": "other", "amount": "much"}, "number"),
        ({"reason": "other", "amount": "1e999999"}, "no more than 96 digits"),
        ({"reason": "other", "amount": "1e-999999"}, "no more than 96 digits"),
        ({"reason": "other", "amount": "1e-19"}, "no more than 18 decimal places"),
    ):
        response = buyer.client.post(form, said)
        assert response.status_code == 422
        assert words in response.content.decode()


def test_what_is_too_old_cannot_be_disputed(shop: Shop, buyer: Owner, settings: Settings) -> None:
    payment_id = shop.sold(payer=Cast.buyer.address)
    settings.DISPUTE_WINDOW_DAYS = 0  # it is older than that already
    assert "this one is older" in buyer.text(f"/buy/disputes/new/{payment_id}")
    assert "/buy/disputes/new/" not in buyer.text(f"/p/{payment_id}", **HTML)


def test_a_second_tab_is_shown_how_it_stands_now(shop: Shop, buyer: Owner) -> None:
    dispute = opened(shop, buyer)
    page = f"/sell/disputes/{dispute.pk}"
    stale = field(shop.client.get(page).content.decode(), "version")
    do(shop.client, page, "agree")
    said = shop.client.post(f"{page}/contest", {"version": stale, "text": "no"})
    assert said.status_code == 422
    assert "somebody was quicker" in said.content.decode()
    assert Dispute.objects.get().state == Case.DUE
    do(buyer.client, f"/buy/disputes/{dispute.pk}", "withdraw")
    assert Dispute.objects.get().state == Case.WITHDRAWN


def test_a_case_is_shown_to_its_sides_alone(shop: Shop, buyer: Owner, open_shop: OpenShop) -> None:
    dispute = opened(shop, buyer)
    stranger, rival = owner("stranger", Cast.attacker.address), open_shop("rival")
    for client, page in (
        (stranger.client, f"/buy/disputes/{dispute.pk}"),
        (stranger.client, f"/buy/disputes/new/{dispute.payment_id}"),
        (shop.client, f"/buy/disputes/{dispute.pk}"),
        (rival.client, f"/sell/disputes/{dispute.pk}"),
    ):
        assert client.get(page).status_code == 404, page
        assert client.post(page).status_code in (404, 405), page
    for client, page in (
        (stranger.client, f"/buy/disputes/{dispute.pk}/withdraw"),
        (rival.client, f"/sell/disputes/{dispute.pk}/agree"),
        (shop.client, f"/sell/disputes/{dispute.pk}/withdraw"),
        (buyer.client, f"/buy/disputes/{dispute.pk}/order"),
    ):
        assert client.post(page, {"version": "1", "text": "x"}).status_code == 404, page
    assert str(dispute.pk) not in stranger.text("/buy/disputes/")
    assert str(dispute.pk) not in rival.client.get("/sell/disputes/?show=all").content.decode()
    assert Dispute.objects.get().version == 1


def test_no_admin_decides_a_case_of_their_own(shop: Shop, buyer: Owner) -> None:
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "contest", text="no")
    for user in (shop.user, buyer.user):
        user.is_staff = True
        user.save()
        judge, case = browser_of(user, second_factor=True), f"/moderation/disputes/{dispute.pk}"
        assert "case is your own" in judge.get(case).content.decode()
        said = judge.post(f"{case}/order", {"version": "2", "text": "mine"})
        assert said.status_code == 422
    assert Dispute.objects.get().state == Case.REVIEW


def test_a_webhook_hears_of_each_step_once(shop: Shop, buyer: Owner, hooks: Hooks) -> None:
    made = open_webhook(
        shop.listing.seller, f"{hooks.receiver.url}/told", ["dispute.open", "dispute.due"],
        hooks.site,
    )  # fmt: skip
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "agree")
    tell()
    assert tell() == 0
    events = Delivery.objects.filter(webhook=made.webhook).order_by("pk").values_list("event_id")
    assert [each for (each,) in events] == [f"{dispute.pk}.1", f"{dispute.pk}.2"]
    subjects = Notice.objects.filter(seller=shop.listing.seller).values_list("subject", flat=True)
    assert list(subjects) == ["A buyer wants 0.002 USDC back"], "their own answer is no news"


def test_words_go_with_an_account(shop: Shop, buyer: Owner) -> None:
    dispute = opened(shop, buyer)
    do(shop.client, f"/sell/disputes/{dispute.pk}", "contest", text="no")
    erase_bought((Payer(Cast.buyer.address),))
    texts = list(dispute.steps.order_by("version").values_list("text", flat=True))
    assert texts == ["(erased with the account)", "no"]


def ids_of(page: str) -> list[UUID]:
    return [UUID(each) for each in re.findall(r"/disputes/([0-9a-f-]{36})", page)]


def test_long_lists_come_in_pages(shop: Shop, buyer: Owner) -> None:
    first_case = opened(shop, buyer)
    assert move(first_case, Case.WITHDRAWN, Side.PAYER)
    again = {each.name: getattr(first_case, each.attname) for each in Dispute._meta.fields}
    again.pop("id")
    payment_id = again.pop("payment")
    Dispute.objects.bulk_create(Dispute(payment_id=payment_id, **again) for _ in range(25))
    first = buyer.text("/buy/disputes/")
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older
    second = buyer.text(f"/buy/disputes/{older[1].replace('&amp;', '&')}")
    assert (len(ids_of(first)), len(ids_of(second))) == (25, 1)
    newer = re.search(r'rel="prev" href="([^"]+)"', second)
    assert newer
    back = buyer.text(f"/buy/disputes/{newer[1].replace('&amp;', '&')}")
    assert ids_of(back) == ids_of(first)
