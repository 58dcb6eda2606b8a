"""A buyer's receipts: what their wallets bought, also before anybody signed in with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.views.decorators.http import require_safe

from marketplace.access import person, signed_in
from marketplace.buyers.filters import Filters, read_filters, wallet_choices
from payments.addresses import payment_path
from payments.books import COLUMNS, cells
from payments.limits.alerts import lately
from payments.limits.groups import teams_of
from payments.limits.owners import group_holder
from payments.limits.setting import names_of
from payments.limits.words import Alert
from payments.live.happenings import PAYMENT, Topic, live_query
from payments.reports.bought import Bought
from payments.reports.case_lists import CaseRow, lately_of
from payments.reports.periods import PERIODS
from payments.reports.purchases import all_purchases, purchases
from payments.reports.spend import Totals, totals
from payments.serving.paging import Page
from payments.serving.spreadsheets import csv_file, json_file
from payments.states import STATE_TEXTS
from payments.wallets.payers import payers_of
from payments.wiring.networks import networks
from payments.x402.networks import NETWORKS
from sellers.market import goods
from sellers.notices import unseen
from sellers.pages.parts import asks_for_part, page_or_part

ALERTS_MAX = 5  # the fullest; the page of limits has all
CASES_MAX = 5  # the newest; the page of disputes has all
CASES_SHOWN = timedelta(days=7)  # after the end
WATCHED_MAX = 8  # payments whose next step an open page hears of: the newest that can change


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Every payment of the account's wallets, newest first, as narrow as the address says."""
    filters = _filters(request)
    if filters.found and filters.found.payments and len(filters.found.payments) == 1:
        return _sent_to(payment_path(filters.found.payments[0]), asks_for_part(request))
    page = purchases(filters.sought)
    watched = [Topic(PAYMENT, row.id) for row in page.rows if row.can_change][:WATCHED_MAX]
    context = _context(filters, page) | {
        "cases": [] if asks_for_part(request) else _cases(filters),
        "notices": [] if asks_for_part(request) else unseen(person(request).pk),
        "live": live_query(*watched) if watched else "",
        "here": request.get_full_path(),
    }
    return page_or_part(request, "buyers/receipts.html", "buyers/_receipts.html", context)


@signed_in
@require_safe
def csv(request: HttpRequest) -> StreamingHttpResponse:
    """The payments that the page's filters let through, for a spreadsheet."""
    filters = _filters(request)
    return csv_file(request, _file_name(filters), COLUMNS, all_purchases(filters.sought), cells)


@signed_in
@require_safe
def json(request: HttpRequest) -> StreamingHttpResponse:
    """The same for a program."""
    filters = _filters(request)
    return json_file(request, _file_name(filters), COLUMNS, all_purchases(filters.sought), cells)


def _filters(request: HttpRequest) -> Filters:
    mine = payers_of(person(request))
    return read_filters(request.GET, mine, teams=teams_of(person(request).pk, mine))


def _sent_to(address: str, part: bool) -> HttpResponse:
    """The one payment that was searched for is shown itself."""
    if part:
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _context(filters: Filters, page: Page[Bought]) -> dict[str, Any]:
    many = len(filters.mine) > 1
    return {
        "filters": filters,
        "query": filters.address(),
        "wallets": filters.mine,
        "alerts": _alerts(filters),
        "many_wallets": many,
        "wallet_choices": wallet_choices(filters.mine, names_of(filters.mine)) if many else {},
        "periods": PERIODS,
        "states": STATE_TEXTS,
        "networks": [(key, NETWORKS[key].name) for key in networks_of(filters)],
        "totals": _totals(filters),
        "rows": page.rows,
        "on_sale": goods.on_sale([row.listing_path for row in page.rows]) if page.rows else (),
        "edges": page.edges(filters.address),
        "is_all_time": filters.is_all_time,
    }


def _totals(filters: Filters) -> Totals:
    if filters.is_all_time and not filters.narrows:
        return Totals(filters.ever.spent)
    return totals(filters.sought)


def _alerts(filters: Filters) -> list[Alert]:
    """What the wallets came to in this hour and this day, and their groups."""
    holders = [each.address for each in filters.mine]
    holders += [group_holder(UUID(each.id)) for each in filters.teams]
    now = datetime.now(UTC)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = [each for each in lately(holders, midnight) if each.sum.ends_at > now]
    return sorted(found, key=lambda each: each.weight, reverse=True)[:ALERTS_MAX]


def _cases(filters: Filters) -> list[CaseRow]:
    """Disputes that are open, and how those ended that were closed lately."""
    return lately_of(filters.mine, datetime.now(UTC) - CASES_SHOWN, CASES_MAX)


def networks_of(filters: Filters) -> list[str]:
    """The networks a choice is offered of: those that this site's payments are made on."""
    known = [key for key in networks() if key in NETWORKS]
    chosen = [filters.network] if filters.network else []
    return list(dict.fromkeys(known + chosen))


def _file_name(filters: Filters) -> str:
    first = f"-{filters.first_day}" if filters.first_day else ""
    return f"receipts{first}-{filters.span.last}"
