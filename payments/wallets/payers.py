"""Whose payments somebody may see: those of the wallets they proved to be theirs.

Accounts are kept further up: the setting LINKED_WALLETS names who knows an account's wallets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from payments.lookup import Held
from payments.models import Payment
from payments.wiring.site import linked_wallets


@dataclass(frozen=True, slots=True)
class Payer:
    """One wallet; a contract counts on its own network only, where its address is surely its."""

    address: str
    network: str = ""
    pays_only: bool = False  # it opens no account

    def counts_on(self, network: str) -> bool:
        return self.network in ("", network)

    def made(self, payment: Payment | Held) -> bool:
        return payment.payer == self.address and self.counts_on(payment.network)


# Wallets as rows of a statement; `rows_of` has the values.
WALLETS: Final = "unnest(%(addresses)s::text[], %(homes)s::text[]) as wallet(address, home)"


def paid_by_wallet(table: str) -> str:
    """What `Payer.made` says, of a row of this table and a row of `WALLETS`."""
    is_at_home = f"(wallet.home = '' or {table}.network = wallet.home)"
    return f"{table}.payer = wallet.address and {is_at_home}"


def rows_of(payers: Sequence[Payer]) -> dict[str, Any]:
    return {
        "addresses": [each.address for each in payers],
        "homes": [each.network for each in payers],
    }


def payers_of(user: Any) -> tuple[Payer, ...]:
    """The wallets of whoever is signed in; nobody's for a visitor."""
    return payers_of_account(user.pk)


def payers_of_account(user_id: int | None) -> tuple[Payer, ...]:
    """The wallets that are linked to an account, the first linked first."""
    return () if user_id is None else tuple(Payer(*row) for row in linked_wallets(user_id))


def opening_wallets(user: Any) -> frozenset[str]:
    """Those of them that also open the account, where that is not the only way in."""
    found = frozenset(each.address for each in payers_of(user) if not each.pays_only)
    if not found:  # a visitor, too, who has no password to ask for
        return found
    return found if len(found) + user.has_usable_password() > 1 else frozenset()


def has_paid(user: Any, payment: Payment) -> bool:
    """Whether one of this person's wallets made the payment."""
    return any(payer.made(payment) for payer in payers_of(user))
