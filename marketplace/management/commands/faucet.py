"""Demo dollars for a wallet, on the demo chain and nowhere else."""

from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from marketplace.embedded.anvil import ChainError
from marketplace.embedded.chain import ONE_DOLLAR, fund
from marketplace.embedded.rpc import NodeRefusedError, NodeSilentError
from payments.x402.networks import ADDRESS, address_bytes, checksum

DOLLARS_MAX = Decimal(1_000_000)


class Command(BaseCommand):
    """Gives a wallet demo dollars."""

    help = "Give a wallet dollars of the demo chain."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", help="the wallet, 0x and 40 hexadecimal digits")
        parser.add_argument("--amount", default="10", help="in dollars (default: 10)")

    def handle(self, *_: Any, address: str, amount: str, **__: Any) -> None:
        if not settings.DEMO_CHAIN_RPC:
            raise CommandError(
                "There is no demo chain here, and real dollars come from no faucet. "
                "Start `python3 manage.py demo` first."
            )
        if not ADDRESS.fullmatch(address):
            raise CommandError(f"{address} is no address: 0x and 40 hexadecimal digits.")
        try:
            fund(settings.DEMO_CHAIN_RPC, address, read_atomic(amount), 0)
        except (ChainError, NodeSilentError, NodeRefusedError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{checksum(address_bytes(address))} got {amount} demo dollars.")


def read_atomic(amount: str) -> int:
    """Reads dollars and gives millionths; a faucet has no use for less or for fortunes."""
    try:
        dollars = Decimal(amount)
    except InvalidOperation as error:
        raise CommandError(f"{amount} is no amount of dollars; try 2.50.") from error
    atomic = dollars * ONE_DOLLAR
    if not dollars.is_finite() or not 0 < dollars <= DOLLARS_MAX or atomic != int(atomic):
        raise CommandError(
            f"{amount} is not between 0.000001 and {DOLLARS_MAX:,} dollars in whole millionths."
        )
    return int(atomic)
