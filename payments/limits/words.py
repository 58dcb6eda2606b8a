"""A note that a sum came near its limit, or refused a call, in the words that its owner reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from payments.limits.owners import DECIMALS, GROUP, Sum, group_holder
from payments.limits.sums import Standing
from payments.models import Limit, LimitAlert, LimitGroup
from payments.models.limits import THRESHOLDS


def is_refusal(row: LimitAlert) -> bool:
    """Whether a sum had no room for a call: noted as at its end, with something left."""
    return row.percent == THRESHOLDS[-1] and row.used_dollars < row.limit_dollars


@dataclass(frozen=True, slots=True)
class Alert:
    """One note with the names that its owner gave."""

    row: LimitAlert
    name: str
    group: LimitGroup | None

    @property
    def sum(self) -> Sum:
        row = self.row
        return Sum(row.holder, DECIMALS, row.sum, row.subject, row.starts_at)

    @property
    def left(self) -> Decimal:
        left: Decimal = self.row.limit_dollars - self.row.used_dollars
        return max(left, Decimal(0))

    @property
    def is_refusal(self) -> bool:
        """Whether it is about a call for which too little was left."""
        return is_refusal(self.row)

    @property
    def is_used_up(self) -> bool:
        return self.row.percent == THRESHOLDS[-1] and not self.is_refusal

    @property
    def weight(self) -> tuple[bool, int]:
        """The greater, the sooner its owner should read it."""
        return self.is_used_up, self.row.percent

    @property
    def percent(self) -> int:
        """How much of the limit was used."""
        return Standing(self.sum, self.row.limit_dollars, self.row.used_dollars).percent

    @property
    def headline(self) -> str:
        """In a few words, without names: a subject is read over shoulders."""
        if self.is_refusal:
            return "A call was refused"
        return "A limit is used up" if self.is_used_up else f"A limit is at {self.row.percent} %"

    @property
    def text(self) -> str:
        """In a sentence, for a page and for a letter."""
        row = self.row
        who = self.name or (f"wallet {row.holder[:6]}…{row.holder[-4:]}")
        used, most = (f"{each.normalize():f}" for each in (row.used_dollars, row.limit_dollars))
        its = f"its limit {_WHAT[row.sum]}{row.subject}"
        if self.is_refusal:
            return (
                f"{who} was refused a call that costs more than is left of {its}:"
                f" ${used} of ${most} is used."
            )
        share = "up" if self.is_used_up else f"{row.percent} % of"
        return f"{who} has used {share} {its}: ${used} of ${most}."


_WHAT = {
    "hour_max": "for an hour",
    "day_max": "for a day",
    "seller_day_max": "for a day at ",
    "listing_day_max": "for a day for ",
}


def named(rows: Sequence[LimitAlert]) -> list[Alert]:
    """These notes with the names of their wallets and groups."""
    if not rows:
        return []
    holders = {each.holder for each in rows}
    ids = [UUID(each.removeprefix(GROUP)) for each in holders if each.startswith(GROUP)]
    groups = {group_holder(each.pk): each for each in LimitGroup.objects.filter(pk__in=ids)}
    names = dict(Limit.objects.filter(pk__in=holders).values_list("pk", "name"))
    return [
        Alert(row, group.name if group else names.get(row.holder, ""), group)
        for row in rows
        for group in (groups.get(row.holder),)
    ]
