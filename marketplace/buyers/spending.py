"""What a buyer's wallets spent: by time, by seller, by listing, by network and by wallet."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from marketplace.access import person, signed_in
from marketplace.buyers.filters import Filters, read_filters, wallet_choices
from marketplace.buyers.receipts import networks_of
from payments.amounts import Amount, grouped
from payments.limits.groups import teams_of
from payments.limits.setting import names_of
from payments.reports.periods import PERIODS, STEP_LABELS, STEPS, USUAL
from payments.reports.spend import Spend, Spent, spend
from payments.wallets.payers import payers_of
from payments.x402.networks import NETWORKS
from sellers.pages.parts import page_or_part

LISTINGS_MAX = 50


@signed_in
@require_safe
def show(request: HttpRequest) -> HttpResponse:
    """Spend at a glance, and where it went."""
    mine = payers_of(person(request))
    teams = teams_of(person(request).pk, mine)
    filters = read_filters(request.GET, mine, teams=teams, usual=USUAL)
    context = _context(filters, spend(filters.outlook))
    return page_or_part(request, "buyers/spend.html", "buyers/_spend.html", context)


def _context(filters: Filters, found: Spend) -> dict[str, Any]:
    names = names_of(filters.mine)
    return {
        "filters": filters,
        "query": filters.address(),
        "wallets": filters.mine,
        "wallet_choices": wallet_choices(filters.mine, names),
        "periods": PERIODS,
        "steps": STEPS,
        "networks": [(key, NETWORKS[key].name) for key in networks_of(filters)],
        "tokens": [
            (each, found.back.get((each.amount.network, each.amount.asset)))
            for each in found.tokens
        ],
        "has_back": bool(found.back),
        "chart": _chart(filters, found),
        "by_seller": _by_seller(filters, found),
        "by_listing": _by_listing(filters, found),
        "by_payer": [
            {
                "name": names.get(payer, ""),
                "address": payer,
                "spent": spent,
                "href": filters.address(wallet=payer),
            }
            for payer, spent in found.by_payer
        ],
        "by_team": _by_team(filters, found),
        "listings_max": LISTINGS_MAX,
        "has_any": bool(filters.known),
    }


def _chart(filters: Filters, found: Spend) -> dict[str, Any] | None:
    """Bars of the token that was spent most often; others have theirs a choice of network away."""
    if not found.tokens:
        return None
    shown = max(found.tokens, key=lambda each: each.payments).amount
    days = found.by_time[shown.network, shown.asset]
    nothing = Spent(0, Amount.of(shown.network, shown.asset, 0))
    points = []
    for start in filters.span.starts():
        spent = days.get(start, nothing)
        label = start.strftime(STEP_LABELS[filters.span.step])
        text = grouped(spent.amount.text)
        points.append({"label": label, "value": spent.amount.whole, "text": text})
    return {
        "title": f"Spent in {shown.kind}, {STEPS[filters.span.step]}",
        "points": points,
        "legend": "Spent",
        "empty": "Nothing was spent in this time.",
    }


def _by_listing(filters: Filters, found: Spend) -> list[dict[str, Any]]:
    return [
        {
            "name": filters.known[listing].title,
            "path": filters.known[listing].path,
            "spent": spent,
            "href": filters.address(listing=filters.known[listing].path),
        }
        for _, listing, spent in found.by_listing
        if listing in filters.known
    ][:LISTINGS_MAX]


def _by_team(filters: Filters, found: Spend) -> list[dict[str, Any]]:
    """What the wallets of each group spent, whichever group they were in then; others last."""
    if not filters.teams:
        return []
    team_of = {payer.address: team for team in filters.teams for payer in team.payers}
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for payer, spent in found.by_payer:
        team, amount = team_of.get(payer), spent.amount
        key = team.id if team else "", amount.network, amount.asset
        sums[key][0] += spent.payments
        sums[key][1] += amount.atomic
    names = {team.id: team.name for team in filters.teams}
    rows = [
        {
            "name": names.get(team, "in no group"),
            "spent": Spent(payments, Amount.of(network, asset, atomic)),
            "href": filters.address(group=team, wallet="") if team else "",
        }
        for (team, network, asset), (payments, atomic) in sums.items()
    ]
    return sorted(rows, key=lambda row: (not row["href"], -row["spent"].amount.atomic))


def _by_seller(filters: Filters, found: Spend) -> list[dict[str, Any]]:
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
    for _, listing, spent in found.by_listing:
        if listing in filters.known:
            slug, amount = filters.known[listing].seller_slug, spent.amount
            sums[slug, amount.network, amount.asset][0] += spent.payments
            sums[slug, amount.network, amount.asset][1] += amount.atomic
    rows = [
        {
            "name": filters.sellers[slug],
            "spent": Spent(payments, Amount.of(network, asset, atomic)),
            "href": filters.address(seller=slug, listing=""),
        }
        for (slug, network, asset), (payments, atomic) in sums.items()
    ]
    return sorted(rows, key=lambda row: -row["spent"].amount.atomic)
