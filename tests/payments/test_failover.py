"""Another facilitator is asked only while it is certain that none before it did anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.facilitators.failover import PAUSES_SECONDS, choose
from payments.facilitators.submissions import Asked, Outcome

BOTH = ["first", "second"]
PATIENCE = 95.0
LONG_AGO = 1_000.0


def asked(
    facilitator: str,
    outcome: Outcome,
    *,
    number: int = 1,
    answered: bool = True,
    age: float = LONG_AGO,
) -> Asked:
    return Asked(number, facilitator, outcome, answered, age, None)


def chosen(*before: Asked, usable: list[str] = BOTH, known: list[str] = BOTH) -> str | None:
    return choose(before, usable, known, patience_seconds=PATIENCE).facilitator


def test_the_first_usable_one_is_asked_first() -> None:
    assert chosen() == "first"
    assert chosen(usable=["second"]) == "second"
    assert chosen(usable=[]) is None


def test_who_did_nothing_for_certain_is_passed_over() -> None:
    assert chosen(asked("first", Outcome.UNSENT, age=0.1)) == "second"


def test_who_was_not_asked_yet_comes_first_also_when_it_was_away_for_a_while() -> None:
    assert chosen(asked("first", Outcome.UNSENT)) == "second"
    assert chosen(asked("first", Outcome.UNSENT), usable=["first"]) == "first"


def test_who_did_nothing_is_tried_again_after_a_pause() -> None:
    both = [asked("first", Outcome.UNSENT, age=0.2), asked("second", Outcome.UNSENT, age=0.1)]
    assert chosen(*both) is None
    assert chosen(*(asked(each.facilitator, each.outcome) for each in both)) == "first"


@pytest.mark.parametrize("outcome", [each for each in Outcome if each != Outcome.UNSENT])
def test_who_may_have_acted_is_the_only_one_asked_again(outcome: Outcome) -> None:
    assert chosen(asked("first", outcome), usable=["second"]) == "first"
    assert chosen(asked("first", outcome, age=0.1)) is None


def test_nobody_is_asked_while_an_answer_may_come() -> None:
    waiting = asked("first", Outcome.UNKNOWN, answered=False, age=PATIENCE - 1)
    assert chosen(waiting) is None
    dead = asked("first", Outcome.UNKNOWN, answered=False, age=PATIENCE + 1)
    assert chosen(dead) == "first"


def test_who_was_taken_off_the_list_is_not_asked_and_nobody_else_is() -> None:
    assert chosen(asked("first", Outcome.UNKNOWN), usable=["second"], known=["second"]) is None


def test_who_did_nothing_once_more_stays_bound_by_what_it_may_have_done() -> None:
    before = [asked("first", Outcome.UNKNOWN), asked("first", Outcome.UNSENT, number=2)]
    assert chosen(*before, usable=["second"]) == "first"


def test_asking_again_slows_down() -> None:
    many = [asked("first", Outcome.PENDING, number=each) for each in range(1, 30)]
    last = asked("first", Outcome.PENDING, number=30, age=PAUSES_SECONDS[-1] - 0.5)
    assert chosen(*many, last) is None
    assert chosen(*many) == "first"


histories = st.lists(
    st.builds(
        Asked,
        number=st.integers(1, 99),
        facilitator=st.sampled_from(["first", "second", "third"]),
        outcome=st.sampled_from(list(Outcome)),
        is_answered=st.booleans(),
        age_seconds=st.floats(0, 300),
        transaction=st.none(),
    ),
    max_size=8,
)


@given(histories, st.permutations(["first", "second", "third"]), st.integers(0, 3))
def test_two_that_may_have_acted_are_never_made(
    before: list[Asked], order: list[str], usable: int
) -> None:
    """Whatever happened: once somebody may have acted, nobody else is named."""
    coming = choose(before, order[:usable], order, patience_seconds=PATIENCE)

    assert coming.look_seconds > 0
    may_have = [each.facilitator for each in before if each.may_have_acted]
    if coming.facilitator is not None and may_have:
        assert coming.facilitator == may_have[-1]
