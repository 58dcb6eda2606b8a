"""Whether a network can take new payments, as its settler last saw it.

The door reads one row; what it cannot know from there (is anybody settling at all?) it knows
from the row's age.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from payments import relayer
from payments.chains import Block
from payments.desk import Desk
from payments.pool import Pool, one, rows

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
BALANCE_SECONDS = 3.0
FOREIGN_LOOKS = 3  # so many looks in a row must agree before we believe it


@dataclass(slots=True)
class _Suspicion:
    """A transaction number of ours that the chain has used, and no transaction of ours has."""

    number: int
    since: int  # the head at the first look
    looks: int = 0


class HealthBook:
    """Writes a network's row at most once a second, and asks for gas money now and then."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._written_at = self._balance_at = -BALANCE_SECONDS
        self._refusing = ""
        self._foreign: dict[str, _Suspicion] = {}

    async def write(self, head: Block) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._balance_at >= BALANCE_SECONDS:
            self._refusing = await self._why_refuse(head)
            self._balance_at = now
        if now - self._written_at < WRITE_SECONDS:
            return
        self._written_at = now
        await rows(
            self._desk.pool,
            """
            insert into payments_chainhealth
                (network, head_number, head_hash, head_time, seen_at, refusing_why)
            values (%s, %s, %s, to_timestamp(%s), clock_timestamp(), %s)
            on conflict (network) do update set head_number = excluded.head_number,
                head_hash = excluded.head_hash, head_time = excluded.head_time,
                seen_at = excluded.seen_at, refusing_why = excluded.refusing_why
            returning 1
            """,
            (self._desk.terms.network, head.number, head.hash, head.timestamp, self._refusing),
        )

    async def _why_refuse(self, head: Block) -> str:
        """Gas money, gas price, and keys that somebody else uses as well."""
        desk = self._desk
        if head.base_fee_wei > desk.terms.fee_cap_wei:
            return "the chain's gas price is above the operator's cap"
        addresses = desk.keyring.addresses
        reasons = [await self._relayer_trouble(address, head) for address in addresses]
        if not reasons:
            return "no relayer key is configured"
        return "" if "" in reasons else reasons[0]

    async def _relayer_trouble(self, address: str, head: Block) -> str:
        desk = self._desk
        balance = await desk.chain.balance(address)
        mined = await desk.chain.nonce(address, "latest")
        row = await one(
            desk.pool,
            """
            update payments_relayer r set balance_wei = %s, balance_at = clock_timestamp()
             where network = %s and address = %s
            returning stopped_why, coalesce(
                (select min(b.nonce) from payments_broadcast b
                  where b.relayer_id = r.id and b.final_at is null and b.mined_block is null
                    and not exists (
                      select from payments_broadcast m where m.relayer_id = r.id
                         and m.nonce = b.nonce and m.mined_block is not null)),
                r.next_nonce)
            """,
            (balance, desk.terms.network, address),
        )
        assert row is not None, "a relayer is enlisted before it is looked at"
        stopped_why, unmined = row
        if mined > unmined and not await self._is_ours(address, unmined):
            await self._foreign_use(address, unmined, head)
        else:
            self._foreign.pop(address, None)
        if stopped_why:
            return f"relayer stopped: {stopped_why}"
        if balance < desk.terms.relayer_low_wei:
            log.error("%s: relayer %s is low on gas: %s wei", desk.terms.network, address, balance)
            return "the relayer is low on gas"
        return ""

    async def _is_ours(self, address: str, number: int) -> bool:
        """A node that has a receipt of ours under this number only keeps us from trusting it."""
        found = await rows(
            self._desk.pool,
            "select b.transaction from payments_broadcast b"
            " join payments_relayer r on r.id = b.relayer_id"
            " where r.network = %s and r.address = %s and b.nonce = %s",
            (self._desk.terms.network, address, number),
        )
        return any(await self._desk.chain.receipts([row[0] for row in found]))

    async def _foreign_use(self, address: str, unmined: int, head: Block) -> None:
        """Somebody else signs with this key: stop signing, and say so loudly.

        A transaction of ours that was mined a moment ago looks the same until we have seen
        its receipt; hence more than one look.
        """
        seen = self._foreign.get(address)
        if seen is None or seen.number != unmined:
            seen = self._foreign[address] = _Suspicion(unmined, head.number)
        seen.looks += 1
        desk = self._desk
        if seen.looks == FOREIGN_LOOKS:
            why = f"number {unmined} of this key was used by a transaction that is not ours"
            log.critical("%s: relayer %s: %s", desk.terms.network, address, why)
            await relayer.stop_signing(desk.pool, desk.terms.network, address, why)
        if seen.looks >= FOREIGN_LOOKS and head.number >= seen.since + desk.terms.confirmations:
            await relayer.bury(desk.pool, desk.terms.network, address, unmined)


@dataclass(frozen=True, slots=True)
class Health:
    """What the door needs to know of a network before it takes a payment."""

    head_number: int
    head_time_unix: int
    refusing_why: str


async def read_health(pool: Pool, *, stale_seconds: float) -> dict[str, Health]:
    """Every network that somebody settles. A row grown old means that nobody does."""
    found = await rows(
        pool,
        """
        select network, head_number, extract(epoch from head_time)::bigint,
               case when seen_at < clock_timestamp() - make_interval(secs => %(stale)s)
                    then 'nobody settles this network at the moment'
                    when head_time < clock_timestamp() - make_interval(secs => %(stale)s)
                    then 'the chain has not moved for a while'
                    else refusing_why end
          from payments_chainhealth
        """,
        {"stale": stale_seconds},
    )
    return {network: Health(*rest) for network, *rest in found}
