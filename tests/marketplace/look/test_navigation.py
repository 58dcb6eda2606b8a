"""The navigation: what each role sees, where one is, and no way that leads nowhere."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import path
from pytest_django.fixtures import Settings

from marketplace.look.navigation import Entry, Navigation, navigation, section
from sellers.moderators import MODERATORS


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [
    path("market", nothing, name="market"),
    path("sell/", nothing, name="sell-home"),
    path("sell/earnings/", nothing, name="sell-earnings"),
    path("buy/", nothing, name="buy-home"),
    path("moderation/", nothing, name="moderation-queue"),
    path("account/", nothing, name="account-home"),
    path("account/sign-in", nothing, name="account-sign-in"),
    path("account/sign-out", nothing, name="account-sign-out"),
]


@pytest.fixture(autouse=True)
def _pages(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def asked(user: User | AnonymousUser, at: str) -> HttpRequest:
    request = RequestFactory().get(at)
    request.user = user
    return request


def seen(user: User | AnonymousUser, at: str = "/") -> Navigation:
    found = navigation(asked(user, at))
    assert found is not None
    return found


def within(user: User | AnonymousUser, at: str) -> tuple[Entry, ...]:
    return section(asked(user, at))


def labels(ways: Navigation) -> list[str]:
    return [way.label for way in ways.main]


def test_a_visitor_sees_the_market_and_how_to_sign_in() -> None:
    ways = seen(AnonymousUser())

    assert labels(ways) == ["Market", "Sell", "Buy"]
    assert (ways.sign_in, ways.account) == ("/account/sign-in", "")
    assert within(AnonymousUser(), "/sell/") == ()


@pytest.mark.django_db
def test_a_seller_sees_their_section_and_their_account() -> None:
    ada, at = User.objects.create_user("ada"), "/sell/earnings/"
    ways = seen(ada, at)

    assert labels(ways) == ["Market", "Sell", "Buy"]
    assert [(way.label, way.current) for way in within(ada, at)] == [
        ("Listings", ""),
        ("Earnings", "page"),
    ]
    assert (ways.sign_in, ways.account, ways.sign_out) == ("", "/account/", "/account/sign-out")
    assert ways.user_name == "ada"


@pytest.mark.django_db
def test_who_moderates_sees_the_queue() -> None:
    moderator = User.objects.create_user("mod")
    moderator.groups.add(Group.objects.get_or_create(name=MODERATORS)[0])
    admin = User.objects.create_user("root", is_staff=True)

    assert labels(seen(moderator)) == ["Market", "Sell", "Buy", "Review"]
    assert labels(seen(admin)) == ["Market", "Sell", "Buy", "Review"]


@pytest.mark.parametrize(
    ("at", "current"),
    [
        ("/", ["", "", ""]),
        ("/market", ["page", "", ""]),
        ("/l/acme/weather", ["true", "", ""]),
        ("/sell/", ["", "page", ""]),
        ("/sell/earnings/", ["", "true", ""]),
        ("/buy/receipts/", ["", "", "true"]),
    ],
)
def test_one_sees_where_one_is(at: str, current: list[str]) -> None:
    assert [way.current for way in seen(AnonymousUser(), at).main] == current


def test_a_page_made_without_the_request_has_none() -> None:
    assert navigation(None) is None
    assert section(None) == ()
