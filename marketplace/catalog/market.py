"""Browsing: what is for sale, narrowed down by what a person chose, with the address to say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.catalog import api, search
from marketplace.catalog.cards import cards
from marketplace.catalog.reading import pairs_of
from marketplace.catalog.turns import TooOften, take_turn
from payments.rates import Rate
from payments.serving.page_or_json import is_person
from payments.wiring.site import origin_of
from payments.x402.networks import ADDRESS, NETWORKS
from sellers.categories import CATEGORIES, label

TEXT, TAG, CATEGORY, NETWORK, PRICE = "q", "tag", "category", "network", "maxPrice"
VERIFIED, SORT, CURSOR, PAY_TO = "verified", "sort", "cursor", "payTo"
COUNTED_MAX: Final = 1_000
SORTS: Final = {
    "": "Best first",
    "price": "Cheapest first",
    "latency": "Quickest first",
    "volume": "Most called first",
    "newest": "Newest first",
}
# What each filter is called where it let nothing through, and can be cleared.
_FILTERS: Final = {
    TEXT: "the search",
    CATEGORY: "the category",
    TAG: "the tag",
    PRICE: "the price",
    NETWORK: "the network",
    VERIFIED: "“seen to work today”",
}
# Filters of the catalog that have no control here; an address that names them keeps them.
_CARRIED: Final = ("seller", PAY_TO, "asset", "scheme", "method")


@dataclass(frozen=True, slots=True)
class Choice:
    """One list to choose from."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    chosen: str


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, or why nothing was looked for."""

    found: search.Found
    total: int
    unapplied: tuple[str, ...] = ()
    trouble: str = ""
    too_often: Rate | None = None


@require_safe
def market(request: HttpRequest) -> HttpResponse:
    """What is for sale and fits: the page, its results alone, or what comes after them."""
    if not is_person(request):
        return api.index(request)
    given = {name: said for name in request.GET if (said := request.GET[name].strip())}
    page = _look(request)
    status = (429 if page.too_often else 400) if page.trouble else 200
    response = render(request, _template(request, given), _context(given, page), status=status)
    for name, said in page.too_often.headers.items() if page.too_often else ():
        response[name] = said
    response["HX-Push-Url"] = "false" if CURSOR in given else address(given)
    patch_vary_headers(response, ["Accept", "HX-Request", "HX-History-Restore-Request"])
    return response


def address(given: Mapping[str, str]) -> str:
    """Where the market is seen like this."""
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{reverse('market')}?{query}" if query else reverse("market")


def _look(request: HttpRequest) -> Page:
    try:
        query, unapplied = search.parse(_pairs(request))
        take_turn(origin_of(request))
        found = search.find(query)
        counted = replace(query, relaxed=found.relaxed)
        return Page(found, search.count(counted, COUNTED_MAX + 1), unapplied)
    except search.BadQuery as refused:
        return Page(search.Found((), ""), 0, trouble=refused.message)
    except TooOften as often:
        trouble = f"Too many searches came from your network. Wait {often.rate.retry_seconds} s."
        return Page(search.Found((), ""), 0, trouble=trouble, too_often=often.rate)


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    """What was asked; who searches for a wallet's address wants what is paid into it."""
    return [
        (PAY_TO if name == TEXT and ADDRESS.fullmatch(value.strip()) else name, value)
        for name, value in pairs_of(request)
    ]


def _template(request: HttpRequest, given: Mapping[str, str]) -> str:
    htmx = getattr(request, "htmx", None)
    if not htmx or htmx.history_restore_request:
        return "catalog/market.html"
    return "catalog/_more.html" if CURSOR in given else "catalog/_results.html"


def _context(given: Mapping[str, str], page: Page) -> dict[str, Any]:
    filters = {name: value for name, value in given.items() if name != CURSOR}
    more = page.found.next_cursor
    return {
        "heading": _heading(given),
        "cards": cards(page.found.goods),
        "count_words": _count_words(page),
        "more_href": address({**filters, CURSOR: more}) if more else "",
        "empty": _nothing(filters),
        "trouble": page.trouble,
        "unapplied": page.unapplied,
        "given": {
            "text": given.get(TEXT, ""), "tag": given.get(TAG, ""), "price": given.get(PRICE, ""),
            "verified": VERIFIED in given,
        },
        "choices": _choices(given),
        "carried": [(name, given[name]) for name in _CARRIED if name in given],
        "first_href": address(filters) if CURSOR in given else "",
        "filtered": any(name in given for name in (*_FILTERS, *_CARRIED)),
    }  # fmt: skip


def _heading(given: Mapping[str, str]) -> str:
    category = given.get(CATEGORY, "")
    return label(category) if category in CATEGORIES else "Market"


def _count_words(page: Page) -> str:
    if page.trouble:
        return ""
    some = f"{page.total:,} service{'' if page.total == 1 else 's'}"
    if page.total > COUNTED_MAX:
        some = f"More than {COUNTED_MAX:,} services"
    return f"{some} with any of these words; none has them all" if page.found.relaxed else some


def _nothing(filters: Mapping[str, str]) -> dict[str, Any]:
    """What to say where nothing fits, and which filters can be taken off."""
    set_here = [name for name in _FILTERS if name in filters]
    clear = [
        {
            "word": _FILTERS[name],
            "href": address({key: value for key, value in filters.items() if key != name}),
        }
        for name in set_here
    ]
    if len(filters) > 1 or not clear:
        clear.append({"word": "everything", "href": reverse("market")})
    return {"words": _missing(filters), "clear": clear if filters else []}


def _missing(filters: Mapping[str, str]) -> str:
    """What there is none of: “No service under $0.01 for ‘x’”."""
    if not filters:
        return "Nothing is for sale yet"
    words = "No service"
    if CATEGORY in filters:
        words += f" in {label(filters[CATEGORY])}"
    if TAG in filters:
        words += f" tagged “{filters[TAG]}”"
    if PRICE in filters:
        words += f" for ${filters[PRICE].removeprefix('$')} or less"
    if NETWORK in filters:
        words += f" on {_network_name(filters[NETWORK])}"
    if VERIFIED in filters:
        words += " that was seen to work today"
    if TEXT in filters:
        words += f" for “{filters[TEXT]}”"
    return words if len(words) > len("No service") else "No service fits"


def _choices(given: Mapping[str, str]) -> list[Choice]:
    networks = tuple((name, _network_name(name)) for name in settings.CHAINS)
    return [
        Choice(
            CATEGORY,
            "Category",
            (("", "Any"), *((each, label(each)) for each in CATEGORIES)),
            given.get(CATEGORY, ""),
        ),
        Choice(NETWORK, "Network", (("", "Any"), *networks), given.get(NETWORK, "")),
        Choice(SORT, "Order", tuple(SORTS.items()), given.get(SORT, "")),
    ]


def _network_name(name: str) -> str:
    known = NETWORKS.get(name)
    return known.name if known else name
