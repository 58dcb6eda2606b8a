"""The Bazaar's questions: list, search, what pays into a wallet, and whether a listing is sound.

Filters are the catalog's own (`marketplace.catalog.queries`), which knows the Bazaar's names; what
the Bazaar asks beyond them is read here. What is asked and not applied is named in every answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from marketplace.catalog import search
from marketplace.catalog.answers import JSON, document, preflight, refusal
from marketplace.catalog.documents import bazaar, soundness
from marketplace.catalog.documents.market import this_market, written
from marketplace.catalog.queries import BadQuery, Query
from marketplace.catalog.reading import pairs_of, public
from marketplace.catalog.turns import take_turn
from payments.wiring.site import origin_of
from sellers.market import goods
from sellers.site import this_site
from sellers.terms import METHODS
from sellers.texts import shorten

OFFSET_MAX: Final = search.COUNTED_MAX
BODY_BYTES_MAX: Final = 10_000
_OWN: Final = frozenset({"type", "extensions", "offset"})  # what the catalog has no word for


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the Bazaar's: the catalog's query, and what the catalog has no word for."""

    query: Query
    unapplied: tuple[str, ...]
    offset: int = 0
    finds_nothing: bool = False  # of another type, or with an extension that nothing here has


def read(request: HttpRequest) -> Asked:
    """What is asked, or a refusal that says what to change."""
    pairs, own = [], dict[str, str]()
    for name, value in pairs_of(request):
        if name not in _OWN:
            pairs.append((name, value))
        elif own.setdefault(name, value) != value:
            raise BadQuery(f"give {name} once")
    query, unapplied = search.parse(pairs)
    kind = own.get("type", "").strip().lower()
    wanted = {each.strip() for each in own.get("extensions", "").split(",")} - {""}
    if wanted & bazaar.SOMETIMES:
        unapplied = (*unapplied, "extensions")
    listed = bazaar.EXTENSIONS | bazaar.SOMETIMES
    finds_nothing = kind not in ("", "http") or not wanted <= listed
    return Asked(query, unapplied, _offset(own.get("offset", "")), finds_nothing)


@public
def resources(request: HttpRequest) -> HttpResponse:
    """`/discovery/resources`: everything for sale, counted pages, the best first."""
    asked = read(request)
    take_turn(origin_of(request))
    return _answer(request, bazaar.resources(_page(asked), this_market()))


@public
def find(request: HttpRequest) -> HttpResponse:
    """`/discovery/search`: what fits a text and filters, a page at a time."""
    asked = read(request)
    if not asked.query.text:
        raise BadQuery("query is missing: say what is looked for")
    take_turn(origin_of(request))
    unapplied = (*asked.unapplied, *(("offset",) if asked.offset else ()))
    found = search.Found((), "") if asked.finds_nothing else search.find(asked.query)
    return _answer(
        request,
        bazaar.found(
            found.goods,
            this_market(),
            limit=asked.query.limit,
            cursor=found.next_cursor,
            relaxed=found.relaxed,
            unapplied=unapplied,
        ),
    )


@public
def merchant(request: HttpRequest) -> HttpResponse:
    """`/discovery/merchant?payTo=`: everything that pays into one wallet."""
    asked = read(request)
    if not asked.query.pay_to:
        raise BadQuery("payTo is missing: a wallet's address")
    take_turn(origin_of(request))
    listed = bazaar.of_merchant(_page(asked), this_market(), asked.query.pay_to)
    return _answer(request, listed)


@csrf_exempt  # it changes nothing, and reads no cookie
@require_http_methods(["POST", "OPTIONS"])
def validate(request: HttpRequest) -> HttpResponse:
    """`POST /discovery/validate`: whether a listing of ours is sound, and what it costs."""
    if request.method == "OPTIONS":
        return preflight("POST")
    try:
        path, method = _named(request)
    except BadQuery as bad:
        return refusal(400, bad.message)
    found = goods.one(path)
    said = soundness.of_nothing() if found is None else soundness.of(found, method, this_site())
    return _answer(request, said)


def _page(asked: Asked) -> bazaar.Page:
    query = replace(asked.query, cursor="")
    shown: Sequence[goods.Good] = ()
    total = 0
    if not asked.finds_nothing:
        total = search.count(query, search.reach(query))
        shown = search.at(query, asked.offset) if asked.offset < total else ()
    return bazaar.Page(shown, query.limit, asked.offset, total, _left_out(asked))


def _left_out(asked: Asked) -> list[str]:
    """What a counted page does not apply: it goes by its offset alone."""
    return [*asked.unapplied, *(["cursor"] if asked.query.cursor else [])]


def _offset(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise BadQuery("offset is a whole number")
    if int(text) > OFFSET_MAX:
        raise BadQuery(
            f"offset is at most {OFFSET_MAX}; go further with the cursor of /discovery/search"
        )
    return int(text)


def _named(request: HttpRequest) -> tuple[str, str]:
    """The listing's path and the method that are asked about."""
    raw = request.read(BODY_BYTES_MAX + 1)
    try:
        asked = orjson.loads(raw) if len(raw) <= BODY_BYTES_MAX else None
    except orjson.JSONDecodeError:
        asked = None
    resource = asked.get("resource") if isinstance(asked, dict) else None
    if not isinstance(resource, str):
        raise BadQuery('send JSON: {"resource": "https://…/call/seller/listing", "method": "GET"}')
    method = str(asked.get("method") or "GET").upper()  # type: ignore[union-attr]  # it is a dict
    if method not in METHODS:
        raise BadQuery(f"method is one of {', '.join(METHODS)}, not {shorten(method, 20)}")
    return _path_of(resource), method


def _path_of(resource: str) -> str:
    """`seller/listing` of an address of ours."""
    root = f"{this_market().call_base_url}/call/"
    if not resource.startswith(root):
        raise BadQuery(f"only listings of this marketplace are checked: {root}seller/listing")
    named = urlsplit(resource).path.split("/")[2:]
    if len(named) < 2 or not resource.isprintable():
        raise BadQuery(f"a listing's address is {root}seller/listing")
    return "/".join(named[:2])


def _answer(request: HttpRequest, said: dict[str, Any]) -> HttpResponse:
    return document(request, written(said), JSON)
