"""Admins read the whole audit log; sellers read what was done to their own listings."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from payments import audit_log
from payments.reports.audit import SHOWN
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.storefront import Storefront

pytestmark = pytest.mark.django_db
PAGE = "/operator/audit"


@pytest.fixture
def operator() -> Client:
    return browser_of(admin(), second_factor=True)


def text(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response
    return response.content.decode()


def test_an_empty_log_says_so(operator: Client) -> None:
    assert "Nothing was done yet" in text(operator, PAGE)


def test_entries_are_found_by_who_what_and_of_what(
    operator: Client, storefront: Storefront, hooks: Hooks
) -> None:
    ada = User.objects.create_user("ada")
    weather, tides = storefront.publish("acme/weather"), storefront.publish("acme/tides")
    by = audit_log.user(ada.pk)
    audit_log.record(by, "listing.refused", f"listing:{weather.pk}", why="Which <b>cities</b>?")
    audit_log.record(by, "key.made", f"seller:{tides.seller_id}")
    everything = text(operator, PAGE)
    assert "Which &lt;b&gt;cities&lt;/b&gt;?" in everything
    assert "USDC to 0x" in everything
    for choice, here, elsewhere in (
        ("who=ada", "Listing refused", "Listing approved"),
        ("kind=listing", "Listing approved", "Key made"),
        ("of=acme/weather", "Listing refused", "Key made"),
        ("of=acme", "Key made", "Listing refused"),
    ):
        found = text(operator, f"{PAGE}?{choice}")
        assert here in found, choice
        assert elsewhere not in found, choice
    assert "No entry fits" in text(operator, f"{PAGE}?who=nobody")


def test_the_whole_log_is_downloaded_as_the_command_writes_it(
    operator: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "audit/export" not in text(operator, PAGE), "there is nothing to take along yet"
    for number in range(7):
        audit_log.record("system", "listing.paused", f"listing:{number}", why="“so”")
    assert f'href="{PAGE}/export"' in text(operator, PAGE)
    monkeypatch.setattr(audit_log, "ROWS_AT_ONCE", 3)
    sent = operator.get(f"{PAGE}/export")
    assert sent["Content-Disposition"].startswith('attachment; filename="audit-')
    assert sent["Cache-Control"].startswith("no-store")
    file = tmp_path / "audit.jsonl"
    file.write_bytes(b"".join(sent.streaming_content))  # type: ignore[attr-defined]
    out = StringIO()
    call_command("audit", "export", stdout=out)
    assert file.read_text(encoding="utf-8") == out.getvalue()
    checked = StringIO()
    call_command("audit", "verify", "--file", str(file), stdout=checked)
    assert checked.getvalue() == f"7 entries, whole; it ends with {audit_log.head()}\n"


@pytest.mark.parametrize(
    "nonsense", ["before=x", "before=" + "9" * 40, "kind=<b>", "of=/", "who=%01"]
)
def test_nonsense_in_the_address_does_no_harm(operator: Client, nonsense: str) -> None:
    audit_log.record("system", "listing.paused", "listing:1")
    text(operator, f"{PAGE}?{nonsense}")


def test_older_entries_stand_on_further_pages(operator: Client) -> None:
    for number in range(SHOWN + 2):
        audit_log.record("system", "listing.paused", f"listing:{number}")
    first = text(operator, f"{PAGE}?kind=listing")
    assert 'href="?kind=listing&amp;before=3"' in first
    second = text(operator, f"{PAGE}?kind=listing&before=3")
    assert "entry 2<" in second
    assert "entry 3<" not in second
    assert "Older" not in second


def test_a_seller_reads_what_was_done_to_a_listing_and_not_by_whom(
    storefront: Storefront, hooks: Hooks
) -> None:
    seller = sign_up("acme")
    owner = seller.owner
    assert owner is not None
    listing = storefront.publish("acme/weather")
    mod = User.objects.create_user("the-moderator")
    subject = f"listing:{listing.pk}"
    audit_log.record(audit_log.user(mod.pk), "listing.suspended", subject, why="Says Oslo always.")
    audit_log.record(audit_log.user(owner.pk), "listing.paused", subject)
    audit_log.record("command:listing", "listing.restored", subject)
    audit_log.record("key:" + "0" * 8, "listing.resumed", subject)
    said = text(browser_of(owner), "/sell/listings/weather/record")
    for words in ("you", "one of your programs", "the operator", "Says Oslo always.", "USDC to 0x"):
        assert words in said, words
    assert "the-moderator" not in said
    assert f"user:{mod.pk}" not in said
    assert "/sell/listings/weather/record" in text(browser_of(owner), "/sell/listings/weather/")
