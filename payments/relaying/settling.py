"""Settling with our own key: batches of payments in our transactions, and gas to pay for them."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

from payments.chains import Block
from payments.database.pool import one, rows
from payments.models import Money
from payments.relaying import broadcasts, fares, relayer, seats
from payments.relaying.numbers import STILL_OUT
from payments.relaying.relayer import Stopped
from payments.relaying.seats import NoGasMoney
from payments.settling import desk as desks
from payments.settling.desk import Desk, Row
from payments.settling.ways import Way

log = logging.getLogger(__name__)

LOW_ON_GAS = "the relayer is low on gas"
IN_NO_BLOCK = "what the relayer sends comes into no block"
POOR_RETRY_SECONDS = 3.0  # as often as the keys' balances are looked at
# A node may know how often a key has sent and be late with the receipts: it is believed when so
# many looks in a row agree, over as long as a transaction may be out before it counts as stuck.
FOREIGN_LOOKS = 3


@dataclass(slots=True)
class _Suspicion:
    """A transaction number of ours that the chain has used, and no transaction of ours has."""

    number: int
    since: int  # the head at the first look
    began: float
    looks: int = 0
    is_believed: bool = False


class Relaying(Way):
    """Our relayer sends what buyers signed, and pays the gas."""

    def __init__(self) -> None:
        self._foreign: dict[str, _Suspicion] = {}

    async def follow(self, desk: Desk, rows: Sequence[Row]) -> list[Row]:
        """Our transactions are watched number by number (`watching`), not row by row."""
        return list(rows)

    async def send(self, desk: Desk, riders: Sequence[Row], alone: Sequence[Row]) -> None:
        if not riders and not alone:
            return
        fees = await desk.chain.fees(cap_wei=desk.terms.fee_cap_wei)
        if fees.base_fee_wei > desk.terms.fee_cap_wei:
            log.error(
                "%s: the chain is dearer than FEE_CAP_GWEI; nothing is sent", desk.terms.network
            )
            await desks.look_again(desk.pool, [row.payment_id for row in (*riders, *alone)], 5.0)
            return
        riders, alone = await fares.admit(desk, riders, alone)
        new = [row for row in riders if row.money == Money.NONE]
        again = [row for row in riders if row.money != Money.NONE]
        groups = [*_batches(desk, new), *_batches(desk, again)]
        groups += [[row] for row in alone]
        for group in groups:
            left: Sequence[Row] = group
            try:
                while left:
                    left = await broadcasts.dispatch(desk, left, fees)
            except NoGasMoney as error:
                log.error("%s; payments wait for it: %s", error, len(left))
                await desks.look_again(
                    desk.pool, [row.payment_id for row in left], POOR_RETRY_SECONDS
                )
            except Stopped as error:
                log.critical("%s", error)
                return

    async def trouble(self, desk: Desk, head: Block) -> str:
        """Gas money, gas price, keys that somebody else uses as well, or that get nowhere."""
        if head.base_fee_wei > desk.terms.fee_cap_wei:
            return "the chain's gas price is above the operator's cap"
        fees = await desk.chain.fees(cap_wei=desk.terms.fee_cap_wei)
        low_wei = seats.low_wei(desk.terms.relayer_low_wei, fees)
        reasons = [
            await self._relayer_trouble(desk, address, head, low_wei)
            for address in desk.keyring.addresses
        ]
        if not reasons:
            return "no relayer key is configured"
        return "" if "" in reasons else reasons[0]

    async def landed(self) -> bool:
        return False  # sent within the step, or not at all

    async def close(self) -> None:
        pass

    async def _relayer_trouble(self, desk: Desk, address: str, head: Block, low_wei: int) -> str:
        balance = await desk.chain.balance(address)
        mined = await desk.chain.nonce(address, "latest")
        row = await one(
            desk.pool,
            f"""
            update payments_relayer r set balance_wei = %s, balance_at = clock_timestamp()
             where network = %s and address = %s
            returning stopped_why, next_nonce,
                (select jsonb_build_array(min(b.nonce), extract(epoch from min(b.created_at)))
                   from payments_broadcast b where b.relayer_id = r.id and {STILL_OUT})
            """,  # noqa: S608 - composed of our own constants only
            (balance, desk.terms.network, address),
        )
        assert row is not None, "a relayer is enlisted before it is looked at"
        stopped_why, next_nonce, (lowest, out_since) = row
        unmined = next_nonce if lowest is None else lowest
        if mined > unmined and not await _is_ours(desk, address, unmined):
            await self._foreign_use(desk, address, unmined, head)
        else:
            self._foreign.pop(address, None)
        if stopped_why:
            return f"relayer stopped: {stopped_why}"
        if balance < low_wei:
            log.error(
                "%s: relayer %s is low on gas: %s wei, below %s",
                desk.terms.network, address, balance, low_wei,
            )  # fmt: skip
            return LOW_ON_GAS
        if lowest is not None and mined <= lowest and _gets_nowhere(desk, out_since, head):
            log.error(
                "%s: relayer %s: number %s is in no block", desk.terms.network, address, lowest
            )
            return IN_NO_BLOCK
        return ""

    async def _foreign_use(self, desk: Desk, address: str, unmined: int, head: Block) -> None:
        """Somebody else signs with this key: stop signing, and say so loudly.

        A transaction of ours that was mined a moment ago looks the same until we have seen
        its receipt; hence more than one look.
        """
        seen = self._foreign.get(address)
        if seen is None or seen.number != unmined:
            seen = self._foreign[address] = _Suspicion(unmined, head.number, monotonic())
        seen.looks += 1
        if seen.looks < FOREIGN_LOOKS or monotonic() - seen.began < desk.terms.stuck_seconds:
            return
        if not seen.is_believed:
            seen.is_believed = True
            why = f"number {unmined} of this key was used by a transaction that is not ours"
            log.critical("%s: relayer %s: %s", desk.terms.network, address, why)
            await relayer.stop_signing(desk.pool, desk.terms.network, address, why)
        if head.number >= seen.since + desk.terms.confirmations:
            await relayer.bury(desk.pool, desk.terms.network, address, unmined)


def _gets_nowhere(desk: Desk, out_since: float, head: Block) -> bool:
    """Bid for again and again, and in no block; one that stands still says nothing of our bids."""
    waited_seconds = min(time.time(), head.timestamp) - out_since
    return waited_seconds > 2 * desk.terms.stuck_seconds + desk.terms.settle_margin_seconds


def _batches(desk: Desk, riders: Sequence[Row]) -> list[Sequence[Row]]:
    size = desk.terms.batch_max
    return [riders[at : at + size] for at in range(0, len(riders), size)]


async def _is_ours(desk: Desk, address: str, number: int) -> bool:
    """A receipt of ours under this number, on any node, only keeps us from believing the worst."""
    found = await rows(
        desk.pool,
        "select b.transaction from payments_broadcast b"
        " join payments_relayer r on r.id = b.relayer_id"
        " where r.network = %s and r.address = %s and b.nonce = %s",
        (desk.terms.network, address, number),
    )
    return await desk.chain.has_any([row[0] for row in found])
