"""Money as a page shows it: dollars first, the token beside them, the exact units at hand."""

from __future__ import annotations

from dataclasses import dataclass

from payments.amounts import Amount, grouped
from payments.x402.networks import NETWORKS

MINUS = "−"


@dataclass(frozen=True, slots=True)
class Figure:
    """The spellings of one amount, ready to be placed."""

    dollars: str
    token: str
    units: str
    network: str
    testnet: bool


def figure_of(amount: Amount) -> Figure:
    """Spell an amount; of a token nobody knows, only the units can be said."""
    network = NETWORKS.get(amount.network)
    sign = MINUS if amount.atomic < 0 else ""
    size = abs(amount)
    return Figure(
        dollars=sign + grouped(size.dollars) if size.dollars else "",
        token=sign + grouped(size.text),
        units=f"{amount.atomic} base units of {amount.asset}",
        network=network.name if network else amount.network,
        testnet=bool(network and network.testnet),
    )
