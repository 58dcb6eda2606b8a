"""The two facts of a payment, the moves they allow, and their words for every screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from payments.models import Money, Work

MONEY_MOVES: Mapping[Money, frozenset[Money]] = {
    Money.NONE: frozenset({Money.BROADCAST, Money.SETTLED, Money.FAILED}),
    Money.BROADCAST: frozenset({Money.BROADCAST, Money.SETTLED, Money.FAILED}),
    Money.SETTLED: frozenset({Money.CONFIRMED, Money.BROADCAST, Money.NONE}),
    Money.CONFIRMED: frozenset({Money.BROADCAST, Money.NONE}),
    Money.FAILED: frozenset(),
}
WORK_MOVES: Mapping[Work, frozenset[Work]] = {
    Work.OPEN: frozenset({Work.ANSWERED, Work.VOID}),
    Work.VOID: frozenset({Work.OPEN}),
    Work.ANSWERED: frozenset(),
}
PAID = frozenset({Money.SETTLED, Money.CONFIRMED})


@dataclass(frozen=True, slots=True)
class State:
    work: Work
    money: Money


STATES: Final = tuple(State(work, money) for work in Work for money in Money)


def allowed(before: State, after: State, *, upfront: bool = False) -> bool:
    """Whether a payment may go from one pair of facts to another: one fact moves, or none."""
    if before.work != after.work:
        if after.money != before.money or after.work not in WORK_MOVES[before.work]:
            return False
        if after.work == Work.OPEN:
            return before.money == Money.NONE  # what the chain has decided is not tried again
        return not (after.work == Work.VOID and before.money == Money.BROADCAST)
    if before == after and before.money in PAID:  # paid upfront: the work is taken up again
        return upfront and before.work == Work.OPEN
    if after.money not in MONEY_MOVES[before.money]:
        return False
    if before.work == Work.VOID:
        return after.money != Money.BROADCAST  # its owner may spend it; we never send it
    return before.work == Work.ANSWERED or upfront


def is_to_take_up(state: State, lease_left_seconds: float, *, upfront: bool) -> bool:
    """Whether work is being paid for upfront, and the process that was to do it is gone."""
    is_unfinished = state.work == Work.OPEN and state.money in PAID | {Money.BROADCAST}
    return upfront and is_unfinished and lease_left_seconds <= 0


def may_be_cut(state: State, lease_left_seconds: float, *, upfront: bool) -> bool:
    """Whether of an answer that was paid for only the beginning may have come, and no more does."""
    is_left = is_to_take_up(state, lease_left_seconds, upfront=upfront)
    return upfront and state.money in PAID and (is_left or state.work == Work.VOID)


def is_released(state: State, *, on_trust: bool) -> bool:
    """Whether the stored answer may leave: it is paid, or its payer is trusted with it."""
    if state.work != Work.ANSWERED or state.money == Money.FAILED:
        return False
    return on_trust or state.money in PAID


@dataclass(frozen=True, slots=True)
class Standing:
    """A payment's row as it was read: the ground on which a move is made."""

    payment_id: UUID
    version: int
    state: State
    upfront: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """How one pair of facts is said on every screen."""

    key: str
    text: str
    icon: str
    tone: str


class Back(Enum):
    """How much of a payment was given back, for good."""

    NONE = "none"
    PART = "part"
    WHOLE = "whole"

    @classmethod
    def of(cls, refunded_atomic: int, amount_atomic: int) -> Back:
        if refunded_atomic <= 0:
            return cls.NONE
        return cls.WHOLE if refunded_atomic >= amount_atomic else cls.PART


# Its money moves or has moved before the work, and whoever was to do that is gone.
SEND_AGAIN = Words("send_again", "waiting to be sent again", "!", "waiting")
REFUND_WORDS = {
    Back.PART: Words("partly_refunded", "partly refunded", "↩", "quiet"),
    Back.WHOLE: Words("refunded", "refunded", "↩", "quiet"),
}


def words(state: State, back: Back = Back.NONE) -> Words:
    if back != Back.NONE and state.money in PAID:
        return REFUND_WORDS[back]
    if state.money in PAID and state.work != Work.ANSWERED:
        if state.work == Work.VOID:
            return Words("paid_unanswered", "paid without an answer", "!", "bad")
        return Words("at_seller", "at the seller", "…", "waiting")
    if state.money == Money.CONFIRMED:
        return Words("final", "final", "✓", "good")
    if state.money == Money.SETTLED:
        return Words("paid", "paid", "✓", "good")
    if state.money == Money.FAILED:
        if state.work == Work.ANSWERED:
            return Words("uncollected", "could not be collected", "✗", "bad")
        return Words("not_charged", "not charged", "–", "quiet")
    if state.money == Money.BROADCAST:
        return Words("settling", "settling", "…", "waiting")
    return {
        Work.OPEN: Words("at_seller", "at the seller", "…", "waiting"),
        Work.ANSWERED: Words("ready", "answer ready, settling", "…", "waiting"),
        Work.VOID: Words("not_charged", "not charged", "–", "quiet"),
    }[state.work]


# As filters offer them: every key with its text.
STATE_TEXTS: Final = {said.key: said.text for said in map(words, STATES)} | {
    said.key: said.text for said in REFUND_WORDS.values()
}


def states_of(key: str) -> list[State]:
    """Those that one word stands for."""
    return [each for each in STATES if words(each).key == key]
