"""The ways through the site, for whoever is looking; no way is shown that leads nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, get_urlconf, reverse

from marketplace.access import is_admin, is_moderator


@dataclass(frozen=True, slots=True)
class Way:
    """One entry as it is declared: the page's name, or its path where it has none."""

    label: str
    page: str
    icon: str = ""
    within: tuple[str, ...] = ()  # every path below these counts as this entry's
    for_admins: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One link, with "page" or "true" when it leads to where one is."""

    label: str
    href: str
    icon: str
    current: str


@dataclass(frozen=True, slots=True)
class Navigation:
    """The links that every page has: everywhere, and about oneself."""

    main: tuple[Entry, ...]
    sign_in: str
    account: str
    sign_out: str
    user_name: str


_MARKET = Way("Market", "market", "store", ("/market", "/l/", "/s/"))
_SELL = Way("Sell", "sell-home", "tag", ("/sell/",))
_BUY = Way("Buy", "buy-home", "bag", ("/buy/",))
_REVIEW = Way("Review", "moderation-queue", "shield", ("/moderation/",))
_HEALTH = Way("Health", "operator-health", "pulse", ("/operator/",))
_ADMIN = Way("Admin", "admin:index", "gear", ("/admin/",))
_GUIDE = Way("Guide", "guide", "book", ("/docs/",))
_SECTIONS: Final = {
    "/sell/": (
        Way("Listings", "sell-home", within=("/sell/listings/", "/sell/drafts/", "/sell/import")),
        Way("Earnings", "sell-earnings", within=("/sell/earnings/",)),
        Way("Disputes", "sell-disputes", within=("/sell/disputes/",)),
        Way("Payouts", "sell-payouts", within=("/sell/payouts/",)),
        Way("Health", "sell-health", within=("/sell/health/",)),
        Way("Profile", "sell-profile"),
        Way("Webhooks", "sell-webhooks", within=("/sell/webhooks/",)),
        Way("API keys", "sell-keys", within=("/sell/keys/",)),
    ),
    "/buy/": (
        Way("Receipts", "buy-home", within=("/buy/receipts/",)),
        Way("Spend", "buy-spend", within=("/buy/spend/",)),
        Way("Disputes", "buy-disputes", within=("/buy/disputes/",)),
        Way("Limits", "buy-limits", within=("/buy/limits/",)),
        Way("Webhooks", "buy-webhooks", within=("/buy/webhooks/",)),
    ),
    "/operator/": (
        Way("Health", "operator-health"),
        Way("Audit log", "operator-audit"),
    ),
    "/moderation/": (
        Way("Queue", "moderation-queue"),
        Way("Reports", "moderation-reports"),
        Way("Disputes", "moderation-disputes", within=("/moderation/disputes/",), for_admins=True),
    ),
}


def navigation(request: HttpRequest | None) -> Navigation | None:
    """The navigation for who asks; None where nobody is known, as on the page of a fault."""
    if request is None:
        return None
    user = getattr(request, "user", None)
    known = user is not None and user.is_authenticated
    return Navigation(
        main=tuple(_entries(_main(user if known else None), request.path)),
        sign_in="" if known else address("account-sign-in"),
        account=address("account-home") if known else "",
        sign_out=address("account-sign-out") if known else "",
        user_name=user.get_username() if known and user else "",
    )


def section(request: HttpRequest | None) -> tuple[Entry, ...]:
    """The links within the section of a page, for whoever is signed in."""
    user = getattr(request, "user", None)
    if request is None or user is None or not user.is_authenticated:
        return ()
    path = request.path
    ways = next((ways for start, ways in _SECTIONS.items() if path.startswith(start)), ())
    return tuple(_entries((way for way in ways if not way.for_admins or is_admin(user)), path))


def address(page: str) -> str:
    """Where a page is; nothing for a page that this site does not have."""
    return page if page.startswith("/") else _address(page, get_urlconf() or settings.ROOT_URLCONF)


@lru_cache(256)
def _address(page: str, urlconf: str) -> str:
    try:
        return reverse(page, urlconf, args=["buy"] if page == "guide" else None)
    except NoReverseMatch:
        return ""


def _main(user: Any) -> Iterator[Way]:
    yield _MARKET
    yield _SELL
    yield _BUY
    if user is None:
        yield _GUIDE
        return
    if is_moderator(user):
        yield _REVIEW
    if is_admin(user):
        yield _HEALTH
        yield _ADMIN


def _entries(ways: Iterable[Way], path: str) -> Iterator[Entry]:
    for way in ways:
        if href := address(way.page):
            yield Entry(way.label, href, way.icon, _current(way, href, path))


def _current(way: Way, href: str, path: str) -> str:
    if path == href:
        return "page"
    return "true" if path.startswith(way.within) else ""
