"""The ledger against the chain; difference 0 is the only green."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.manners import alone
from payments import audit_log
from payments.auditing import audits
from payments.auditing.reconcile import Result, reconcile
from payments.auditing.remedies import look_again
from payments.chains import ChainUnavailable
from payments.database.pool import Pool
from payments.wiring.networks import (
    auditing_rpc,
    confirmations,
    known_assets,
    networks,
    settles_by_facilitator,
)
from payments.wiring.pools import open_main_pool
from payments.x402.networks import NETWORKS


class Command(BaseCommand):
    help = (
        "Read the chain anew and compare it with the ledger, payment by payment."
        " Exit code 0: no difference. 1: differences. 2: the question could not be asked."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--network", help="one network only, such as eip155:8453")
        parser.add_argument("--from", type=int, dest="from_block", help="first block to read")
        parser.add_argument("--to", type=int, dest="to_block", help="last block to read")
        parser.add_argument("--json", action="store_true", help="machine-readable output")
        parser.add_argument(
            "--fix",
            action="store_true",
            help="have the settler look at every payment that differs again, and write down"
            " payments that were lost with a database; writes no ledger line",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        asked = [options["network"]] if options["network"] else networks()
        if unknown := set(asked) - set(networks()):
            raise CommandError(f"{unknown.pop()} is not in CHAINS.", returncode=2)
        with alone("reconcile"):
            results, silent = asyncio.run(_run(asked, options))
            for result in results if options["fix"] else ():
                look_again(result, by=audit_log.command("reconcile"))
        if options["json"]:
            self.stdout.write(json.dumps([result.to_json() for result in results], indent=2))
        else:
            for result in results:
                self._show(result)
        for reason in silent:
            self.stderr.write(reason)
        if any(result.differences for result in results):
            sys.exit(1)
        if silent:
            sys.exit(2)

    def _show(self, result: Result) -> None:
        asset = known_assets(result.network)[result.asset]
        unit = 10**asset.decimals
        self.stdout.write(
            f"{NETWORKS[result.network].name} {asset.symbol},"
            f" blocks {result.from_block} to {result.to_block}"
        )
        self.stdout.write(
            f"  {result.booked} payments booked, {result.booked_atomic / unit:f} {asset.symbol};"
            f" the chain moved {result.chain_atomic / unit:f} for them;"
            f" {result.on_their_way} more are on their way"
        )
        if result.lost:
            self.stdout.write(f"  {result.lost} lost with a database, and written down")
        for difference in result.differences:
            self.stdout.write(f"  {difference.kind}: {difference.payment}: {difference.why}")
        self.stdout.write(f"  difference {len(result.differences)}")
        if result.not_covered:
            self.stdout.write(f"  not looked for: {result.not_covered}")


async def _run(asked: list[str], options: dict[str, Any]) -> tuple[list[Result], list[str]]:
    """What each network came to, and why others could not be asked."""
    results: list[Result] = []
    silent: list[str] = []
    pool = await open_main_pool()
    try:
        for network in asked:
            try:
                results += [
                    await _asked(pool, network, asset, options)
                    for asset in await audits.tokens_of(pool, network)
                ]
            except (ChainUnavailable, OSError, TimeoutError) as error:
                silent.append(f"{NETWORKS[network].name}: the chain did not answer ({error})")
        if options["from_block"] is None and options["to_block"] is None:
            await audits.note(pool, results)  # a part of the chain says nothing of the rest
        return results, silent
    finally:
        await pool.close()


async def _asked(pool: Pool, network: str, asset: str, options: dict[str, Any]) -> Result:
    return await reconcile(
        pool,
        network=network,
        asset=asset,
        rpc_url=auditing_rpc(network),
        confirmations=confirmations(network) or 0,
        from_block=options["from_block"],
        to_block=options["to_block"],
        by_facilitators=settles_by_facilitator(network),
    )
