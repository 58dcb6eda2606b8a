"""So many payments and so much money of one token, by where the money stands.

Money is exact: whole atomic units of one token on one network. Two tokens are never added up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from payments.amounts import Amount
from payments.models import Money, Work
from payments.reports.given_back import BackOf, GivenBack
from payments.states import PAID, State


class Part(StrEnum):
    """Where the money of a payment stands, for whoever is to get it."""

    CONFIRMED = "confirmed"  # deep enough on chain
    SETTLED = "settled"  # on chain, not deep enough
    UNDER_WAY = "under_way"  # earned, and not on chain yet
    REFUND_DUE = "refund_due"  # paid without an answer
    AT_SELLER = "at_seller"
    NOT_CHARGED = "not_charged"
    UNCOLLECTED = "uncollected"  # answered, and the money never came


# Where money came to a seller's wallet, or is on its way there.
PAYING_PARTS: Final = frozenset({Part.CONFIRMED, Part.SETTLED, Part.UNDER_WAY, Part.REFUND_DUE})


def part_of(state: State) -> Part:
    if state.money in PAID:
        if state.work == Work.VOID:
            return Part.REFUND_DUE
        return Part.CONFIRMED if state.money == Money.CONFIRMED else Part.SETTLED
    if state.money == Money.FAILED:
        return Part.UNCOLLECTED if state.work == Work.ANSWERED else Part.NOT_CHARGED
    if state.work == Work.ANSWERED or state.money == Money.BROADCAST:
        return Part.UNDER_WAY
    return Part.AT_SELLER if state.work == Work.OPEN else Part.NOT_CHARGED


@dataclass(slots=True)
class Sums:
    """So many payments and so much money of one token, by where the money stands."""

    network: str
    asset: str
    payments: dict[Part, int] = field(default_factory=lambda: defaultdict(int))
    atomic: dict[Part, int] = field(default_factory=lambda: defaultdict(int))
    back: GivenBack = field(default_factory=GivenBack)

    def add(self, state: State, payments: int, atomic: int) -> None:
        part = part_of(state)
        self.payments[part] += payments
        self.atomic[part] += atomic

    def is_in(self, of: BackOf) -> bool:
        """Whether these are sums of that token."""
        return (self.network, self.asset) == (of.network, of.asset)

    def amount(self, *parts: Part) -> Amount:
        return Amount.of(self.network, self.asset, sum(self.atomic.get(each, 0) for each in parts))

    def count(self, *parts: Part) -> int:
        return sum(self.payments.get(each, 0) for each in parts)

    @property
    def gross(self) -> Amount:
        """Earned: confirmed, or on its way."""
        return self.amount(Part.CONFIRMED, Part.SETTLED, Part.UNDER_WAY)

    @property
    def confirmed(self) -> Amount:
        return self.amount(Part.CONFIRMED)

    @property
    def pending(self) -> Amount:
        return self.amount(Part.SETTLED, Part.UNDER_WAY)

    @property
    def refund_due(self) -> Amount:
        """Of what was paid without an answer, what did not go back yet."""
        due = self.atomic.get(Part.REFUND_DUE, 0)
        left = max(0, due - self.back.unanswered_atomic)
        return Amount.of(self.network, self.asset, left)

    @property
    def refunded(self) -> Amount:
        return Amount.of(self.network, self.asset, self.back.atomic)

    @property
    def refunded_payments(self) -> int:
        return self.back.payments

    @property
    def uncollected(self) -> Amount:
        return self.amount(Part.UNCOLLECTED)

    @property
    def sales(self) -> int:
        return self.count(Part.CONFIRMED, Part.SETTLED, Part.UNDER_WAY)

    @property
    def refunds(self) -> int:
        """How many payments a refund is due for."""
        return max(0, self.count(Part.REFUND_DUE) - self.back.settled_up)


def state_of(row: Mapping[str, Any]) -> State:
    return State(Work(row["work"]), Money(row["money"]))
