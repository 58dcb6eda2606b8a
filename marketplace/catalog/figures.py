"""The figures of a listing and of a seller, in words a buyer understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.catalog.standing import milliseconds, percent
from sellers.goods import Good
from sellers.quality import Quality

_UNKNOWN = "not known yet"


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured: in words, or the time at which it was."""

    name: str
    said: str = "never"
    at: datetime | None = None


def listing_figures(quality: Quality) -> list[Figure]:
    """How one listing does; nothing where nobody has bought or looked yet."""
    if quality.last_called_at is None and quality.last_verified_at is None:
        return []
    found = [
        Figure("Answered", _success(quality)),
        Figure("Half of the answers within", _latency(quality)),
        Figure("Calls in 30 days", _calls(quality)),
    ]
    if quality.payers_30d > 1 and quality.top_payer_share > 0:
        found.append(Figure("The biggest buyer’s part", percent(quality.top_payer_share)))
    if quality.self_paid:
        found.append(Figure("Own calls", "The seller’s own wallet has called; it does not count."))
    found.append(Figure("Last bought", at=quality.last_called_at))
    found.append(Figure("Last seen to work", at=quality.last_verified_at))
    return found


def seller_figures(sold: Sequence[Good]) -> list[Figure]:
    """How a seller's listings do together."""
    called = [good.quality.last_called_at for good in sold if good.quality.last_called_at]
    return [
        Figure("Calls", f"{sum(good.quality.calls_30d for good in sold):,}"),
        Figure("Services", f"{len(sold):,}"),
        Figure("Last bought", at=max(called, default=None)),
    ]


def _calls(quality: Quality) -> str:
    payers = quality.payers_30d
    return f"{quality.calls_30d:,} by {payers:,} buyer{'' if payers == 1 else 's'}"


def _success(quality: Quality) -> str:
    known = [
        f"{percent(share)} in {when}"
        for share, when in (
            (quality.success_24h, "24 h"),
            (quality.success_7d, "7 days"),
            (quality.success_30d, "30 days"),
        )
        if share is not None
    ]
    return ", ".join(dict.fromkeys(known)) or _UNKNOWN


def _latency(quality: Quality) -> str:
    for time_ms, when in (
        (quality.p50_ms_24h, "24 h"),
        (quality.p50_ms_7d, "7 days"),
        (quality.p50_ms_30d, "30 days"),
    ):
        if time_ms is not None:
            return f"{milliseconds(time_ms)} in {when}"
    return _UNKNOWN
