"""What is kept of an account leaves as one archive, or goes for good; the books stay."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from marketplace.accounts import duty_wishes, erasure, mail
from marketplace.accounts.models import DutyLetter, Erasure, ResetRequest, Session, Wallet
from payments import audit_log
from payments.disputes.cases import move
from payments.erasing import erase_bought
from payments.models import AnswerBody, Case, Dispute, Payment, Progress, Receipt, Side, Transfer
from payments.wallets.payers import Payer
from sellers import erasing, listings
from sellers.models import (
    Listing,
    Notice,
    Payout,
    ProposedSecret,
    Revision,
    UpstreamSecret,
    Webhook,
)
from sellers.moderators import MODERATORS
from sellers.programs import keys
from tests.fixtures.browsers import fresh
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import CANARY, MARK, QUESTION, Marked
from tests.marketplace.accounts.visitor import PASSWORD, Visitor


def files_of(response: Any) -> dict[str, str]:
    """What an archive that was sent holds."""
    whole = io.BytesIO(b"".join(response.streaming_content))
    with zipfile.ZipFile(whole) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode() for name in archive.namelist()}


def let_time_pass(user: Any) -> None:
    """The time to think again is over, and every payment is at its end."""
    Erasure.objects.filter(user=user).update(next_check_at=timezone.now() - timedelta(seconds=1))


def settle_all() -> None:
    Progress.objects.update(next_check_at=None)


def decide_all() -> None:
    """No dispute is open any more."""
    for dispute in Dispute.objects.filter(closed_at__isnull=True):
        assert move(dispute, Case.WITHDRAWN, Side.PAYER)


def test_an_archive_holds_all_of_ones_own_and_no_secret(marked: Marked) -> None:
    files = files_of(fresh(marked.seller.owner).post("/account/data/archive"))
    assert {
        "README.txt", "account.json", "bought/payments.csv", "bought/receipts.jsonl",
        "bought/limits.json", "bought/groups.json", "bought/webhooks.json", "bought/notices.json",
        "seller/profile.json", "seller/domain.json", "seller/listings.json",
        "seller/revisions.json", "seller/drafts.json", "seller/payouts.json",
        "seller/api_keys.json", "seller/webhooks.json", "seller/notices.json",
        "seller/payments.csv", "seller/receipts.jsonl", "seller/terms.json",
        "bought/disputes.jsonl", "seller/disputes.jsonl",
    } == set(files)  # fmt: skip
    assert MARK in files["bought/notices.json"]
    for name in ("revisions", "drafts", "api_keys", "webhooks", "notices"):
        assert MARK in files[f"seller/{name}.json"], name
    assert all(MARK in files[f"{side}/disputes.jsonl"] for side in ("bought", "seller"))
    payment = str(marked.subjects["payment_id"])
    for name in ("bought/payments.csv", "bought/receipts.jsonl", "seller/payments.csv"):
        assert payment in files[name], name
    assert Cast.seller.address in files["account.json"]
    together = "".join(files.values())
    for secret in (*marked.secrets, CANARY, QUESTION):
        assert secret not in together


def test_an_archive_holds_nothing_of_anybody_else(marked: Marked) -> None:
    stranger = User.objects.create_user("stranger", "stranger@example.com", PASSWORD)
    Wallet.objects.create(user=stranger, address=Cast.other_buyer.address, linked_at=timezone.now())
    files = files_of(fresh(stranger).post("/account/data/archive"))
    assert "stranger@example.com" in files["account.json"]
    assert not any(name.startswith("seller/") for name in files)
    assert all(MARK not in text for text in files.values())
    assert str(marked.subjects["payment_id"]) not in "".join(files.values())


def test_archive_and_erasure_ask_for_a_fresh_sign_in(visitor: Visitor) -> None:
    visitor.sign_up()
    assert visitor.client.get("/account/data").status_code == 200
    visitor.wait(1_000)
    assert visitor.client.get("/account/data")["Location"].startswith("/account/sign-in")
    for what in ("archive", "erase"):
        answer = visitor.client.post(f"/account/data/{what}", {"word": "erase"})
        assert answer["Location"].startswith("/account/sign-in"), what
    assert not Erasure.objects.exists()


def test_an_erasure_is_thought_over_and_can_be_taken_back(marked: Marked) -> None:
    client = fresh(marked.seller.owner)
    assert client.post("/account/data/erase", {"word": "yes"}).status_code == 422
    assert client.post("/account/data/erase", {"word": "Erase "}).status_code == 302
    assert listing_state(marked) == Listing.State.PAUSED
    erasure.run_due()
    assert "This account is going" in client.get("/account/data").content.decode()
    assert "as you asked" in client.get("/account/").content.decode()
    client.post("/account/data/keep")
    assert not Erasure.objects.exists()
    let_time_pass(marked.seller.owner)
    assert erasure.run_due() == 0
    assert User.objects.get(pk=marked.seller.owner_id).is_active


def listing_state(marked: Marked) -> str:
    return Listing.objects.get(pk=marked.listing.pk).state


def test_the_page_tells_what_is_paused_from_what_is_only_retired(marked: Marked) -> None:
    browser = fresh(marked.seller.owner)

    def said() -> str:
        return " ".join(browser.get("/account/data").content.decode().split())

    assert "Your listing that is for sale is paused as soon as you ask." in said()
    assert "Your one listing, for sale or not, is retired on the day." in said()
    listings.pause(marked.listing.pk)
    assert "Nothing of yours is for sale. Your one listing" in said()
    listings.retire(marked.listing.pk)
    assert "retired on the day" not in said()


def test_an_erased_account_leaves_the_books_and_nothing_of_the_person(marked: Marked) -> None:
    user = User.objects.get(pk=marked.seller.owner_id)
    User.objects.filter(pk=user.pk).update(email="acme@example.com", first_name=MARK)
    user.refresh_from_db()
    mail.confirm(user)
    duty_wishes.set_wanted(user, wanted=False)  # once a moderator
    ResetRequest.objects.create(email="Acme@example.com", next_check_at=timezone.now())
    browser = fresh(user)
    books = [Payment.objects.count(), Receipt.objects.count(), Transfer.objects.count()]
    revisions = Revision.objects.filter(listing__seller=marked.seller).count()
    bodies = AnswerBody.objects.filter(payment_id=marked.subjects["payment_id"])
    assert bodies.exists()
    erasure.ask(user)
    decide_all()
    let_time_pass(user)
    assert erasure.run_due() == 0, "a payment is under way still"
    assert listing_state(marked) == Listing.State.RETIRED
    assert browser.get("/account/").status_code == 302, "every browser is signed out"
    assert keys.recognise(marked.secrets[2]) is None
    assert bodies.exists()
    settle_all()
    let_time_pass(user)
    assert erasure.run_due() == 1
    assert rows_that_say(MARK, "acme@example.com", "Acme", "acme-user") == {"sellers_revision"}
    assert [Payment.objects.count(), Receipt.objects.count(), Transfer.objects.count()] == books
    assert Revision.objects.filter(listing__seller=marked.seller).count() == revisions
    assert not bodies.exists()
    for gone in (
        Wallet,
        Session,
        Payout,
        UpstreamSecret,
        ProposedSecret,
        Webhook,
        Notice,
        DutyLetter,
    ):
        assert not gone._default_manager.exists(), gone
    user.refresh_from_db()
    assert (user.username, user.is_active) == (f"erased:{user.pk}", False)
    assert erasure.run_due() == 0, "what is done is not done again"
    told = [
        (each.actor, each.act)
        for each in audit_log.entries()
        if each.subject == f"user:{user.pk}" and each.act.startswith("account.eras")
    ]
    assert told[0] == ("system", "account.erasure_asked")
    assert told[-1] == ("system", "account.erased")
    assert audit_log.verify()[1] == []


def test_an_open_dispute_holds_an_erasure_up_and_says_so(marked: Marked) -> None:
    user = User.objects.get(pk=marked.seller.owner_id)
    settle_all()
    client, said = fresh(user), io.StringIO()
    assert "One dispute is open" in client.get("/account/data").content.decode()
    call_command("account", "erase", user.username, "--now", "--json", stdout=said)
    assert json.loads(said.getvalue())["open_disputes"] == 1
    assert erasure.run_due() == 0
    assert User.objects.get(pk=user.pk).is_active, "they are there to answer"
    page = client.get("/account/data").content.decode()
    assert "One dispute is open" in page
    assert "Keep the account" in page, "it has not begun"
    assert client.get(f"/sell/disputes/{marked.subjects['dispute_id']}").status_code == 200
    let_time_pass(user)
    assert erasure.run_due() == 0
    decide_all()
    let_time_pass(user)
    assert erasure.run_due() == 1
    assert not User.objects.get(pk=user.pk).is_active


def rows_that_say(*words: str) -> set[str]:
    """The tables in which any of these words stands; titles of payments are facts that stay."""
    found = set()
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        for (table,) in cursor.fetchall():
            if table in ("payments_payment", "payments_receipt", "sellers_catalogentry"):
                continue
            cursor.execute(
                f'select 1 from "{table}" t where t::text like any(%s) limit 1',
                ([f"%{word}%" for word in words],),
            )
            if cursor.fetchone():
                found.add(table)
    return found


@pytest.mark.parametrize("at", ["erase_bought", "erasing.erase_seller", "second_factor.remove"])
def test_an_interrupted_erasure_is_finished_later(marked: Marked, at: str) -> None:
    user = marked.seller.owner
    assert user is not None
    settle_all()
    decide_all()
    erasure.ask(user, after_seconds=0)
    with (
        patch(f"marketplace.accounts.erasure.{at}", side_effect=ConnectionError),
        pytest.raises(ConnectionError),
    ):
        erasure.run_due()
    assert not erasure.take_back(user), "what has begun is not taken back"
    assert not User.objects.get(pk=user.pk).is_active
    let_time_pass(user)
    assert erasure.run_due() == 1
    assert not Wallet.objects.filter(user=user).exists()


def test_a_name_that_somebody_took_first_keeps_no_erasure_up(visitor: Visitor) -> None:
    going = User.objects.create_user("going")
    assert visitor.sign_up(f"erased-{going.pk}").status_code == 302
    assert Visitor().sign_up(f"erased:{going.pk}").status_code == 422, "nobody can take that"
    erasure.ask(going, after_seconds=0)
    assert erasure.run_due() == 1
    going.refresh_from_db()
    assert going.username == f"erased:{going.pk}"


def test_an_erasure_that_fails_does_not_hold_up_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken, other = (User.objects.create_user(name) for name in ("broken", "other"))
    for user in (broken, other):
        erasure.ask(user, after_seconds=0)
    forget = erasure._forget_person

    def fail_once(asked: Erasure) -> None:
        if asked.user_id == broken.pk:
            raise DatabaseError
        forget(asked)

    with patch.object(erasure, "_forget_person", side_effect=fail_once):
        assert erasure.run_due() == 1
    assert f"The account {broken.pk} could not be erased" in caplog.text
    other.refresh_from_db()
    assert other.username == f"erased:{other.pk}"
    let_time_pass(broken)
    assert erasure.run_due() == 1, "it is taken again"


def test_only_ones_own_bodies_go(marked: Marked, make_purchase: Any) -> None:
    theirs = make_purchase(lambda purchases: purchases.final(payer=Cast.other_buyer.address))
    settle_all()
    mine = marked.subjects["payment_id"]
    assert erase_bought((Payer(Cast.seller.address),)) == 1
    left = AnswerBody.objects.filter(payment_id__in=[mine, theirs])
    assert [body.payment_id for body in left] == [theirs]


def test_whoever_has_duties_gives_them_up_first(visitor: Visitor) -> None:
    visitor.sign_up()
    assert visitor.user is not None
    visitor.user.groups.add(Group.objects.get(name=MODERATORS))
    page = visitor.client.post("/account/data/erase", {"word": "erase"}, follow=True)
    assert "Nothing is erased yet" in page.content.decode()
    assert not Erasure.objects.exists()


def test_a_wallet_of_an_erased_account_begins_anew(visitor: Visitor) -> None:
    visitor.enter_by_wallet(Cast.buyer)
    before = visitor.user
    assert before is not None
    erasure.ask(before, after_seconds=0)
    erasure.run_due()
    visitor.enter_by_wallet(Cast.buyer)
    assert visitor.user is not None
    assert visitor.user != before
    assert erasing.ERASED_NAME not in visitor.client.get("/account/").content.decode()


def test_the_operators_command_says_before_it_does(marked: Marked, tmp_path: Any) -> None:
    said = io.StringIO()
    user = marked.seller.owner
    assert user is not None
    name = user.username
    call_command("account", "erase", name, stdout=said)
    assert "Nothing was done" in said.getvalue()
    assert not Erasure.objects.exists()
    call_command("account", "erase", name, "--yes", stdout=said)
    assert Erasure.objects.get().due_at > timezone.now() + timedelta(days=6)
    call_command("account", "erase", name, "--stop", stdout=said)
    assert "stays" in said.getvalue()
    call_command("account", "erase", name, "--now", stdout=said)
    assert Erasure.objects.get().due_at <= timezone.now()

    to = tmp_path / "acme.zip"
    call_command("account", "export", name, "--to", str(to), stdout=said)
    assert to.stat().st_mode & 0o077 == 0
    assert MARK in zipfile.ZipFile(to).read("seller/revisions.json").decode()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("account", "export", name, "--to", str(to))
