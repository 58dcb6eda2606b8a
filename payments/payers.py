"""Whose payments somebody may see: those of the wallets they proved to be theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from payments.models import Payment


@dataclass(frozen=True, slots=True)
class Payer:
    """One wallet; a contract counts on its own network only, where its address is surely its."""

    address: str
    network: str = ""

    def made(self, payment: Payment) -> bool:
        return payment.payer == self.address and self.network in ("", payment.network)


def payers_of(user: Any) -> tuple[Payer, ...]:
    """The wallets of whoever is signed in; nobody's for a visitor."""
    linked = getattr(user, "wallets", None)  # of whoever keeps accounts here
    if linked is None:
        return ()
    rows = linked.order_by("linked_at", "pk").values_list("address", "network")
    return tuple(Payer(address, network) for address, network in rows)


def has_paid(user: Any, payment: Payment) -> bool:
    """Whether one of this person's wallets made the payment."""
    return any(payer.made(payment) for payer in payers_of(user))
