"""What is known of how well a listing serves, in figures that nobody can buy cheaply.

`sellers.market.figures` keeps them; here is what they mean, and how they make a rank.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log10
from typing import Final

CALLS_OF_ONE_PAYER_A_DAY_MAX: Final = 10
SAMPLE_CALLS_MAX: Final = 1_000

# What each part of the rank weighs, of a thousand.
_BY_CALLS, _BY_PAYERS, _BY_SUCCESS, _BY_LATENCY, _BY_FRESHNESS = 250, 300, 250, 100, 100
_MANY_CALLS, _MANY_PAYERS = 10_000, 1_000
_QUICK_MS, _SLOW_MS = 100, 10_000
_FRESH, _STALE = timedelta(days=1), timedelta(days=7)
_ORDINARY: Final = 0.5  # of what nothing is known of yet
_ONE_PAYER_SHARE: Final = 0.5  # from here on one payer's share costs rank

DEFINITIONS: Final = {
    "calls_24h": "Settled calls of the last 24 hours, among the newest 1,000 calls. At most 10 of"
    " one payer count; the seller's own wallets and the operator's do not count at all.",
    "calls_7d": "Settled calls of the last 7 days (UTC), today included. At most 10 of one payer"
    " count for each day; the seller's own wallets and the operator's do not count at all.",
    "calls_30d": "The same of the last 30 days.",
    "calls_by_day": "The calls of calls_7d, day by day, the oldest first; empty while nobody has"
    " paid for a call in 30 days.",
    "payers_24h": "Different wallets that paid for a settled call in the last 24 hours, among the"
    " newest 1,000 calls, without the seller's own and the operator's.",
    "payers_7d": "The same of the last 7 days (UTC), today included, of all calls.",
    "payers_30d": "The same of the last 30 days.",
    "top_payer_share": "The part of all settled calls of the last 30 days that one wallet made: 1"
    " says that there was only one payer.",
    "self_paid": "In the last 30 days a call was paid from a wallet that the listing pays into, or"
    " that the seller has proven to be theirs.",
    "success_24h": "Calls that were answered, of those that were answered or failed at the seller,"
    " in the last 24 hours among the newest 1,000. A request the seller turned away (4xx) and a"
    " payment that was not good say nothing about the seller and are left out.",
    "success_7d": "The same of the last 7 days (UTC), of all calls.",
    "success_30d": "The same of the last 30 days.",
    "p50_ms_24h": "The time in which half of the answers came from the seller, of the last 24 hours"
    " among the newest 1,000 calls.",
    "p50_ms_7d": "The same of the last 7 days, among the newest 1,000 calls.",
    "p50_ms_30d": "The same of the last 30 days, among the newest 1,000 calls.",
    "last_called_at": "When money last moved for a call: the newest payment that settled, without"
    " those of the seller's own wallets and the operator's.",
    "last_verified_at": "When this marketplace last saw the service work, or found every required"
    " check passed that agents make of its address.",
    "score": "The rank, 0 to 1000: 250 for calls_30d, 300 for payers_30d (both logarithmic), 250"
    " for success_7d, 100 for p50_ms_7d (100 ms to 10 s), half of each while nothing is known of"
    " it, and 100 for last_verified_at (a day to a week). A share of one payer above a half, and"
    " self_paid, take from the parts for calls and payers.",
}


@dataclass(frozen=True, slots=True)
class Quality:
    """The figures of one listing; `DEFINITIONS` says what each counts."""

    calls_24h: int = 0
    calls_7d: int = 0
    calls_30d: int = 0
    calls_by_day: list[int] = field(default_factory=list)
    payers_24h: int = 0
    payers_7d: int = 0
    payers_30d: int = 0
    top_payer_share: float = 0.0
    self_paid: bool = False
    success_24h: float | None = None
    success_7d: float | None = None
    success_30d: float | None = None
    p50_ms_24h: int | None = None
    p50_ms_7d: int | None = None
    p50_ms_30d: int | None = None
    last_called_at: datetime | None = None
    last_verified_at: datetime | None = None
    score: int = 0


def score(quality: Quality, now: datetime) -> int:
    """The rank of a listing with these figures: 0 to 1000."""
    trade = _BY_CALLS * _share_of(quality.calls_30d, _MANY_CALLS)
    trade += _BY_PAYERS * _share_of(quality.payers_30d, _MANY_PAYERS)
    trade *= 1 - max(0.0, quality.top_payer_share - _ONE_PAYER_SHARE)
    if quality.self_paid:
        trade /= 2
    success = quality.success_7d if quality.success_7d is not None else quality.success_30d
    service = _BY_SUCCESS * (_ORDINARY if success is None else success)
    service += _BY_LATENCY * _quickness(quality.p50_ms_7d)
    service += _BY_FRESHNESS * _freshness(quality.last_verified_at, now)
    return round(trade + service)


def _share_of(count: int, many: int) -> float:
    return min(1.0, log10(1 + count) / log10(1 + many))


def _quickness(milliseconds: int | None) -> float:
    if milliseconds is None:
        return _ORDINARY
    clamped = min(max(milliseconds, _QUICK_MS), _SLOW_MS)
    return 1 - log10(clamped / _QUICK_MS) / log10(_SLOW_MS / _QUICK_MS)


def _freshness(verified: datetime | None, now: datetime) -> float:
    if verified is None:
        return 0.0
    age = now - verified
    return 1.0 if age <= _FRESH else _ORDINARY if age <= _STALE else 0.0
