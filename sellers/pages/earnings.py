"""The pages of a seller's earnings: numbers from the sums, rows from the payments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from payments import documents
from payments.amounts import Amount, grouped
from payments.disputes.cases import latest_of
from payments.disputes.states import words
from payments.live.happenings import BUYERS, EARNINGS, PAYMENT, Topic, live_query
from payments.models import Case
from payments.reports.buyers import paid_by
from payments.reports.earnings import by_time, first_sale, overview
from payments.reports.funnel import Funnel
from payments.reports.looks import Look, Span
from payments.reports.one_payment import payment_report
from payments.reports.periods import PERIODS, STEP_LABELS, STEPS
from payments.reports.sales import is_sold_by, sales
from payments.reports.sums import Sums
from payments.states import STATE_TEXTS
from payments.surroundings import surroundings
from payments.x402.networks import NETWORKS
from sellers.earnings.earnings_filters import (
    Filters,
    Offering,
    offerings,
    read_filters,
)
from sellers.earnings.statements import listings_of
from sellers.health.causes import cause
from sellers.models import Price, Seller
from sellers.pages.own import seller_only
from sellers.pages.parts import page_or_part
from sellers.payouts.own_wallets import own_wallets
from sellers.site import canary_addresses

GLANCES = (("Today", 1), ("7 days", 7), ("30 days", 30))
GLANCED_TOKENS_MAX = 4  # those that sell most; the table below has all


@seller_only
@require_safe
def earnings(request: HttpRequest, seller: Seller) -> HttpResponse:
    """What was earned, by whom and how; and every payment."""
    known = offerings(seller)
    filters = read_filters(request.GET, seller, known, first_sale(seller.pk))
    live = live_query(Topic(EARNINGS, seller.pk), Topic(BUYERS, seller.pk))
    context = _context(filters, known) | {"live": live, "here": request.get_full_path()}
    page, part = "sellers/earnings/earnings.html", "sellers/earnings/_earnings.html"
    return page_or_part(request, page, part, context)


@seller_only
@require_safe
def payment(request: HttpRequest, seller: Seller, payment_id: UUID) -> HttpResponse:
    """One payment with every step it took, for the seller who is to be paid."""
    if not is_sold_by(seller.pk, payment_id):
        raise Http404
    live = live_query(Topic(PAYMENT, payment_id))
    report = payment_report(payment_id)
    assert report is not None  # payments stay
    document, known = documents.status_document(report, surroundings(report)), latest_of(payment_id)
    context = {
        "payment": document,
        "live": live,
        "words": report.words,
        "is_live": report.can_change,
        "amount": documents.amount_of(report),
        "timeline": [(step, _said(step.detail)) for step in report.timeline],
        "answer": report.answer,
        "created_at": report.payment.created_at,
        "mark": marks(seller).get(report.payment.payer, ""),
        "links": document["links"],
        "refund_due": report.words.key == "paid_unanswered",
        "dispute": known,
        "dispute_words": words(Case(known.state)) if known else None,
    }
    part = "_drawer" if "drawer" in request.GET else "_payment"
    return page_or_part(
        request, "sellers/earnings/payment.html", f"sellers/earnings/{part}.html", context
    )


def marks(seller: Seller) -> dict[str, str]:
    """Wallets that are no customers: the seller's own, and those of the site's trial calls."""
    own = own_wallets(seller)
    return dict.fromkeys(canary_addresses(), "trial") | dict.fromkeys(own, "own")


def _networks_of(seller: Seller) -> list[str]:
    """Those on which this seller ever asked for anything."""
    prices = Price.objects.filter(revision__listing__seller=seller)
    return list(prices.values_list("network", flat=True).distinct())


def _context(filters: Filters, known: list[Offering]) -> dict[str, Any]:
    look, marked = filters.look, marks(filters.seller)
    first = overview(look, [each.id for each in known])
    page = sales(filters.wanted())
    return {
        "seller": filters.seller,
        "filters": filters,
        "query": filters.address(),
        "periods": PERIODS.items(),
        "steps": STEPS,
        "states": STATE_TEXTS,
        "offerings": known,
        "networks": [(key, _network(key)) for key in _networks_of(filters.seller)],
        "tokens": first.tokens,
        "glances": _glances(look, first.tokens),
        "unglanced": max(0, len(first.tokens) - GLANCED_TOKENS_MAX),
        "chart": _chart(look, first.tokens[0]) if first.tokens else None,
        "funnel": _funnel(first.funnel),
        "failures": [(cause(word), count) for word, count in first.funnel.unanswered],
        "uncollected": [(cause(word), count) for word, count in first.funnel.uncollected],
        "listings": _listings(look, known, filters),
        "own": paid_by(look, [key for key, mark in marked.items() if mark == "own"]),
        "trial": paid_by(look, [key for key, mark in marked.items() if mark == "trial"]),
        "sales": [(sale, marked.get(sale.payer, ""), cause(sale.cause)) for sale in page.rows],
        "edges": page.edges(filters.address),
        "has_any": first.has_sales or first_sale(filters.seller.pk) is not None,
        "month": filters.span.last.strftime("%Y-%m"),
    }


def _network(key: str) -> str:
    return NETWORKS[key].name if key in NETWORKS else key


def _glances(look: Look, tokens: list[Sums]) -> list[tuple[str, list[Amount]]]:
    """The last days at a glance, each token by itself, whatever time is looked at."""
    today = datetime.now(UTC).date()
    month = Look(
        look.seller_id, Span(today - timedelta(days=29), today), look.listing_id, look.network
    )
    days = by_time(month)
    shown = list(dict.fromkeys([*((each.network, each.asset) for each in tokens), *sorted(days)]))
    if not shown:
        return []
    return [
        (
            text,
            [
                _gross(token, days.get(token, {}), today - timedelta(days=back - 1))
                for token in shown[:GLANCED_TOKENS_MAX]
            ],
        )
        for text, back in GLANCES
    ]


def _gross(token: tuple[str, str], days: Mapping[date, Sums], since: date) -> Amount:
    return Amount.of(*token, sum(each.gross.atomic for day, each in days.items() if day >= since))


def _chart(look: Look, shown: Sums) -> dict[str, Any]:
    """Bars of one token; others have their own, one choice of the network away."""
    found = by_time(look).get((shown.network, shown.asset), {})
    nothing = Sums(shown.network, shown.asset)
    points = []
    for start in look.span.starts():
        sums = found.get(start, nothing)
        points.append(
            {
                "label": start.strftime(STEP_LABELS[look.span.step]),
                "value": sums.confirmed.whole,
                "text": grouped(sums.confirmed.text),
                "pending": sums.pending.whole,
                "pending_text": grouped(sums.pending.text),
            }
        )
    return {
        "title": f"Earned in {shown.gross.kind}, {STEPS[look.span.step]}",
        "points": points,
        "legend": "Confirmed",
        "legend_pending": "Pending",
        "empty": "Nothing was earned in this time.",
    }


def _listings(look: Look, known: list[Offering], filters: Filters) -> list[dict[str, Any]]:
    rows = [
        {"listing": each, "sums": sums, "href": filters.address(listing=each.slug)}
        for each, sums in listings_of(look, {each.id: each for each in known})
    ]
    return sorted(rows, key=lambda row: -row["sums"].sales)


def _funnel(funnel: Funnel) -> list[dict[str, Any]]:
    quoted = max(funnel.quoted, funnel.paid)  # counted in memory, a few may be missing
    steps = [
        ("Quoted", quoted, quoted, "402 answers, about"),
        ("Paid", funnel.paid, quoted, "signed payments we took"),
        (
            "Answered",
            funnel.answered,
            funnel.paid,
            f"{funnel.at_work} still at your endpoint" if funnel.at_work else "",
        ),
        (
            "Settled",
            funnel.settled,
            funnel.answered,
            f"{funnel.under_way} on the way" if funnel.under_way else "",
        ),
    ]
    return [
        {"name": name, "count": count, "share": _share(count, of), "note": note}
        for name, count, of, note in steps
    ]


def _share(count: int, of: int) -> str:
    tenths = count * 1000 // of if of else 0
    return f"{tenths // 10}.{tenths % 10} %" if of else "–"


def _said(detail: Mapping[str, Any]) -> str:
    """What a step knows beyond its name, for the seller it is about."""
    parts = []
    if reason := detail.get("reason"):
        parts.append(cause(str(reason)).text)
    if status := detail.get("status"):
        parts.append(f"HTTP {status}")
    if (size := detail.get("bytes")) is not None:
        parts.append(f"{size} bytes")
    if (ms := detail.get("ms")) is not None:
        parts.append(f"{ms} ms")
    if block := detail.get("block"):
        parts.append(f"block {block}")
    return ", ".join(parts)
