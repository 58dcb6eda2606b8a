"""Settling through remote facilitators: they send what buyers signed, and pay the gas.

No word of a facilitator moves money here. It is asked, the asking is on record before that, and
then the chain is looked at: in the transaction it named, and for the authorization itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

from payments.amounts import token
from payments.chains import Block, TransactionReceipt
from payments.facilitators import submissions
from payments.facilitators.failover import LOOK_SECONDS_MAX, choose
from payments.facilitators.lineup import FacilitatorList, Member
from payments.facilitators.submissions import Asked, Outcome
from payments.live.wakeups import Bell
from payments.settling import desk as desks
from payments.settling import outcomes
from payments.settling.desk import Desk, Row
from payments.settling.evidence import Proof, read_receipt, trusted_receipt
from payments.settling.ways import Way
from payments.x402.facilitation import settlement_request
from payments.x402.types import Requirements

log = logging.getLogger(__name__)

LOOK_SECONDS_MIN = 0.2
NOTE_SECONDS = 5.0  # for the answer to be noted; then its asker is taken for dead


class Facilitators(Way):
    """An ordered list of facilitators, each payment with one of them at a time."""

    def __init__(
        self,
        network: str,
        members: FacilitatorList,
        *,
        bell: Bell,
        max_timeout_seconds: int,
        settle_seconds: float,
    ) -> None:
        self._network = network
        self._members = members
        self._bell = bell
        self._max_timeout_seconds = max_timeout_seconds
        self._patience_seconds = settle_seconds + NOTE_SECONDS
        self._asking: dict[UUID, asyncio.Task[None]] = {}

    async def follow(self, desk: Desk, rows: Sequence[Row]) -> list[Row]:
        """Look into the transactions that facilitators named; believe what stands in blocks."""
        given = [row for row in rows if row.facilitator is not None]
        named = await self._named(desk, given) if given else []
        hashes = list({transaction for _, _, transaction in named})
        receipts = dict(zip(hashes, await desk.chain.receipts(hashes), strict=True))
        paid: dict[UUID, tuple[Row, Proof]] = {}
        for row, asked, transaction in named:
            receipt = receipts[transaction]
            if receipt is None or not await _is_trusted(desk, row, receipt):
                continue
            end = read_receipt(row, receipt)
            if end is not None and end.proof is not None:
                paid[row.payment_id] = (row, end.proof)
                self._trust(asked)
            else:
                await self._disbelieve(desk, row, asked)
        if paid:
            await outcomes.settle(desk, list(paid.values()), "paid on chain")
        return [row for row in rows if row.payment_id not in paid]

    async def _named(self, desk: Desk, rows: Sequence[Row]) -> list[tuple[Row, Asked, bytes]]:
        asked = await submissions.asked_before(desk.pool, [row.payment_id for row in rows])
        return [
            (row, each, each.transaction)
            for row in rows
            for each in asked.get(row.payment_id, ())
            if each.transaction is not None and each.outcome != Outcome.DISPROVED
        ]

    async def _disbelieve(self, desk: Desk, row: Row, asked: Asked) -> None:
        """The transaction is in a block, and this payment is not in it."""
        await submissions.disprove(desk.pool, row.payment_id, asked.number)
        if asked.outcome != Outcome.SETTLED:
            return  # it never said that this one paid
        log.error(
            "%s: facilitator %s named a transaction that does not pay %s",
            self._network, asked.facilitator, row.payment_id,
        )  # fmt: skip
        member = self._members.get(asked.facilitator)
        if member is not None:
            self._members.blame(member, row.payment_id)

    def _trust(self, asked: Asked) -> None:
        member = self._members.get(asked.facilitator)
        if member is not None:
            self._members.trust(member, asked_seconds=asked.age_seconds)

    async def send(self, desk: Desk, riders: Sequence[Row], alone: Sequence[Row]) -> None:
        """Ask a facilitator for each of these: written down and committed, and only then asked."""
        if not riders and not alone:
            return
        rows = [*riders, *alone]
        asked = await submissions.asked_before(desk.pool, [row.payment_id for row in rows])
        for row in rows:
            await self._give(desk, row, asked.get(row.payment_id, []))

    async def _give(self, desk: Desk, row: Row, asked: Sequence[Asked]) -> None:
        coming = choose(
            asked,
            self._members.in_order(),
            self._members.names,
            patience_seconds=self._patience_seconds,
        )
        look_seconds = _look_seconds(desk, coming.look_seconds)
        member = self._members.get(coming.facilitator)
        is_asked = row.payment_id in self._asking
        if member is None or is_asked or not self._members.has_room(member):
            await desks.look_again(desk.pool, [row.payment_id], look_seconds)
            return
        number = len(asked) + 1
        if await submissions.write_down(desk, row, member.name, number, look_seconds=look_seconds):
            self._start(desk, row, member, asked)

    def _start(self, desk: Desk, row: Row, member: Member, before: Sequence[Asked]) -> None:
        """A settlement may take as long as blocks do: the loop goes on meanwhile."""
        task = asyncio.create_task(self._ask(desk, row, member, before))
        self._asking[row.payment_id] = task
        member.asking.add(row.payment_id)

        def ended(done: asyncio.Task[None]) -> None:
            self._asking.pop(row.payment_id, None)
            member.asking.discard(row.payment_id)
            if not done.cancelled() and (error := done.exception()) is not None:
                log.error("%s: an answer was not noted: %s", self._network, type(error).__name__)

        task.add_done_callback(ended)

    async def _ask(self, desk: Desk, row: Row, member: Member, before: Sequence[Asked]) -> None:
        request = settlement_request(row.scheme.payload_of(row.authorization), self._offer(row))
        settled = await member.calls.settle(request, self._network, row.authorization.payer)
        self._members.weigh(member, row, settled, claims_seconds=_claims_seconds(before))
        await submissions.note(
            desk.pool,
            row.payment_id,
            len(before) + 1,
            settled.outcome,
            settled.transaction,
            settled.said,
        )
        await desks.look_again(desk.pool, [row.payment_id], 0)
        self._bell.ring()

    def _offer(self, row: Row) -> Requirements:
        """What was sold, anew from the claim and our own table of tokens."""
        asset = token(self._network, row.asset)
        assert asset is not None, "only known tokens are sold for"
        return Requirements(
            scheme=row.scheme_name,
            network=self._network,
            amount_atomic=row.authorization.amount_atomic,
            asset=row.asset,
            pay_to=row.authorization.pay_to,
            max_timeout_seconds=self._max_timeout_seconds,
            extra={"name": asset.eip712_name, "version": asset.eip712_version},
        )

    async def trouble(self, desk: Desk, head: Block) -> str:
        return await self._members.trouble()

    async def landed(self) -> bool:
        under_way = list(self._asking.values())
        if under_way:
            await asyncio.wait(under_way)
        return bool(under_way)

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._members.close()


async def _is_trusted(desk: Desk, row: Row, receipt: TransactionReceipt) -> bool:
    return await trusted_receipt(
        desk.chain,
        receipt,
        amount_atomic=row.authorization.amount_atomic,
        agree_above_atomic=desk.terms.agree_above_atomic,
    )


def _claims_seconds(asked: Sequence[Asked]) -> float:
    """How long ago it was first said that this is settled, all by the same facilitator."""
    return next((each.age_seconds for each in asked if each.outcome == Outcome.SETTLED), 0.0)


def _look_seconds(desk: Desk, seconds: float) -> float:
    """Often enough to see a block soon, whoever made it."""
    return max(LOOK_SECONDS_MIN, min(seconds, desk.terms.block_seconds, LOOK_SECONDS_MAX))
