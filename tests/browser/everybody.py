"""Who looks at the site, and every page that each of them can open, taken from its own routes."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from marketplace.accounts import mail
from marketplace.accounts.models import Wallet
from marketplace.legal_pages import PAGES as LEGAL
from marketplace.views import GUIDES
from payments.models import LimitGroup
from sellers.domains.claims import name_domain
from sellers.drafting.steps import REVIEW, STEPS
from sellers.models import ApiKey, Domain, Seller
from sellers.site import this_site
from sellers.webhooks import webhooks
from sellers.webhooks.events import BUYER_EVENTS
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import (
    Marked,
    Route,
    admin,
    browser_of,
    mark_everything,
    moderator,
    routes,
)
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.stack import Stack
from tests.fixtures.storefront import Storefront
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import buy

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenverkaufsstatistik"
LONG_DOMAIN = f"{'donau' * 12}.{'fahrt' * 12}.example"
TIMEOUT_SECONDS = 30
OF_A_SELLER, OF_A_LISTING = {"slug": "acme"}, {"seller": "acme", "slug": "marked"}
# What a route's parameters name where it is not the same at every route that has them.
NAMED: dict[str, list[dict[str, Any]]] = {
    "guide": [{"name": each} for each in GUIDES],
    "legal": [{"name": each} for each in LEGAL],
    "seller": [OF_A_SELLER],
    "listing": [OF_A_LISTING],
    "listing-report": [OF_A_LISTING],
    "skill": [OF_A_LISTING],
    "sell-step": [{"slug": each} for each in (*(step.slug for step in STEPS), REVIEW)],
}
# Who opens what: everything below these.
AREAS: dict[str, tuple[str, ...]] = {
    "visitor": ("/",),
    "newcomer": ("/buy/", "/sell/", "/account/"),
    "beginner": ("/sell/",),
    "seller": ("/sell/", "/buy/", "/account/", "/p/"),
    "moderator": ("/moderation/",),
    "admin": ("/moderation/", "/operator/", "/account/"),
}
WITH_NOTHING = {"newcomer", "beginner"}  # no object of a route is theirs
# Django's own pages; pictures; and programs' addresses, which have no page.
NOT_OURS = (
    "/admin/", "/logo/", "/api/", "/discovery/", "/.well-known/", "/demo/", "/events", "/metrics",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Somebody:
    """One visitor: the cookie that says who it is, and the pages there are for them."""

    name: str
    cookie: Mapping[str, str]
    pages: tuple[str, ...]
    refused: tuple[str, ...] = field(default=())  # pages that say no


def everybody(stack: Stack) -> dict[str, Somebody]:
    """A market with one of everything in it, and everybody who looks at it."""
    keys = {name: stack.environment[name] for name in ("SECRET_KEY", "SELLER_SECRETS_KEYS")}
    with (
        stack.database(),
        override_settings(
            SECRET_KEY=keys["SECRET_KEY"], SELLER_SECRETS_KEYS=[keys["SELLER_SECRETS_KEYS"]]
        ),
    ):
        marked = _market(stack)
        cookies = {name: _cookie(user) for name, user in _people(marked).items()}
    return {name: _somebody(stack, marked, name, cookies[name]) for name in AREAS}


def _market(stack: Stack) -> Marked:
    """One of everything, under names that are as long as they may be."""
    stack.upstream.on("/weather", answer(b'{"celsius":21}'))
    site = this_site()
    storefront = Storefront(site, stack.upstream)

    def really_bought(_: Any) -> UUID:
        storefront.publish("acme/bought", title=f"Die {LONG_WORD}", description=f"{LONG_WORD} " * 9)
        stack.wait_on_sale("acme/bought")
        stack.chain.fund(Cast.seller.address, 1)
        return UUID(buy(stack.url("acme/bought"), Cast.seller).headers["x-souk-payment"])

    marked = mark_everything(storefront, Hooks(site, stack.upstream), really_bought)
    owner = marked.seller.owner
    assert owner is not None
    hook = webhooks.open_webhook(owner, f"{stack.upstream.url}/told", [*BUYER_EVENTS], site).webhook
    marked.subjects["of a buyer"] = {
        "hook_id": hook.pk,
        "delivery_id": webhooks.try_out(hook).pk,
    }
    Seller.objects.filter(pk=marked.seller.pk).update(name=LONG_WORD)
    now = {each: timezone.now() for each in ("verified_at", "well_at", "seen_at")}
    Domain.objects.filter(pk=marked.seller.pk).update(name=LONG_DOMAIN, **now)
    ApiKey.objects.filter(seller=marked.seller).update(name=LONG_WORD)
    LimitGroup.objects.filter(owner=owner.pk).update(name=LONG_WORD)
    agent = {"address": Cast.other_seller.address, "pays_only": True}
    Wallet.objects.create(**agent, user=owner, linked_at=timezone.now())
    return marked


def _people(marked: Marked) -> dict[str, User | None]:
    owner = marked.seller.owner
    assert owner is not None
    User.objects.filter(pk=owner.pk).update(username=LONG_WORD)
    beginner = sign_up("beginner")
    name_domain(beginner, LONG_DOMAIN, this_site())
    failed = {"seen_at": timezone.now(), "trouble": f"https://{LONG_DOMAIN}/ is empty.", "fix": "x"}
    Domain.objects.filter(pk=beginner.pk).update(**failed)
    return {
        "visitor": None,
        "newcomer": User.objects.create_user("newcomer"),
        "beginner": beginner.owner,
        "seller": owner,
        "moderator": moderator(),
        "admin": admin(),
    }


def _cookie(user: User | None) -> dict[str, str]:
    client = browser_of(user, second_factor=True, lately=True)
    if user is not None:  # they come by a letter's link, which their session keeps
        place = urlsafe_base64_encode(force_bytes(user.pk))
        token = default_token_generator.make_token(user)
        client.get(reverse("account-reset-link", args=(place, token)))
        client.get(reverse("account-mail-link", args=(mail.token_of(user),)))
    cookies = client.cookies
    return {"Cookie": "; ".join(f"{name}={each.value}" for name, each in cookies.items())}


def _somebody(stack: Stack, marked: Marked, name: str, cookie: dict[str, str]) -> Somebody:
    pages, refused = [], []
    for address in dict.fromkeys(_addresses(marked, name)):
        status, is_page = _look(stack, address, cookie)
        if is_page:
            pages.append(address)
        if is_page and status != 200:
            refused.append(f"{address}: {status}")
    return Somebody(name, cookie, tuple(pages), tuple(refused))


def _addresses(marked: Marked, name: str) -> Iterator[str]:
    for area in AREAS[name]:
        for route in routes(area):
            if route.pattern.startswith(NOT_OURS) or _is_nothing_to(name, route):
                continue
            for values in NAMED.get(route.name, [{}]):
                yield _address(marked, route, values)


def _is_nothing_to(name: str, route: Route) -> bool:
    if name == "moderator":  # disputes are decided by admins alone
        return route.name.startswith("moderation-dispute")
    if name == "visitor":  # who did not come by a letter's link
        return route.name in {"account-reset", "account-mail"}
    return name in WITH_NOTHING and route.of_an_object


def _address(marked: Marked, route: Route, values: dict[str, Any]) -> str:
    if not route.name:
        return route.pattern
    known = OF_A_LISTING | marked.subjects | values
    if route.pattern.startswith("/buy/"):
        known |= marked.subjects["of a buyer"]
    if "listing slug" in route.parameters:
        known["slug"] = marked.listing.slug
    return reverse(
        route.name, kwargs={each: known[each] for each in route.parameters - {"listing slug"}}
    )


def _look(stack: Stack, address: str, cookie: dict[str, str]) -> tuple[int, bool]:
    """What a browser is answered, and whether it is a whole page."""
    line = http.client.HTTPConnection(urlsplit(stack.base_url).netloc, timeout=TIMEOUT_SECONDS)
    with contextlib.closing(line):
        line.request("GET", address, headers={"Accept": "text/html", **cookie})
        said = line.getresponse()
        is_html = said.headers.get("Content-Type", "").startswith("text/html")
        return said.status, is_html and said.read(15).lower() == b"<!doctype html>"
