"""What each side can do about a dispute from its page: one form, one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from payments.disputes import cases
from payments.disputes.cases import Denied, DisputeRefused
from payments.disputes.states import STILL_OPEN, allowed
from payments.models import Case, Dispute, Side
from payments.refunds.naming import name

SAY, REFUND = "say", "refund"


@dataclass(frozen=True, slots=True)
class Act:
    """A move that a side can ask for."""

    after: Case
    needs_words: bool
    done: str


_MOVES: Mapping[tuple[Side, str], Act] = MappingProxyType(
    {
        (Side.PAYER, "withdraw"): Act(Case.WITHDRAWN, False, "The dispute is withdrawn."),
        (Side.SELLER, "agree"): Act(Case.DUE, False, "Promised. Send the refund before the day."),
        (Side.SELLER, "contest"): Act(Case.REVIEW, True, "Your answer is with the marketplace."),
        (Side.ADMIN, "order"): Act(Case.ORDERED, True, "The refund is ordered."),
        (Side.ADMIN, "reject"): Act(Case.REJECTED, True, "The dispute is closed."),
    }
)
_PAST: Final = "somebody was quicker: this is how it stands now"


class NoSuchAct(Exception):
    """Nobody on this side can do that."""


def possible(dispute: Dispute, by: Side) -> set[str]:
    """What this side can do now."""
    before = Case(dispute.state)
    found = {
        name
        for (side, name), act in _MOVES.items()
        if side == by and allowed(before, act.after, by)
    }
    if before in STILL_OPEN:
        found.add(SAY)
    if by != Side.ADMIN and before != Case.REFUNDED:
        found.add(REFUND)
    return found


def act(dispute: Dispute, by: Side, what: str, posted: Mapping[str, str]) -> str:
    """Do it, and say what was done; DisputeRefused says what has to be different."""
    text = words_of(dispute, by, what, posted)
    if what == REFUND:
        name(dispute, posted.get("transaction", ""), by)
        return "The transaction is noted; the chain is asked about it."
    found = _MOVES.get((by, what))
    if found is None:
        _insist(cases.say(dispute, by, text))
        return "Your words are added."
    _insist(cases.move(dispute, found.after, by, text))
    return found.done


def words_of(dispute: Dispute, by: Side, what: str, posted: Mapping[str, str]) -> str:
    """The words of a step that can be taken now; refused as the step itself would be."""
    if what not in (SAY, REFUND) and (by, what) not in _MOVES:
        raise NoSuchAct
    if posted.get("version") != str(dispute.version) or what not in possible(dispute, by):
        raise DisputeRefused(Denied.POLICY, _PAST)
    text = cases.cleaned(posted.get("text", ""))
    found = _MOVES.get((by, what))
    if not text and what != REFUND and (found is None or found.needs_words):
        raise DisputeRefused(Denied.POLICY, "say why, in a few words: the other side reads them")
    return text


def _insist(moved: bool) -> None:
    if not moved:
        raise DisputeRefused(Denied.POLICY, _PAST)
