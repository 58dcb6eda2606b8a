"""Whom to ask for a payment: the next facilitator, the same one again, or nobody for now.

Another one is asked only while it is certain that none has submitted anything. From the first
asking that may have led to a transaction on, only that facilitator is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from payments.facilitators.submissions import Asked, Outcome

PAUSES_SECONDS = (1.0, 2.0, 4.0, 8.0, 15.0)  # before the same one is asked again
BELIEVED_STEPS = 2  # who says it is done is asked again later: our node may lag
LOOK_SECONDS_MAX = 5.0  # how long the chain is not looked at for a payment under way


@dataclass(frozen=True, slots=True)
class Next:
    """Whom to ask now, or nobody, and when to look at the payment again."""

    facilitator: str | None
    look_seconds: float


def choose(
    asked: Sequence[Asked], usable: Sequence[str], known: Sequence[str], *, patience_seconds: float
) -> Next:
    """Who is asked next for a payment, if anybody.

    `usable` is in the order in which they are tried; `patience_seconds` is how long an asking
    without a noted answer may still be under way, here or in another process.
    """
    if asked and not asked[-1].is_answered and asked[-1].age_seconds < patience_seconds:
        return Next(None, patience_seconds - asked[-1].age_seconds)
    bound = next((each for each in reversed(asked) if each.may_have_acted), None)
    if bound is None:
        return _first_free(asked, usable)
    if bound.facilitator not in known:
        return Next(None, LOOK_SECONDS_MAX)  # taken off the list: the chain alone will tell
    left = _pause(len(asked), asked[-1].outcome) - asked[-1].age_seconds
    return Next(None, left) if left > 0 else Next(bound.facilitator, LOOK_SECONDS_MAX)


def _first_free(asked: Sequence[Asked], usable: Sequence[str]) -> Next:
    """The first that is not known to be unable to take this payment just now.

    Whoever was asked least comes first: one that is back may take what the others turned away.
    """
    turns_of = {name: [each for each in asked if each.facilitator == name] for name in usable}
    soonest = PAUSES_SECONDS[0]
    for name, turns in sorted(turns_of.items(), key=lambda each: len(each[1])):
        left = _pause(len(turns), Outcome.UNSENT) - turns[-1].age_seconds if turns else 0
        if left <= 0:
            return Next(name, LOOK_SECONDS_MAX)
        soonest = min(soonest, left)
    return Next(None, soonest)


def _pause(times: int, outcome: Outcome) -> float:
    step = times - 1 + (BELIEVED_STEPS if outcome == Outcome.SETTLED else 0)
    return PAUSES_SECONDS[min(step, len(PAUSES_SECONDS) - 1)]
