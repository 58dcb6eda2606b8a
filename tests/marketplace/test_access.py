"""Who may open what: every address of the site × every role, read from the site's own routes.

A route that is added is looked at here without a word, and one whose parameters are new fails
until the test knows what they name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from marketplace.catalog import format_urls
from marketplace.catalog.built import build
from marketplace.catalog.documents.market import this_market
from sellers.programs import keys
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import (
    MARK,
    METHODS,
    QUESTION,
    Marked,
    Route,
    admin,
    browser_of,
    moderator,
    routes,
    text_of,
)
from tests.fixtures.hooks import sign_up

SELL, ACCOUNT, MODERATION, API = "/sell/", "/account/", "/moderation/", "/api/sell/"
OPERATOR, BUY, PAYMENT = "/operator/", "/buy/", "/p/"
AREAS = (SELL, ACCOUNT, MODERATION, API, OPERATOR, BUY, PAYMENT)
SIGN_IN = "/account/sign-in"
# What a form of somebody else may say that names what is the marked seller's.
NAMED = {
    "address": Cast.seller.address, "name": "x-key", "value": "stolen", "slug": "marked",
    "url": "https://example.com/", "events": "payment.paid", "reason": "a reason",
    "action": "revoke", "domain": "stolen.example", "way": "example", "network": "eip155:84532",
}  # fmt: skip
# What is read with it changes what others are told: the key that signs calls.
NOT_FOR_READERS = {"api-sell-signing-key"}
# Where nobody has to be signed in: the ways in.
UNPROVEN = f"{MARK}.example"  # the domain that the marked seller names
WAYS_IN = {
    "account-sign-in", "account-sign-up", "account-forgot", "account-reset", "account-reset-link",
    "account-wallet-ask", "account-wallet-sign-in", "account-wallet-by-hand", "account-sign-out",
    "account-mail", "account-mail-link",
}  # fmt: skip


@pytest.fixture
def untouched(marked: Marked) -> Iterator[Marked]:
    """The marked seller, of whom nothing may be different afterwards."""
    before = marked.everything()
    yield marked
    assert marked.everything() == before


@pytest.fixture
def people(marked: Marked) -> dict[str, User]:
    """Everybody but the marked seller."""
    rival = sign_up("rival").owner
    assert rival is not None
    buyer = User.objects.create_user("buyer")
    return {"rival": rival, "buyer": buyer, "moderator": moderator(), "admin": admin()}


def said_to(client: Client, marked: Marked, route: Route, method: str) -> Any:
    """An answer, which never holds what is the marked seller's, nor is a fault."""
    address = marked.address(route)
    response = client.generic(method, address) if method != "POST" else client.post(address, NAMED)
    where = f"{method} {address}"
    assert response.status_code < 500, where
    assert MARK not in text_of(response), where
    return response


def test_every_route_has_a_name_and_known_parameters(marked: Marked) -> None:
    for area in AREAS:
        for route in routes(area):
            assert route.name, route.pattern
            assert marked.address(route).startswith(area)
    assert len(routes(SELL)) > 20
    assert len(routes(ACCOUNT)) > 10
    assert len(routes(API)) > 20
    assert len(routes(BUY)) >= 4
    assert len(routes(PAYMENT)) >= 4


def test_visitors_are_asked_to_sign_in(untouched: Marked) -> None:
    visitor = browser_of(None)
    closed = (SELL, ACCOUNT, MODERATION, OPERATOR, BUY)
    for route in [route for area in closed for route in routes(area)]:
        if route.name in WAYS_IN:
            continue
        for method in METHODS:
            response = said_to(visitor, untouched, route, method)
            allowed = response.status_code == 302 and response["Location"].startswith(SIGN_IN)
            assert allowed or response.status_code == 405, (method, route, response)


@pytest.mark.parametrize("who", ["rival", "buyer", "moderator", "admin"])
def test_what_is_a_sellers_is_nobody_elses(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    """Another seller is told that nothing is there; who sells nothing is sent to begin."""
    client = browser_of(people[who], second_factor=True, lately=True)
    # Objects first: the other addresses may make a seller of whoever sends them a form.
    for route in sorted(routes(SELL), key=lambda each: not each.of_an_object):
        met = {method: said_to(client, untouched, route, method) for method in METHODS}
        if not route.of_an_object:
            continue
        statuses = {response.status_code for response in met.values()}
        if who == "rival":
            assert statuses <= {404, 405}, (route, met)
            assert 404 in statuses, (route, met)
        else:
            assert statuses == {302}, (route, met)
            assert {response["Location"] for response in met.values()} == {SELL}


def test_a_seller_opens_what_is_theirs(marked: Marked) -> None:
    """The refusals above would prove nothing if the addresses led nowhere."""
    client = browser_of(marked.seller.owner, lately=True)
    shown = ""
    for route in routes(SELL):
        response = client.get(marked.address(route))
        assert response.status_code in (200, 302, 405), (route, response)
        said = text_of(response)
        shown += said
        for secret in marked.secrets:
            assert secret not in said, route
    assert shown.count(MARK) >= 10


def test_the_market_is_everybodys_and_tells_no_secret(untouched: Marked) -> None:
    """What is live is shown to all; what is only proposed, drafted or sealed to nobody."""
    for address in ("/", "/market", "/l/acme/marked", "/s/acme"):
        visitor = Client(headers={"Accept": "text/html"})
        said = text_of(visitor.get(address))
        assert f"Weather {MARK}" in said, address
        for hidden in (
            *untouched.secrets,
            f"Other {MARK}",
            f"Draft {MARK}",
            f"Notice {MARK}",
            UNPROVEN,
        ):
            assert hidden not in said, address
        for method in METHODS[1:]:
            assert visitor.generic(method, address).status_code == 405, (method, address)


def test_an_account_is_its_owners(untouched: Marked, people: dict[str, User]) -> None:
    for user in people.values():
        client = browser_of(user)
        for route in routes(ACCOUNT):
            if route.name == "account-sign-out":
                continue
            for method in METHODS:
                said_to(client, untouched, route, method)


@pytest.mark.parametrize("who", ["rival", "buyer", "moderator", "admin"])
def test_what_a_wallet_bought_is_shown_to_its_holder_alone(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    client = browser_of(people[who], second_factor=True)
    for route in routes(BUY):
        for method in METHODS:
            said_to(client, untouched, route, method)


@pytest.mark.parametrize(
    ("sent_to", "stood_on", "elsewhere"),
    [
        ("/buy/limits/letters", "/buy/limits/?a=1&b=2", "/account/"),
        ("/sell/payouts/revoke", "/sell/payouts/", "/sell/"),
    ],
)
def test_whose_session_ended_comes_back_to_the_page_of_the_form(
    db: None, sent_to: str, stood_on: str, elsewhere: str
) -> None:
    for said, back in {
        f"http://testserver{stood_on}": stood_on,
        f"https://evil.example{stood_on}": elsewhere,
        f"http://testserver//evil.example{stood_on}": elsewhere,
        "": elsewhere,
    }.items():
        answer = Client().post(sent_to, headers={"Referer": said})
        asked = parse_qs(urlsplit(answer["Location"]).query)
        assert (asked["next"], asked["unsent"]) == ([back], ["1"]), said


@pytest.mark.parametrize("who", ["nobody", "rival", "buyer", "moderator", "admin"])
def test_a_payments_pages_keep_what_was_asked(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    """Whoever knows a payment's id may read what is signed; the question is its buyer's."""
    client = browser_of({**people, "nobody": None}[who], second_factor=True)
    for route in _pages_of_a_payment():
        for accept in ("text/html", "application/json"):
            for method in METHODS:
                response = client.generic(
                    method, untouched.address(route), headers={"Accept": accept}
                )
                assert response.status_code in (200, 405), (method, route)
                assert QUESTION not in text_of(response), (method, route)


def test_a_buyer_opens_what_is_theirs(marked: Marked) -> None:
    client = browser_of(marked.seller.owner)
    shown = "".join(text_of(client.get(marked.address(route))) for route in routes(BUY))
    assert shown.count(MARK) >= 3
    page = client.get(f"/p/{marked.subjects['payment']}", headers={"Accept": "text/html"})
    assert QUESTION in text_of(page)


def _pages_of_a_payment() -> list[Route]:
    """All but the answer, whole or cut, which tests of its own keep."""
    kept = {"payment-answer", "payment-part"}
    return [route for route in routes(PAYMENT) if route.name not in kept]


def test_what_everybody_may_read_holds_no_secret(marked: Marked) -> None:
    """What agents read of a listing is public, and nothing else of its seller's is in it."""
    build(this_market(), timezone.now())
    visitor = browser_of(None)
    read = 0
    for route in format_urls.urlpatterns:
        values = {"seller": "acme", "slug": "marked"}
        known = {name: values[name] for name in values if f":{name}>" in str(route.pattern)}
        said = visitor.get(reverse(str(route.name), kwargs=known))
        assert said.status_code in (200, 400, 405), route
        read += MARK in text_of(said)
        for secret in (*marked.secrets, "x-key"):
            assert secret not in text_of(said), route
    assert read >= 8


@pytest.mark.parametrize("who", ["rival", "buyer", "owner"])
def test_moderation_is_not_there_for_others(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    user = untouched.seller.owner if who == "owner" else people[who]
    client = browser_of(user, second_factor=True)
    for route in routes(MODERATION):
        for method in METHODS:
            assert said_to(client, untouched, route, method).status_code == 404, route


@pytest.mark.parametrize("who", ["moderator", "admin"])
def test_moderators_need_their_second_factor(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    without = browser_of(people[who])
    for route in routes(MODERATION):
        for method in METHODS:
            response = said_to(without, untouched, route, method)
            if who == "moderator" and _is_admins(route):
                assert response.status_code == 404
                continue
            assert response.status_code == 302
            assert response["Location"].startswith("/account/second-factor")
    client = browser_of(people[who], second_factor=True)
    for route in routes(MODERATION):
        known = (404,) if who == "moderator" and _is_admins(route) else (200, 302, 405)
        assert client.get(untouched.address(route)).status_code in known, route


def _is_admins(route: Route) -> bool:
    """Disputes are decided by admins alone."""
    return route.name.startswith("moderation-dispute")


@pytest.mark.parametrize("who", ["rival", "buyer", "owner", "moderator"])
def test_the_operators_pages_are_there_for_admins_alone(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    user = untouched.seller.owner if who == "owner" else people[who]
    client = browser_of(user, second_factor=True)
    for route in routes(OPERATOR):
        for method in METHODS:
            assert said_to(client, untouched, route, method).status_code == 404, route


@pytest.mark.parametrize("who", ["rival", "buyer", "owner", "moderator"])
def test_no_fragment_opens_what_is_an_admins(
    untouched: Marked, people: dict[str, User], who: str
) -> None:
    """A request that says it is htmx's, from whichever page, is a request like any other."""
    user = untouched.seller.owner if who == "owner" else people[who]
    client = browser_of(user, second_factor=True)
    headers = {"HX-Request": "true", "HX-Target": "main", "HX-Current-URL": "/operator/"}
    closed = routes(OPERATOR) if who == "moderator" else [*routes(OPERATOR), *routes(MODERATION)]
    for route in closed:
        for method in METHODS:
            answer = client.generic(method, untouched.address(route), headers=headers)
            assert answer.status_code == 404, (method, route)
    for address in ("/admin/", "/admin/auth/user/", "/admin/auth/user/add/"):
        for method in METHODS:
            answer = client.generic(method, address, headers=headers)
            assert answer.status_code in (302, 403, 404, 405), (method, address)
    assert not User.objects.filter(pk=user.pk, is_staff=True).exists()  # type: ignore[union-attr]


def _taken_from(user: User, client: Client, what: str) -> None:
    if what == "role":
        user.groups.clear()
        User.objects.filter(pk=user.pk).update(is_staff=False, is_superuser=False)
    elif what == "account":
        User.objects.filter(pk=user.pk).update(is_active=False)
    else:
        session = client.session
        del session["second_factor"]
        session.save()


@pytest.mark.parametrize("what", ["role", "account", "second factor"])
@pytest.mark.parametrize("who", ["moderator", "admin"])
def test_a_form_that_was_open_does_nothing_once_its_right_is_gone(
    untouched: Marked, people: dict[str, User], who: str, what: str
) -> None:
    """The page stands in a tab still, with every token it was given."""
    client = browser_of(people[who], second_factor=True)
    client.handler.enforce_csrf_checks = True
    listing = untouched.listing
    page = text_of(client.get(f"/moderation/{listing.pk}"))
    found = dict(re.findall(r'name="(csrfmiddlewaretoken|version)" value="([^"]+)"', page))
    assert listing.proposed_revision is not None
    form = {**NAMED, **found, "revision": bytes(listing.proposed_revision.hash).hex(), "note": "x"}
    _taken_from(people[who], client, what)
    for route in (*routes(MODERATION), *routes(OPERATOR)):
        answer = client.post(untouched.address(route), form)
        assert answer.status_code in (302, 404), route
        if answer.status_code == 302:
            assert answer["Location"].startswith("/account/"), route


def test_admins_need_their_second_factor(untouched: Marked, people: dict[str, User]) -> None:
    without = browser_of(people["admin"])
    client = browser_of(people["admin"], second_factor=True)
    for route in routes(OPERATOR):
        response = said_to(without, untouched, route, "GET")
        assert response["Location"].startswith("/account/second-factor")
        assert client.get(untouched.address(route)).status_code == 200, route


@pytest.mark.parametrize("who", ["nobody", "owner", "rival", "moderator", "admin"])
def test_no_cookie_opens_the_api(untouched: Marked, people: dict[str, User], who: str) -> None:
    everybody = {**people, "owner": untouched.seller.owner, "nobody": None}
    client = browser_of(everybody[who], second_factor=True)
    for route in routes(API):
        if route.name == "api-sell-schema":
            continue
        for method in METHODS:
            response = said_to(client, untouched, route, method)
            assert response.status_code == 401, (method, route)


def test_another_sellers_key_finds_nothing(untouched: Marked, people: dict[str, User]) -> None:
    call = _caller(keys.issue(people["rival"].seller, "Robot", list(keys.SCOPES)).key)
    for route in routes(API):
        met = {method: call(untouched, route, method) for method in METHODS}
        if route.of_an_object:
            statuses = {response.status_code for response in met.values()}
            assert statuses <= {404, 405}, (route, met)
            assert 404 in statuses, (route, met)


def test_a_key_changes_nothing_that_its_scopes_do_not_name(untouched: Marked) -> None:
    reads = [scope for scope in keys.SCOPES if scope.endswith(":read")]
    reader = Client(headers=_bearer(keys.issue(untouched.seller, "Reader", reads).key))
    key_rows = untouched.seller.keys.filter(name="Reader")
    for route in routes(API):
        address = untouched.address(route)
        if route.name == "api-sell-schema":
            continue
        read = reader.get(address).status_code
        assert read in ((403,) if route.name in NOT_FOR_READERS else (200, 404, 405)), route
        for method in METHODS[1:]:
            said = reader.generic(method, address, "{}", content_type="application/json")
            is_free = route.name == "api-sell-nowhere"
            assert said.status_code in ((404,) if is_free else (403, 405)), (method, route)
    key_rows.delete()


def test_every_call_of_the_api_needs_a_scope(untouched: Marked) -> None:
    """A key that may do nothing sees who it is, and what can be charged in."""
    issued = keys.issue(untouched.seller, "Nothing", ["money:read"])
    untouched.seller.keys.filter(pk=issued.row.pk).update(scopes=[])
    call = Client(headers=_bearer(issued.key))
    open_to_all = {"api-sell-schema", "api-sell-me", "api-sell-networks", "api-sell-nowhere"}
    for route in routes(API):
        if route.name in open_to_all:
            continue
        for method in METHODS:
            said = call.generic(method, untouched.address(route), "{}", "application/json")
            assert said.status_code in (403, 405), (method, route)
    untouched.seller.keys.filter(pk=issued.row.pk).delete()


def test_a_sellers_own_key_opens_what_is_theirs(marked: Marked) -> None:
    call = Client(headers=_bearer(keys.issue(marked.seller, "Robot", list(keys.SCOPES)).key))
    shown = ""
    for route in routes(API):
        response = call.get(marked.address(route))
        expected = (404,) if route.name == "api-sell-nowhere" else (200, 405)
        assert response.status_code in expected, route
        shown += text_of(response)
    assert shown.count(MARK) >= 8
    for secret in marked.secrets:
        assert secret not in shown


def _bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _caller(key: str) -> Any:
    client = Client(headers=_bearer(key))

    def call(marked: Marked, route: Route, method: str) -> Any:
        said = client.generic(method, marked.address(route), "{}", content_type="application/json")
        assert said.status_code < 500, (method, route)
        assert MARK not in text_of(said), (method, route)
        return said

    return call
