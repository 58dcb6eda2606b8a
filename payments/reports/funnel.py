"""From a quote to money, and where buyers were lost on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Sum

from payments.models import ChallengeDay, Money, Work
from payments.reports.looks import Look
from payments.reports.sums import Part, state_of
from payments.states import PAID


@dataclass(frozen=True, slots=True)
class Funnel:
    """How many came so far, and why the others did not."""

    quoted: int  # about
    paid: int
    answered: int
    settled: int
    at_work: int  # neither answered nor lost yet
    under_way: int  # answered, and the money is neither here nor lost yet
    unanswered: tuple[tuple[str, int], ...]  # why, how often
    uncollected: tuple[tuple[str, int], ...]


def funnel_of(quoted: int, rows: Iterable[Mapping[str, Any]]) -> Funnel:
    count: dict[str, int] = defaultdict(int)
    lost: dict[Part, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        state, n = state_of(row), row["n"]
        count["paid"] += n
        count["answered"] += n * (state.work == Work.ANSWERED)
        count["at_work"] += n * (state.work == Work.OPEN and state.money != Money.FAILED)
        count["settled"] += n * (state.money in PAID and state.work == Work.ANSWERED)
        count["under_way"] += n * (
            state.work == Work.ANSWERED and state.money in (Money.NONE, Money.BROADCAST)
        )
        if row["cause"]:
            ended = Part.UNCOLLECTED if state.work == Work.ANSWERED else Part.NOT_CHARGED
            lost[ended][row["cause"]] += n
    return Funnel(
        quoted=quoted,
        paid=count["paid"],
        answered=count["answered"],
        settled=count["settled"],
        at_work=count["at_work"],
        under_way=count["under_way"],
        unanswered=_worst_first(lost[Part.NOT_CHARGED]),
        uncollected=_worst_first(lost[Part.UNCOLLECTED]),
    )


def _worst_first(causes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(causes.items(), key=lambda each: (-each[1], each[0])))


def times_quoted(look: Look, listings: Collection[UUID]) -> int:
    """About how often the seller's listings were quoted; a quote names every network at once."""
    counts = ChallengeDay.objects.filter(  # no seller stands in these rows
        listing_id__in=[each for each in listings if look.listing_id in (None, each)],
        day__range=(look.span.first, look.span.last),
    )
    return int(counts.aggregate(n=Sum("challenges"))["n"] or 0)
