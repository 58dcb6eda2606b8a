"""Whoever does something that concerns money stands in the audit log, by all their ways in."""

from __future__ import annotations

import getpass
from io import StringIO
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments import audit_log
from payments.models import AuditEntry
from sellers.models import ApiKey
from sellers.programs.keys import SCOPES
from tests.fixtures.browsers import fresh
from tests.fixtures.cast import Cast
from tests.fixtures.programs import Program
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.marketplace.moderation.test_queue import as_moderator, judge
from tests.sellers.desk import ASSET, NETWORK, Desk, open_desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


@pytest.fixture
def moderator() -> Client:
    return as_moderator(User.objects.create_user("mod"))


def acts() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("sequence").values_list("actor", "act"))


def last() -> AuditEntry:
    return AuditEntry.objects.latest("sequence")


def test_a_listings_life_says_who_did_each_part_of_it(desk: Desk, moderator: Client) -> None:
    listing = desk.submitted()
    seller = f"user:{desk.user.pk}"
    assert acts() == [
        (seller, "payout.proven"),
        (seller, "listing.submitted"),
    ]
    mod = f"user:{User.objects.get(username='mod').pk}"
    judge(moderator, listing, "refuse", reason="Which cities?")
    refused = last()
    assert (refused.actor, refused.why) == (mod, "Which cities?")
    assert refused.before == {"state": "in_review", "waits_for_review": True}
    assert refused.after == {"state": "draft", "waits_for_review": False}
    call_command("listing", "suspend", listing.path, "--reason", "spam")
    assert (last().actor, last().act, last().why) == (
        "command:listing", "listing.suspended", "spam",
    )  # fmt: skip
    assert {entry.subject for entry in audit_log.entries(2)} == {f"listing:{listing.pk}"}
    assert audit_log.verify()[1] == []


def test_whose_data_a_command_handed_out_is_written_down(tmp_path: Path) -> None:
    user, file = User.objects.create_user("ada"), tmp_path / "ada.zip"
    call_command("account", "export", "ada", "--to", str(file), stdout=StringIO())
    assert (last().actor, last().act, last().subject) == (
        "command:account", "account.exported", f"user:{user.pk}",
    )  # fmt: skip
    entries = AuditEntry.objects.count()
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("account", "export", "ada", "--to", str(file))
    assert AuditEntry.objects.count() == entries


def test_an_approval_says_what_it_costs_from_now_on(desk: Desk, moderator: Client) -> None:
    judge(moderator, desk.submitted(), "approve")
    approved = last()
    assert approved.before is not None
    assert approved.after is not None
    assert approved.before["prices"] == []
    (price,) = approved.after["prices"]
    assert (price["amount"], price["pay_to"]) == ("10000", Cast.seller.address)
    assert approved.after["state"] == "live"


def test_a_wallet_taken_back_is_written_down_after_what_it_stops(
    desk: Desk, moderator: Client
) -> None:
    judge(moderator, desk.submitted(), "approve")
    desk.client.post("/sell/payouts/revoke", {"address": Cast.seller.address})
    seller = f"user:{desk.user.pk}"
    assert acts()[-2:] == [(seller, "listing.paused"), (seller, "payout.revoked")]
    assert last().before == {"wallet": Cast.seller.address}


def test_a_program_acts_under_its_key(desk: Desk, moderator: Client) -> None:
    judge(moderator, desk.submitted(), "approve")
    asked = {"name": "Robot", "preset": "own", "scopes": list(SCOPES)}
    page = desk.client.post("/sell/keys", asked)
    robot, key = Program(page.context["issued"].key), ApiKey.objects.get()
    assert robot("POST", f"/listings/{desk.seller.listings.get().pk}/pause").status == 200
    assert (last().actor, last().act) == (f"key:{key.pk}", "listing.paused")
    hook = {"url": f"{desk.upstream_url}/told?token=canary", "events": ["listing.approved"]}
    made = robot("POST", "/webhooks", hook).document
    robot("POST", f"/webhooks/{made['id']}/rotate")
    desk.client.post(f"/sell/keys/{key.pk}/revoke")
    assert [act for _, act in acts()[-4:]] == [
        "listing.paused", "webhook.added", "webhook.secret_changed", "key.revoked",
    ]  # fmt: skip
    written = str(list(AuditEntry.objects.values()))
    assert "canary" not in written
    assert made["secret"] not in written
    assert page.context["issued"].key not in written


def test_an_admin_who_is_made_and_a_password_that_is_set_leave_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "not a word of this")
    call_command(
        "createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com",
        stdout=StringIO(),
    )  # fmt: skip
    ada = User.objects.get(username="ada")
    assert (ada.is_superuser, ada.check_password("not a word of this")) == (True, True)
    assert (last().actor, last().act, last().subject) == (
        "command:createsuperuser", "role.admin_given", f"user:{ada.pk}",
    )  # fmt: skip
    browser = Client()
    browser.force_login(ada)
    assert browser.get("/account/").status_code == 200
    monkeypatch.setattr(getpass, "getpass", lambda *asked, **kept: "another 9 of them")  # typed
    call_command("changepassword", "ada", stdout=StringIO())
    assert (last().actor, last().act, last().subject) == (
        "command:changepassword", "account.password_set", f"user:{ada.pk}",
    )  # fmt: skip
    assert User.objects.get(pk=ada.pk).check_password("another 9 of them")
    assert browser.get("/account/").status_code == 302
    with pytest.raises(CommandError):
        call_command("createsuperuser", "--noinput", "--username", "ada", "--email", "x@y.example")
    with pytest.raises(CommandError):
        call_command("changepassword", "nobody", stdout=StringIO())
    assert len(acts()) == 2
    written = str(list(AuditEntry.objects.values()))
    assert "ada" not in written
    assert "word" not in written.replace("password", "")


def test_a_password_set_on_its_page_leaves_a_line() -> None:
    ada = User.objects.create_user("ada", password="the first of two")
    browser = fresh(ada)
    typed = {"current": "the first of two", "password": "another 9 of them", "again": "x"}
    typed["again"] = typed["password"]
    assert browser.post("/account/password", typed).status_code == 302
    assert User.objects.get(pk=ada.pk).check_password("another 9 of them")
    assert (last().actor, last().act) == (f"user:{ada.pk}", "account.password_set")


@pytest.mark.parametrize(
    ("arguments", "act"),
    [
        (("moderator", "ada"), "role.moderator_given"),
        (("moderator", "ada", "--remove"), "role.moderator_taken"),
        (("admin", "ada"), "role.admin_given"),
        (("admin", "ada", "--remove"), "role.admin_taken"),
        (("forget-second-factor", "ada"), "second_factor.removed"),
    ],
)
def test_what_an_operator_lets_people_do_is_written_down(
    arguments: tuple[str, ...], act: str
) -> None:
    ada = User.objects.create_user("ada")
    call_command("account", *arguments)
    assert (last().actor, last().act, last().subject) == (
        "command:account", act, f"user:{ada.pk}",
    )  # fmt: skip
