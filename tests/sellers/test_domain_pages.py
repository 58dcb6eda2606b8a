"""A seller's domain on the profile, over the API, and before everybody who reads who sells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils.html import escape

from sellers import tasks
from sellers.domains import claims
from sellers.models import Domain, Seller
from tests.fixtures.domains import NAME, Domains
from tests.fixtures.foreign import browser_of, moderator
from tests.fixtures.programs import program_of
from tests.fixtures.storefront import Storefront

pytestmark = pytest.mark.django_db(transaction=True)
PAGE, FORM = "/sell/profile", "/sell/profile/domain"


@pytest.fixture
def browser(seller: Seller) -> Client:
    return browser_of(seller.owner)


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def test_a_seller_proves_a_domain_on_the_profile(
    domains: Domains, seller: Seller, browser: Client
) -> None:
    assert "Your domain" in text(browser.get(PAGE))
    named = browser.post(FORM, {"action": "name", "domain": "Acme.Example"})
    assert (named.status_code, named["Location"]) == (302, f"{PAGE}#domain")
    page = text(browser.get(PAGE))
    row = domains.of(seller)
    assert row.line in page
    assert f"https://{NAME}/.well-known/souk.txt" in page
    assert "not proven yet" in page
    assert "hx-trigger" not in text(browser.get(FORM, headers={"HX-Request": "true"}))

    browser.post(FORM, {"action": "check"})
    waiting = text(browser.get(FORM, headers={"HX-Request": "true"}))
    assert "Looking at acme.example" in waiting
    assert 'hx-trigger="domain from:#live, ' in waiting
    assert "/events?topics=domain&amp;seen=" in waiting
    assert "<noscript>" in waiting
    tasks.look_at_domain(str(seller.pk))
    failed = text(browser.get(FORM, headers={"HX-Request": "true"}))
    assert "hx-trigger" not in failed
    assert "hx-sse" not in failed
    assert escape(domains.of(seller).fix) in failed

    domains.serve(row.line)
    browser.post(FORM, {"action": "check"})
    tasks.look_at_domains()
    assert "not proven" not in text(browser.get(PAGE))
    assert "verified" in text(browser.get(FORM, headers={"HX-Request": "true"}))
    assert browser.get(FORM)["Location"] == f"{PAGE}#domain"

    browser.post(FORM, {"action": "give-up"})
    assert not Domain.objects.exists()
    assert row.line not in text(browser.get(PAGE))
    assert "no domain any more" in text(browser.get(FORM, headers={"HX-Request": "true"}))


def test_what_is_refused_is_said_at_the_field_and_kept(
    domains: Domains, seller: Seller, browser: Client
) -> None:
    page = text(browser.post(FORM, {"action": "name", "domain": "https://acme.example"}), 422)
    assert 'value="https://acme.example"' in page
    assert "The name alone" in page
    assert text(browser.post(FORM, {"action": "check"}), 422).count("Name your domain first") == 1
    page = text(browser.post(FORM, {"action": "name", "domain": "<b>.example"}), 422)
    assert "<b>.example" not in page
    assert not Domain.objects.exists()


def test_what_a_server_says_is_data(domains: Domains, seller: Seller, browser: Client) -> None:
    domains.name(seller)
    domains.serve("<script>alert(1)</script>")
    domains.look(seller)
    assert "<script>alert" not in text(browser.get(PAGE))


def test_letters_of_other_alphabets_are_shown_as_buyers_see_them(
    domains: Domains, seller: Seller, browser: Client
) -> None:
    domains.name(seller, "münchen.de")
    page = text(browser.get(PAGE))
    assert "<strong>xn--mnchen-3ya.de</strong>" in page
    assert "(münchen.de" in page


def test_who_asks_too_often_waits(
    domains: Domains, seller: Seller, browser: Client, settings: Any
) -> None:
    settings.LOOKS_HOUR_MAX = 1
    browser.post(FORM, {"action": "name", "domain": NAME})
    answered = browser.post(FORM, {"action": "check"})
    assert answered.status_code == 429
    assert int(answered["Retry-After"]) > 0


def test_programs_do_the_same(domains: Domains, seller: Seller) -> None:
    robot = program_of(seller)
    nothing = robot("GET", "/domain").document
    assert (nothing["domain"], nothing["line"], nothing["checking"]) == (None, None, False)
    refused = robot("POST", "/domain/check")
    assert (refused.status, refused.document["field"]) == (422, "domain")
    for wrong in ("127.0.0.1", "https://acme.example", ""):
        said = robot("PUT", "/domain", {"domain": wrong})
        assert (said.status, said.document["field"]) == (422, "domain"), wrong
    named = robot("PUT", "/domain", {"domain": NAME}).document
    assert named["file"] == f"https://{NAME}/.well-known/souk.txt"
    domains.serve(named["line"])
    asked = robot("POST", "/domain/check")
    assert (asked.status, asked.document["checking"]) == (202, True)
    tasks.look_at_domains()
    found = robot("GET", "/domain").document
    assert found["verified_at"]
    assert (found["checking"], found["trouble"]) == (False, "")
    reader = program_of(seller, "listings:read")
    assert reader("GET", "/domain").document == found
    for method, path in (("PUT", "/domain"), ("DELETE", "/domain"), ("POST", "/domain/check")):
        assert reader(method, path, {"domain": NAME}).status == 403
    assert robot("DELETE", "/domain").status == 204
    assert robot("GET", "/domain").document == nothing


def test_everybody_is_shown_what_is_proven_and_nothing_else(
    domains: Domains, seller: Seller, storefront: Storefront
) -> None:
    storefront.publish("acme/weather")
    visitor = Client(headers={"Accept": "text/html"})

    def pages() -> list[str]:
        return [text(visitor.get(each)) for each in ("/l/acme/weather", "/s/acme")]

    def documents() -> list[Any]:
        search = visitor.get("/api/catalog").json()["items"][0]
        return [search["seller"], visitor.get("/api/catalog/acme/weather").json()["seller"]]

    row = domains.name(seller)
    assert not any(NAME in page for page in pages())
    assert not any("domain" in said for said in documents())
    domains.serve(row.line)
    domains.look(seller)
    for page in pages():
        mark = re.search(r'<a class="domain" href="https://acme\.example/".*?</a>', page, re.DOTALL)
        assert mark
        assert "verified domain, since" in mark[0]
        assert row.token not in page
    for said in documents():
        assert said["domain"] == NAME
        assert said["domainVerifiedAt"].endswith("Z")
    claims.give_up(seller, by="user:1")
    assert not any(NAME in page for page in pages())
    assert not any("domain" in said for said in documents())


def test_a_reader_who_has_the_document_is_told_that_it_changed(
    domains: Domains, seller: Seller, storefront: Storefront
) -> None:
    storefront.publish("acme/weather")
    address, client = "/api/catalog/acme/weather", Client()
    known = client.get(address)["ETag"]
    assert client.get(address, headers={"If-None-Match": known}).status_code == 304
    domains.proven(seller)
    assert client.get(address, headers={"If-None-Match": known}).status_code == 200


def test_a_moderator_sees_it_in_the_sellers_record(
    domains: Domains, seller: Seller, storefront: Storefront
) -> None:
    listing = storefront.publish("acme/weather")
    judge = browser_of(moderator(), second_factor=True)
    address = f"/moderation/{listing.pk}"
    assert "none is named" in text(judge.get(address))
    domains.name(seller)
    assert f"{NAME} is named and not proven" in text(judge.get(address))
    domains.proven(seller)
    assert f"{NAME}, since" in text(judge.get(address))
