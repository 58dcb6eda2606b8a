"""What a seller says of themselves: made harmless, saved whole, graded while it is typed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from sellers.models import Seller, ShelfVersion
from sellers.profile import logos
from sellers.profile.profiles import Profile, points, profile_of, write
from sellers.programs import keys
from sellers.refusals import ListingRefused
from tests.fixtures.hooks import sign_up
from tests.fixtures.storefront import Storefront

pytestmark = pytest.mark.django_db
PICTURE = b"\x89PNG\r\n\x1a\nthe rest"
ABOUT = "We know the weather of every city. Ask us for any of them."
SAID = {"name": "Acme Weather", "about": ABOUT, "website": "https://acme.example/x?y=1",
        "contact": "hello@acme.example"}  # fmt: skip


@pytest.fixture
def seller() -> Seller:
    return sign_up("acme")


@pytest.fixture
def browser(seller: Seller) -> Client:
    client = Client()
    client.force_login(seller.owner)  # type: ignore[arg-type]  # whoever signed up
    return client


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def test_what_is_typed_is_what_is_said(seller: Seller, browser: Client) -> None:
    picture = SimpleUploadedFile("logo.png", PICTURE)
    assert browser.post("/sell/profile", {**SAID, "logo_file": picture}).status_code == 302
    seller.refresh_from_db()
    logo = logos.keep(seller, PICTURE)
    assert profile_of(seller) == Profile(**SAID, logo=logo)
    page = text(browser.get("/sell/profile"))
    assert f"/logo/{logo}" in page
    assert ABOUT in page
    assert "6 of 7" not in page  # the description is short, and nothing is for sale
    assert "5 of 7" in page

    browser.post("/sell/profile", {**SAID, "action": "drop-logo"})
    seller.refresh_from_db()
    assert seller.logo == ""


def test_the_public_page_is_a_link_once_there_is_one(
    seller: Seller, browser: Client, storefront: Storefront
) -> None:
    assert 'href="/s/acme"' not in text(browser.get("/sell/profile"))
    storefront.publish("acme/weather")
    assert 'href="/s/acme"' in text(browser.get("/sell/profile"))
    assert browser.get("/s/acme", headers={"Accept": "text/html"}).status_code == 200


def test_a_picture_waits_with_the_rest_until_nothing_is_refused(
    seller: Seller, browser: Client
) -> None:
    """Chosen or taken away: what the page shows is what the next try saves."""
    wrong = {**SAID, "website": "x"}
    picture = SimpleUploadedFile("logo.png", PICTURE)
    shown = text(browser.post("/sell/profile", {**wrong, "logo_file": picture}), 422)
    logo = logos.keep(seller, PICTURE)
    assert f'<input type="hidden" name="logo" value="{logo}">' in shown
    assert "5 of 7" in text(browser.post("/sell/profile/points", {**SAID, "logo": logo}))
    browser.post("/sell/profile", {**SAID, "logo": logo})
    assert profile_of(Seller.objects.get()).logo == logo

    assert 'name="logo"' not in text(browser.get("/sell/profile"))
    shown = text(browser.post("/sell/profile", {**wrong, "action": "drop-logo"}), 422)
    assert '<input type="hidden" name="logo" value="">' in shown
    browser.post("/sell/profile", {**SAID, "logo": ""})
    assert profile_of(Seller.objects.get()).logo == ""


@pytest.mark.parametrize("named", ["x", "0" * 64, "../x"])
def test_a_picture_of_nobody_changes_nothing(seller: Seller, browser: Client, named: str) -> None:
    kept = logos.keep(seller, PICTURE)
    browser.post("/sell/profile", {**SAID, "logo": kept})
    browser.post("/sell/profile", {**SAID, "logo": named})
    assert profile_of(Seller.objects.get()).logo == kept
    text(browser.post("/sell/profile", {**SAID, "website": "x", "logo": named}), 422)


def test_points_follow_what_is_typed_and_save_nothing(seller: Seller, browser: Client) -> None:
    fragment = text(browser.post("/sell/profile/points", SAID))
    assert "4 of 7" in fragment
    assert "<html" not in fragment
    assert text(browser.post("/sell/profile/points", {**SAID, "about": "Short."})).count("✓") == 2
    seller.refresh_from_db()
    assert seller.about == ""


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("name", "\u200b"),
        ("website", "http://acme.example"),
        ("website", "javascript:alert(1)"),
        ("website", "https://me@acme.example/"),
        ("website", "https://127.0.0.1/"),
        ("website", "https://localhost/"),
        ("website", "https://[::1]/"),
        ("website", "https://acme.example/\u202e"),
        ("website", 'https://acme.example/"onload="x'),
        ("website", "https://acme.example:99999/"),
        ("website", "https://acme.example/" + "a" * 200),
        ("contact", "nobody"),
        ("contact", "<b>@acme.example"),
        ("contact", "http://acme.example"),
        ("logo", "x"),
        ("logo", "0" * 64),
    ],
)
def test_what_cannot_be_said_is_refused_at_its_field(
    seller: Seller, field: str, typed: str
) -> None:
    before = profile_of(seller)
    with pytest.raises(ListingRefused) as refused:
        write(seller, Profile(**{**SAID, field: typed}))
    assert refused.value.field == field
    seller.refresh_from_db()
    assert profile_of(seller) == before


def test_a_refusal_keeps_what_was_typed(browser: Client) -> None:
    page = text(browser.post("/sell/profile", {**SAID, "website": "ftp://x"}), 422)
    assert 'value="ftp://x"' in page
    assert ABOUT in page
    assert "A page such as https://example.com" in page
    page = text(
        browser.post("/sell/profile", {**SAID, "logo_file": SimpleUploadedFile("x", b"<svg")}), 422
    )
    assert "PNG, JPEG or WebP picture" in page


def test_texts_are_made_harmless(seller: Seller) -> None:
    said = write(seller, Profile("Ac\u202eme\u0007  Weather", "One.\n\u200bTwo. \U000e0041" * 90))
    assert said.name == "Acme Weather"
    assert len(said.about) <= 500
    assert said.about.startswith("One. Two. One.")


def test_a_change_tells_everybody_who_reads(seller: Seller) -> None:
    def version() -> int:
        return sum(ShelfVersion.objects.values_list("version", flat=True))

    before = version()
    write(seller, Profile(**SAID))
    assert version() == before + 1
    write(seller, Profile(**SAID))
    assert version() == before + 1


def test_full_points_can_be_reached() -> None:
    whole = Profile(
        "Acme Weather", ("The weather of every city. " * 30)[:500], "", "a@b.example", "0"
    )
    assert all(point.there for point in points(whole, sells=True))
    assert not any(point.there for point in points(Profile("api"), sells=False))


def test_programs_do_the_same(seller: Seller) -> None:
    issued = keys.issue(seller, "Robot", list(keys.SCOPES))
    client = Client(headers={"Authorization": f"Bearer {issued.key}"})
    address = "/api/sell/profile"
    said = client.put(address, SAID, content_type="application/json")
    assert said.json() == {**SAID, "logo": ""}
    assert client.get(address).json() == said.json()
    wrong = client.put(address, {**SAID, "contact": "x"}, content_type="application/json")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "contact")
