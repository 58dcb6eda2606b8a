"""Numbers that our relayers used and no row knows, and what the chain has under them.

After a restore the rows know less than the chain: a relayer's count goes on where the chain
stands, and the numbers between were ours. Each is looked up on the chain, whoever was paid by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from web3 import AsyncWeb3
from web3.exceptions import Web3RPCError
from web3.types import RPCEndpoint

from payments.database.pool import Pool, rows

ASKED_AT_ONCE = 8

# A count behind the chain's, what `relayer adopt` went past, and a key that was given to the site
# between the backup and the restore: its row began anew where the chain stood.
_GAPS = """
    with mine as (
        select r.id, r.address, r.next_nonce, r.stopped_why, m.mined
          from payments_relayer r
          join unnest(%(addresses)s::text[], %(mined)s::bigint[]) m (address, mined)
            on m.address = lower(r.address)
         where r.network = %(network)s
    ), adopted as (
        select m.id, m.address, m.mined, (e.before->>'next_nonce')::bigint as first,
               (e.after->>'next_nonce')::bigint as beyond
          from mine m join payments_auditentry e on e.act = 'relayer.adopted'
           and e.subject = 'wallet:' || m.address
           and coalesce(e.after->>'network', %(network)s) = %(network)s
    ), gaps as (
        select id, address, next_nonce as first, mined as beyond from mine
         union all
        select id, address, first, least(beyond, mined) from adopted
         union all
        select m.id, m.address, 0, least(m.mined, coalesce(
                   (select min(b.nonce) from payments_broadcast b where b.relayer_id = m.id),
                   m.next_nonce))
          from mine m
         where m.stopped_why = '' and m.id not in (select id from adopted)
           and exists (select from payments_auditentry e
                        where e.act = 'database.restored'
                          and not exists (select from payments_broadcast b
                                           where b.relayer_id = m.id and b.created_at < e.at))
    )
    select address, first, beyond,
           (select b.mined_block from payments_broadcast b
             where b.relayer_id = g.id and b.nonce < g.first and b.mined_block is not null
             order by b.nonce desc limit 1),
           (select b.mined_block from payments_broadcast b
             where b.relayer_id = g.id and b.nonce >= g.beyond and b.mined_block is not null
             order by b.nonce limit 1)
      from gaps g where first < beyond order by address, first
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of one relayer in a row, all used on the chain and in no row of ours."""

    relayer: str
    first: int
    beyond: int  # the first number after them
    after_block: int  # they were used after this block
    to_block: int  # and not after this one

    def lies_within(self, start: int, end: int) -> bool:
        """Whether a comparison of these blocks has anything to do with it."""
        return self.after_block < end and self.to_block >= start


@dataclass(slots=True)
class Seen:
    """What was found under the numbers of one gap."""

    gap: Gap
    transactions: dict[int, bytes]  # by number

    @property
    def unseen(self) -> int:
        """How many numbers the node could not show a transaction for."""
        return self.gap.beyond - self.gap.first - len(self.transactions)


async def look_up(
    web3: AsyncWeb3[Any], pool: Pool, network: str, relayers: Sequence[str], start: int, end: int
) -> list[Seen]:
    """Every gap that concerns these blocks, with the transactions the chain has under it."""
    head = await web3.eth.block_number
    # The chain is asked first: a number that is handed out meanwhile must not look like a gap.
    mined = [
        await web3.eth.get_transaction_count(web3.to_checksum_address(each), head)
        for each in relayers
    ]
    gaps = await _gaps(pool, network, dict(zip(relayers, mined, strict=True)), head)
    return [await _Search(web3, gap).seen() for gap in gaps if gap.lies_within(start, end)]


async def _gaps(pool: Pool, network: str, mined: Mapping[str, int], head: int) -> list[Gap]:
    found = await rows(
        pool,
        _GAPS,
        {"network": network, "addresses": list(mined), "mined": list(mined.values())},
    )
    return [
        # Its neighbours' own blocks may hold the first and the last of them as well.
        Gap(address, first, beyond, (before or 1) - 1, head if by is None else by)
        for address, first, beyond, before, by in found
    ]


class _Search:
    """Halves the blocks until each number stands in one: a question for each, not for each block.

    A node that has let go of old states cannot say what a key had sent by then; the search goes
    on in the newer half.
    """

    def __init__(self, web3: AsyncWeb3[Any], gap: Gap) -> None:
        self._web3 = web3
        self._gap = gap
        self._address = web3.to_checksum_address(gap.relayer)
        self._room = asyncio.Semaphore(ASKED_AT_ONCE)

    async def seen(self) -> Seen:
        gap = self._gap
        found = await self._between(gap.after_block, gap.to_block, gap.first, gap.beyond)
        return Seen(gap, found)

    async def _between(self, low: int, high: int, first: int, beyond: int) -> dict[int, bytes]:
        """These numbers were used after the one block, and by the other."""
        if first >= beyond or low >= high:
            return {}
        if high - low == 1:
            sent = await self._sent_in(high)
            return {number: each for number, each in sent.items() if first <= number < beyond}
        middle = (low + high) // 2
        used = await self._used_by(middle)
        if used is None:
            return await self._between(middle, high, first, beyond)
        used = min(max(used, first), beyond)
        older, newer = await asyncio.gather(
            self._between(low, middle, first, used), self._between(middle, high, used, beyond)
        )
        return older | newer

    async def _used_by(self, block: int) -> int | None:
        """How many numbers the key had used when this block was made; None: nobody remembers."""
        async with self._room:
            try:
                return await self._web3.eth.get_transaction_count(self._address, block)
            except Web3RPCError:
                return None

    async def _sent_in(self, block: int) -> dict[int, bytes]:
        """What the key sent in a block; asked as it is written, for networks pad their blocks."""
        async with self._room:
            said = await self._web3.provider.make_request(
                RPCEndpoint("eth_getBlockByNumber"), [hex(block), True]
            )
        sent = (said.get("result") or {}).get("transactions", [])
        return {
            int(each["nonce"], 16): bytes.fromhex(each["hash"].removeprefix("0x"))
            for each in sent
            if each["from"].lower() == self._gap.relayer.lower()
        }
