"""What is used and what is left of each sum, for the owner's page and for the agent itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from payments.database.pool import Pool, rows
from payments.exposure.exposure import SPENT_KEY
from payments.limits.owners import DECIMALS, SUMS, Rules, Sum, Terms, group_holder, read_counter
from payments.models import Limit, LimitGroup
from payments.models.limits import THRESHOLDS

SHOWN_MAX = 200  # sellers and listings of one day, the dearest first
# The hours, the day, its sellers and its listings: all begin with the day.
_USED = """
    select key, used_atomic from payments_cap where key like %s
     order by used_atomic desc, key limit %s
"""
COUNTERS_MAX = 2 * SHOWN_MAX + 25


@dataclass(frozen=True, slots=True)
class Standing:
    """One sum: its limit, what of it is used, and when it begins anew."""

    sum: Sum
    most: Decimal
    used: Decimal

    @property
    def left(self) -> Decimal:
        return max(self.most - self.used, Decimal(0))

    @property
    def percent(self) -> int:
        return int(self.used * 100 / self.most) if self.most else 100

    @property
    def reached(self) -> int:
        """The highest threshold that the sum has come to; 0 while it is below them all."""
        return max((each for each in THRESHOLDS if self.percent >= each), default=0)


async def read_used(pool: Pool, rules: Rules, now: datetime) -> dict[str, int]:
    """What the counters of today hold, of a wallet and of its group."""
    found: dict[str, int] = {}
    for terms in rules.terms:
        asked = (_today(terms.holder, now), COUNTERS_MAX)
        found |= {key: int(used) for key, used in await rows(pool, _USED, asked)}
    return found


def used_by(holder: str, now: datetime) -> dict[str, int]:
    """The same for a page."""
    with connection.cursor() as cursor:
        cursor.execute(_USED, (_today(holder, now), COUNTERS_MAX))
        return {key: int(used) for key, used in cursor.fetchall()}


def standings(terms: Terms, used: Mapping[str, int], now: datetime) -> list[Standing]:
    """Every limited sum: of the hour, of the day, and of the sellers and listings of today."""
    sums = [_hour_and_day(terms.holder, now), _others(terms.holder, used)]
    return [
        Standing(each, most, Decimal(used.get(key, 0)).scaleb(-DECIMALS))
        for found in sums
        for key, each in found
        if (most := terms.most.get(each.name)) is not None
    ]


def terms_of(row: Limit | LimitGroup) -> Terms:
    """The terms that a row holds."""
    holder = group_holder(row.pk) if isinstance(row, LimitGroup) else row.pk
    most = {name: getattr(row, name) for name in ("call_max", *SUMS)}
    return Terms(holder, row.name, row.paused, most, tuple(row.allowed), tuple(row.blocked))


def _today(holder: str, now: datetime) -> str:
    return f"{SPENT_KEY}{holder}:{DECIMALS}:{now.astimezone(UTC):%Y%m%d}%"


def _hour_and_day(holder: str, now: datetime) -> Iterator[tuple[str, Sum]]:
    keys = Terms(holder).counters("", DECIMALS, now)
    for name in ("hour_max", "day_max"):
        yield keys[name], read_counter(keys[name])


def _others(holder: str, used: Mapping[str, int]) -> Sequence[tuple[str, Sum]]:
    start = f"{SPENT_KEY}{holder}:"
    found = [(key, read_counter(key)) for key in used if key.startswith(start)]
    return sorted(
        ((key, each) for key, each in found if each.subject and used[key]),
        key=lambda pair: (SUMS.index(pair[1].name), -used[pair[0]], pair[1].subject),
    )


def document(rules: Rules, used: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """What is told to an agent: its own sums, and its group's."""
    told = _document(rules.own, used, now)
    group = rules.group
    told["group"] = {"name": group.name, **_document(group, used, now)} if group else None
    return told


def _document(terms: Terms, used: Mapping[str, int], now: datetime) -> dict[str, Any]:
    known = standings(terms, used, now)
    return {
        "paused": terms.paused,
        "perCall": text(terms.most.get("call_max")),
        "perHour": next((_one(each) for each in known if each.sum.name == "hour_max"), None),
        "perDay": next((_one(each) for each in known if each.sum.name == "day_max"), None),
        "perSellerAndDay": _many(terms, known, "seller", now),
        "perListingAndDay": _many(terms, known, "listing", now),
        "allowed": list(terms.allowed),
        "blocked": list(terms.blocked),
    }


def _one(each: Standing) -> dict[str, str | None]:
    return {
        "limit": text(each.most),
        "used": text(each.used),
        "left": text(each.left),
        "resetsAt": f"{each.sum.ends_at:%Y-%m-%dT%H:%M:%SZ}",
    }


def _many(
    terms: Terms, known: Sequence[Standing], what: str, now: datetime
) -> dict[str, Any] | None:
    """What nothing was spent at yet has its whole limit left."""
    name = f"{what}_day_max"
    most = terms.most.get(name)
    if most is None:
        return None
    day = read_counter(terms.counters("", DECIMALS, now)["day_max"])
    spent = [each for each in known if each.sum.name == name][:SHOWN_MAX]
    return {
        "limit": text(most),
        "resetsAt": f"{day.ends_at:%Y-%m-%dT%H:%M:%SZ}",
        "spent": [{what: each.sum.subject, **_one(each)} for each in spent],
    }


def text(amount: Decimal | None) -> str | None:
    """Dollars as a program reads them: no exponent and no empty digits."""
    if amount is None:
        return None
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0')}".rstrip(".")
