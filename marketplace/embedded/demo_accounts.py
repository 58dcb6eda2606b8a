"""The demo's own keys, the same on every machine: for the embedded chain, worth nothing elsewhere.

Everybody can compute them. A signature made with them is valid on the public test network of the
same chain id too, so nothing of value may ever be sent to these addresses.
"""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from marketplace.agent.wallet import Wallet

_SEED = "Souk demo key, known to everybody, never send value to it: "


@dataclass(frozen=True, slots=True)
class DemoAccount:
    """Who plays a part in the demo, and the key they sign with."""

    role: str
    address: str
    private_key: str = field(repr=False)


@cache
def demo_account(role: str) -> DemoAccount:
    """The demo's account for this role, always the same one."""
    private_key = "0x" + sha256((_SEED + role).encode()).hexdigest()
    return DemoAccount(role, Wallet.of(private_key).address, private_key)


RELAYER = demo_account("relayer")  # pays the gas of settlements
FAUCET = demo_account("faucet")  # owns the demo dollar and mints it
BUYER = demo_account("buyer")  # the wallet that `buy` pays with
