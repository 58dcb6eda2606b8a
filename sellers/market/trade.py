"""What a listing's trade comes to on chain: money by token, and its newest payments.

`sellers.market.figures` has it counted with the other figures; here it is kept, and read for pages
and programs. Nothing is said of who paid but what the chain says of the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from payments.reports.turnover import Days, Newest, Paid, Token
from sellers.models.catalog import CatalogTrade

DEFINITIONS: Final = {
    "volume": "What settled calls moved, by token and in its smallest units: the calls that the"
    " figures of 24 hours, 7 and 30 days count, no others. Where one payer made more than 10 a day,"
    " 10 count: the newest ones in 24 hours, and in 7 and 30 days at what that payer's calls of the"
    " day cost on average. What was given back is not taken off.",
    "latest_payments": "The newest settled payments of the last 30 days, among the newest 1,000"
    " calls, without those of the seller's own wallets and the operator's: when the money moved,"
    " how much, and the transaction that moved it. One transaction may carry several payments.",
}


@dataclass(frozen=True, slots=True)
class Volume:
    """What was moved in one token over three spans, in atomic units."""

    token: Token
    day_atomic: int
    week_atomic: int
    month_atomic: int


@dataclass(frozen=True, slots=True)
class Trade:
    """What is known of one listing's trade; the newest payment first."""

    volume: tuple[Volume, ...] = ()
    latest: tuple[Paid, ...] = ()


def counted(days: Mapping[Token, Days], newest: Newest) -> Trade:
    """Both counts as one: by token, in the same order every time."""
    tokens = sorted({*days, *newest.day_atomic})
    none = Days(0, 0)
    return Trade(tuple(_volume(each, days.get(each, none), newest) for each in tokens), newest.paid)


def _volume(token: Token, days: Days, newest: Newest) -> Volume:
    return Volume(token, newest.day_atomic.get(token, 0), days.week_atomic, days.month_atomic)


def trade_of(listing_id: UUID) -> Trade:
    """The trade of one listing, as it was counted last."""
    kept = CatalogTrade.objects.filter(pk=listing_id).first()
    if kept is None:
        return Trade()
    return Trade(tuple(map(_read_volume, kept.volume)), tuple(map(_read_paid, kept.latest)))


def keep(listing_id: UUID, found: Trade) -> bool:
    """Write it down where it is another one; says whether it is."""
    said = {"volume": _written(found.volume), "latest": _written(found.latest)}
    kept = CatalogTrade.objects.filter(pk=listing_id).first()
    before = (kept.volume, kept.latest) if kept else ([], [])
    if before == (said["volume"], said["latest"]):
        return False
    CatalogTrade.objects.update_or_create(listing_id=listing_id, defaults=said)
    return True


def _written(rows: Iterable[Volume | Paid]) -> list[dict[str, str]]:
    return [_volume_json(row) if isinstance(row, Volume) else _paid_json(row) for row in rows]


def _volume_json(row: Volume) -> dict[str, str]:
    return {
        "network": row.token.network, "asset": row.token.asset, "day": str(row.day_atomic),
        "week": str(row.week_atomic), "month": str(row.month_atomic),
    }  # fmt: skip


def _paid_json(row: Paid) -> dict[str, str]:
    return {
        "at": row.at.isoformat(), "network": row.token.network, "asset": row.token.asset,
        "amount": str(row.amount_atomic), "transaction": row.transaction,
    }  # fmt: skip


def _read_volume(said: Mapping[str, Any]) -> Volume:
    token = Token(said["network"], said["asset"])
    return Volume(token, int(said["day"]), int(said["week"]), int(said["month"]))


def _read_paid(said: Mapping[str, Any]) -> Paid:
    token = Token(said["network"], said["asset"])
    at = datetime.fromisoformat(said["at"])
    return Paid(at, token, int(said["amount"]), said["transaction"])
