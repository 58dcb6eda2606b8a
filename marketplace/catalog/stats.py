"""A listing's stats as its page shows them: calls, buyers and money, side by side over three spans.

What each figure counts stands below them, in the words that programs read as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from marketplace.catalog.figures import Figure, listing_figures
from marketplace.catalog.standing import milliseconds, percent
from marketplace.catalog.trade_json import amount_of, transaction_url
from payments.amounts import Amount
from sellers.market import quality as figures
from sellers.market import trade as money
from sellers.market.quality import Quality
from sellers.market.trade import Trade, Volume

SPANS: Final = ("24 h", "7 days", "30 days")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure over the spans; empty where nobody knows it yet."""

    name: str
    cells: tuple[tuple[str, str], ...]  # the span, and what is said of it


@dataclass(frozen=True, slots=True)
class MoneyRow:
    """What was paid in one token over the spans."""

    network: str
    cells: tuple[tuple[str, Amount], ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """One payment that settled: when, how much, and where the chain shows it."""

    at: datetime
    amount: Amount
    transaction: str
    explorer: str


@dataclass(frozen=True, slots=True)
class Stats:
    """All of it; no rows where nobody has bought yet."""

    rows: tuple[Row, ...]
    money: tuple[MoneyRow, ...]
    facts: tuple[Figure, ...]
    latest: tuple[Settled, ...]
    words: tuple[Figure, ...]
    spans: tuple[str, ...] = SPANS


def stats(quality: Quality, trade: Trade) -> Stats:
    """What is known of a listing's trade and of how well it serves."""
    was_called = quality.last_called_at is not None or quality.success_30d is not None
    latest = tuple(
        Settled(paid.at, amount_of(paid), paid.transaction, transaction_url(paid))
        for paid in trade.latest
    )
    return Stats(
        rows=_rows(quality) if was_called else (),
        money=tuple(map(_money, trade.volume)) if was_called else (),
        facts=tuple(listing_figures(quality)),
        latest=latest,
        words=WORDS if was_called else (),
    )


def _rows(quality: Quality) -> tuple[Row, ...]:
    calls = (quality.calls_24h, quality.calls_7d, quality.calls_30d)
    payers = (quality.payers_24h, quality.payers_7d, quality.payers_30d)
    success = (quality.success_24h, quality.success_7d, quality.success_30d)
    half = (quality.p50_ms_24h, quality.p50_ms_7d, quality.p50_ms_30d)
    return (
        _row("Calls", *(f"{each:,}" for each in calls)),
        _row("Buyers", *(f"{each:,}" for each in payers)),
        _row("Answered", *("" if each is None else percent(each) for each in success)),
        _row("Half within", *("" if each is None else milliseconds(each) for each in half)),
    )


def _row(name: str, *said: str) -> Row:
    return Row(name, tuple(zip(SPANS, said, strict=True)))


def _money(volume: Volume) -> MoneyRow:
    network, asset = volume.token.network, volume.token.asset
    sums = (volume.day_atomic, volume.week_atomic, volume.month_atomic)
    amounts = (Amount.of(network, asset, each) for each in sums)
    return MoneyRow(network, tuple(zip(SPANS, amounts, strict=True)))


def _words(name: str, *fields: str) -> Figure:
    return Figure(name, " ".join(figures.DEFINITIONS[field] for field in fields))


WORDS: Final = (
    _words("Calls", "calls_24h", "calls_7d", "calls_30d"),
    _words("Buyers", "payers_24h", "payers_7d", "payers_30d"),
    _words("Answered", "success_24h", "success_7d", "success_30d"),
    _words("Half within", "p50_ms_24h", "p50_ms_7d", "p50_ms_30d"),
    Figure("Paid", money.DEFINITIONS["volume"]),
    Figure("Newest payments", money.DEFINITIONS["latest_payments"]),
)
