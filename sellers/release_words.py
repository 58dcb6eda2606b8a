"""When a listing's answer leaves, in words: to its seller, to buyers, and to programs.

Who gets an instant answer before the money moves, the claim alone decides
(`payments/acceptance/claiming.py`): a wallet that has paid here before, as far as the caps go. No
sentence here may promise it to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Release:
    """One way to let answers go, as each reader is told of it."""

    to_seller: str  # beside its name
    on_page: str
    handed_over: str
    charged: str
    to_agents: str
    if_it_fails: str


RELEASE_WORDS: Final[Mapping[str, Release]] = {
    "hold": Release(
        to_seller="the answer leaves once the money has moved. Nobody works for nothing.",
        on_page="Charged only for a good answer, which you get when the money has moved on chain.",
        handed_over="The answer is handed over once the money has moved on chain.",
        charged="when a complete, successful answer is in hand; it leaves once the money has moved",
        to_agents="the answer leaves when the money has moved",
        if_it_fails="A failed call costs nothing.",
    ),
    "instant": Release(
        to_seller=(
            "the answer leaves at once, for small prices and wallets that have paid here before;"
            " you bear a rare loss."
        ),
        on_page="Charged only for a good answer, which a buyer in good standing gets at once.",
        handed_over=(
            "The answer is handed over at once to a wallet that has paid here before; to others"
            " once the money has moved on chain."
        ),
        charged=(
            "when a complete, successful answer is in hand; it leaves at once to a wallet that has"
            " paid here before, to others once the money has moved"
        ),
        to_agents="the answer leaves at once to wallets that have paid here before",
        if_it_fails="A failed call costs nothing.",
    ),
    "upfront": Release(
        to_seller="the money moves first, then you are called. For costly work.",
        on_page="The money moves before the work begins. When no answer comes, a refund is due.",
        handed_over="The money moves first; only then is the seller called.",
        charged="before the seller is called; without a good answer a refund is due, and shown",
        to_agents="the money moves first; a refund is due when no answer comes",
        if_it_fails="The money moves before the answer; if no answer comes, a refund is due.",
    ),
}
