"""Where a dispute may stand, who may move it where, and the words for it on every screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from payments.models import Case, Side
from payments.states import Words

_NOBODY: Final[frozenset[Side]] = frozenset()

# From each state to the others: by whom.
MOVES: Mapping[Case, Mapping[Case, frozenset[Side]]] = {
    Case.OPEN: {
        Case.DUE: frozenset({Side.SELLER}),
        Case.REVIEW: frozenset({Side.SELLER, Side.CLOCK}),
        Case.REFUNDED: frozenset({Side.CHAIN}),
        Case.REJECTED: frozenset({Side.ADMIN}),
        Case.WITHDRAWN: frozenset({Side.PAYER, Side.CHAIN}),
    },
    Case.DUE: {
        Case.REVIEW: frozenset({Side.SELLER, Side.CLOCK}),
        Case.REFUNDED: frozenset({Side.CHAIN}),
        Case.REJECTED: frozenset({Side.ADMIN}),
        Case.WITHDRAWN: frozenset({Side.PAYER, Side.CHAIN}),
    },
    Case.REVIEW: {
        Case.ORDERED: frozenset({Side.ADMIN}),
        Case.REFUNDED: frozenset({Side.CHAIN}),
        Case.REJECTED: frozenset({Side.ADMIN}),
        Case.WITHDRAWN: frozenset({Side.PAYER, Side.CHAIN}),
    },
    Case.ORDERED: {
        Case.REFUNDED: frozenset({Side.CHAIN}),
        Case.REJECTED: frozenset({Side.ADMIN}),
        Case.WITHDRAWN: frozenset({Side.PAYER, Side.CHAIN}),
        Case.UNPAID: frozenset({Side.CLOCK}),
    },
    Case.REFUNDED: {  # a reorg took the refund back
        Case.DUE: frozenset({Side.CHAIN}),
        Case.ORDERED: frozenset({Side.CHAIN}),
    },
    Case.UNPAID: {Case.REFUNDED: frozenset({Side.CHAIN})},  # late, but paid
    Case.REJECTED: {},
    Case.WITHDRAWN: {},
}
STILL_OPEN: Final = (Case.OPEN, Case.DUE, Case.REVIEW, Case.ORDERED)
OWED: Final = (Case.DUE, Case.ORDERED)
_WORDS: Mapping[Case, Words] = MappingProxyType(
    {
        Case.OPEN: Words("open", "waiting for the seller", "…", "waiting"),
        Case.DUE: Words("due", "refund due", "!", "bad"),
        Case.REVIEW: Words("review", "with the marketplace", "…", "waiting"),
        Case.ORDERED: Words("ordered", "refund ordered", "!", "bad"),
        Case.REFUNDED: Words("refunded", "refunded", "✓", "good"),
        Case.REJECTED: Words("rejected", "closed without a refund", "–", "quiet"),
        Case.WITHDRAWN: Words("withdrawn", "withdrawn", "–", "quiet"),
        Case.UNPAID: Words("unpaid", "refund not paid", "✗", "bad"),
    }
)


def words(state: Case) -> Words:
    """How a case's state is said on every screen."""
    return _WORDS[state]


def allowed(before: Case, after: Case, by: Side) -> bool:
    """Whether this side may take a case from one state to the other."""
    return by in MOVES[before].get(after, _NOBODY)
