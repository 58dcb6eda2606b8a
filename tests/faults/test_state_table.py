"""Every pair of states against the rules as they are written, and not as they are coded."""

from __future__ import annotations

import itertools

import pytest

from payments.models import Money, Work
from payments.states import State, allowed, words

WORK_RULES = """
    open → answered, void
    void → open
"""
MONEY_RULES = """
    none → broadcast, settled, failed
    broadcast → broadcast, settled, failed
    settled → confirmed, broadcast, none
    confirmed → broadcast, none
"""
STATES = [State(work, money) for work in Work for money in Money]


def moves(rules: str) -> set[tuple[str, str]]:
    lines = [line.strip().split(" → ") for line in rules.strip().splitlines()]
    return {(before, after) for before, afters in lines for after in afters.split(", ")}


def written(before: State, after: State, *, upfront: bool) -> bool:
    """The rules, one sentence each; a move changes one fact."""
    works = (before.work.value, after.work.value)
    moneys = (before.money.value, after.money.value)
    if works[0] != works[1]:
        if moneys[0] != moneys[1] or works not in moves(WORK_RULES):
            return False
        if works == ("void", "open"):  # the same payment tried again: nothing has moved yet
            return moneys[0] == "none"
        # What is broadcast must be answered in the end: a void is never sent.
        return works[1] != "void" or moneys[0] != "broadcast"
    if before == after and moneys[0] in ("settled", "confirmed"):
        # Paid upfront and dropped by a process that is gone: the work is taken up again.
        return upfront and works[0] == "open"
    if moneys not in moves(MONEY_RULES):
        return False
    # Money is at work for an answer, or, upfront, while the call is at the seller.
    at_work = works[0] == "answered" or (upfront and works[0] == "open")
    # A void is watched: its owner may spend it, or its window ends. It is never sent.
    return at_work or (works[0] == "void" and moneys[1] != "broadcast")


@pytest.mark.parametrize("upfront", [False, True], ids=["hold", "upfront"])
@pytest.mark.parametrize("before", STATES, ids=lambda state: f"{state.work}-{state.money}")
def test_exactly_the_written_moves_are_allowed(before: State, upfront: bool) -> None:
    for after in STATES:
        said = f"{before} → {after}"
        assert allowed(before, after, upfront=upfront) == written(before, after, upfront=upfront), (
            said
        )


def test_nothing_leaves_what_failed_or_takes_an_answer_back() -> None:
    for before, after in itertools.product(STATES, STATES):
        if before.money == Money.FAILED and after.money != Money.FAILED:
            assert not allowed(before, after)
        if before.work == Work.ANSWERED and after.work != Work.ANSWERED:
            assert not allowed(before, after)


def test_every_state_has_its_words() -> None:
    assert all(words(state).text for state in STATES)
    assert words(State(Work.VOID, Money.SETTLED)).text == "paid without an answer"
    assert words(State(Work.VOID, Money.CONFIRMED)).text == "paid without an answer"
