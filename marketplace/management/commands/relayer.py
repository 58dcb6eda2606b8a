"""`manage.py relayer`: the keys that pay gas, beside the chain; never the keys themselves."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.management.manners import alone
from payments import audit_log, restored
from payments.chains import ChainUnavailable, RpcError
from payments.models import Relayer
from payments.restored import Standing
from payments.wiring.networks import networks, open_chain
from payments.wiring.pools import open_main_pool
from payments.x402.networks import NETWORKS


class Command(BaseCommand):
    help = "Show the relayers of every network, or let one go on after a restore."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        show = acts.add_parser("show", help="each key's address, its numbers here and on chain")
        adopt = acts.add_parser("adopt", help="after a restore: go on where the chain stands")
        adopt.add_argument("address")
        adopt.add_argument("--network", help="needed where one key serves several")
        adopt.add_argument("--dry-run", action="store_true", help="only say whether it could")
        for each in (show, adopt):
            each.add_argument("--json", action="store_true", help="answer in JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["act"] == "show":
                self._show(as_json=options["json"])
            else:
                with alone("relayer adopt"):
                    self._adopt(options)
        except (ChainUnavailable, RpcError, OSError) as error:
            raise CommandError(f"the chain did not answer: {error}", returncode=2) from None

    def _show(self, *, as_json: bool) -> None:
        known = [(row.network, row.address) for row in Relayer.objects.order_by("pk")]
        standings = asyncio.run(_look_at(known))
        if as_json:
            self.stdout.write(json.dumps([asdict(each) for each in standings], indent=2))
            return
        for each in standings:
            self.stdout.write(f"{NETWORKS[each.network].name}  {each.address}")
            self.stdout.write(
                f"  sent {each.next_nonce} by our count, {each.mined} mined, {each.pending} with"
                " those that wait"
            )
            if each.stopped_why:
                self.stdout.write(f"  stopped: {each.stopped_why}")

    def _adopt(self, options: dict[str, Any]) -> None:
        wanted = [
            (row.network, row.address)
            for row in Relayer.objects.filter(address__iexact=options["address"])
            if options["network"] in (None, row.network)
        ]
        if len(wanted) != 1:
            raise CommandError(
                f"{len(wanted)} relayers fit: `relayer show` names them; add --network if one key"
                " serves several."
            )
        standings = asyncio.run(_look_at(wanted))
        if not standings:
            raise CommandError(f"{wanted[0][0]} is not in CHAINS.", returncode=2)
        (standing,) = standings
        may = not standing.obstacle and not options["dry_run"]
        done = may and restored.adopt(standing, by=audit_log.command("relayer"))
        if standing.obstacle and not done:
            raise CommandError(f"{standing.address} cannot go on: {standing.obstacle}.")
        if options["json"]:
            said = {**asdict(standing), "sent_since": standing.sent_since, "adopted": done}
            self.stdout.write(json.dumps(said, indent=2))
            return
        verb = "goes on" if done else "could go on"
        self.stdout.write(
            f"{standing.address} {verb} with number {max(standing.mined, standing.next_nonce)};"
            f" {standing.sent_since} of its transactions are younger than the backup"
        )


async def _look_at(known: list[tuple[str, str]]) -> list[Standing]:
    pool = await open_main_pool()
    found = []
    try:
        for network, address in known:
            if network not in networks():
                continue
            chain = open_chain(network)
            try:
                standing = await restored.look_at(pool, chain, address)
            finally:
                await chain.close()
            found += [standing] if standing else []
    finally:
        await pool.close()
    return found
