"""Being turned away: our own page for people, JSON for programs, and no word of how it failed."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from psycopg_pool import PoolTimeout
from pytest_django.fixtures import Settings

from marketplace.urls import handler400, handler403, handler404, handler500

SECRET = "postgresql://souk:hunter2@db.internal/souk"  # what a fault might quote

PEOPLE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAMS = {"Accept": "*/*"}


def crash(request: HttpRequest) -> HttpResponse:
    raise RuntimeError(SECRET)


def lose_it(request: HttpRequest) -> HttpResponse:
    raise OperationalError(SECRET)


def lose_it_in_plain_sql(request: HttpRequest) -> HttpResponse:
    raise PoolTimeout(SECRET)


def deny(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied(SECRET)


def suspect(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation(SECRET)


urlpatterns = [
    path("crash", crash),
    path("lost", lose_it),
    path("lost-too", lose_it_in_plain_sql),
    path("deny", deny),
    path("suspect", suspect),
]
__all__ = ["handler400", "handler403", "handler404", "handler500"]

STATUSES = {
    "/crash": 500,
    "/lost": 503,
    "/lost-too": 503,
    "/deny": 403,
    "/suspect": 400,
    "/nowhere": 404,
}


@pytest.fixture
def client(settings: Settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(("address", "status"), STATUSES.items())
def test_people_get_a_page_of_ours(client: Client, address: str, status: int) -> None:
    response = client.get(address, headers=PEOPLE)

    assert response.status_code == status
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert b'<a class="site-name" href="/">' in response.content
    assert "script-src" in response["Content-Security-Policy"]
    assert SECRET.encode() not in response.content


def test_who_took_a_wrong_turn_finds_the_way_back_and_a_fault_asks_nothing_more(
    client: Client,
) -> None:
    pages = {at: client.get(at, headers=PEOPLE).content for at in STATUSES}

    assert {at for at, page in pages.items() if b'aria-label="Main"' in page} == {
        "/nowhere",
        "/deny",
    }


@pytest.mark.parametrize(("address", "status"), STATUSES.items())
def test_programs_get_json(client: Client, address: str, status: int) -> None:
    response = client.get(address, headers=PROGRAMS)

    assert response.status_code == status
    assert response.json().keys() == {"error", "detail"}
    assert SECRET.encode() not in response.content
    assert response["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/crash", "/lost", "/lost-too", "/suspect"])
def test_a_part_of_an_open_page_stays_as_it_is(client: Client, address: str) -> None:
    part = client.get(address, headers={**PEOPLE, "HX-Request": "true"})
    assert part.status_code == STATUSES[address]
    assert (part["HX-Reswap"], part["HX-Push-Url"], part.content) == ("none", "false", b"")
    said = json.loads(part["HX-Trigger"])["toast"]
    assert said["tone"] == "bad"
    assert said["text"]
    assert SECRET not in part["HX-Trigger"]
    assert "HX-Request" in part["Vary"]

    whole = {**PEOPLE, "HX-Request": "true", "HX-History-Restore-Request": "true"}
    for headers in (PEOPLE, whole):
        page = client.get(address, headers=headers)
        assert "HX-Reswap" not in page
        assert b'<a class="site-name" href="/">' in page.content


def test_a_form_that_no_page_of_ours_sent_is_refused(settings: Settings) -> None:
    client = Client(enforce_csrf_checks=True)

    response = client.post("/", {"price": "0"}, headers=PEOPLE)

    assert response.status_code == 403
    assert b'<a class="site-name" href="/">' in response.content
    assert client.post("/", headers=PROGRAMS).json()["error"] == "csrf_failed"


def test_a_request_for_another_host_is_refused() -> None:
    response = Client().get("/healthz", headers={"Host": "evil.example"})

    assert (response.status_code, response.json()["error"]) == (400, "bad_request")


def test_a_form_sent_to_another_host_is_led_nowhere() -> None:
    page = {**PEOPLE, "Host": "evil.example", "Referer": "http://evil.example/sell/"}
    response = Client().post("/account/sign-in", headers=page)

    assert response.status_code == 400
    assert b'href="/sell/"' not in response.content


def test_a_page_that_failed_can_be_asked_for_again(client: Client) -> None:
    again = b'<a class="button" href="">Try again</a>'
    assert again in client.get("/lost", headers=PEOPLE).content
    assert again not in client.post("/lost", headers=PEOPLE).content
    assert again not in client.get("/nowhere", headers=PEOPLE).content
