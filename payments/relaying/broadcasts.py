"""Our transactions on their way out: signed, stored, then sent; again at a higher price."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payments.chains import Call, ChainUnavailable, Fees, SendOutcome
from payments.database.pool import Connection
from payments.models import Broadcast, Money
from payments.moves import NEVER, move_together, seconds_from_now
from payments.relaying import relayer, seats
from payments.relaying.relayer import Signed
from payments.settling import desk as desks
from payments.settling.desk import Desk, Row

log = logging.getLogger(__name__)

PASSENGER_CHECK_SECONDS = 15.0


class _NobodyLeft(Exception):
    """Every row was moved by somebody else first: the number is not used."""


def call_for(desk: Desk, riders: Sequence[Row]) -> tuple[Broadcast.Kind, Call]:
    if len(riders) == 1:
        return Broadcast.Kind.SINGLE, riders[0].call
    calls = [rider.call for rider in riders]
    return Broadcast.Kind.BATCH, relayer.together(calls, desk.terms.multicall)


async def dispatch(desk: Desk, riders: Sequence[Row], fees: Fees) -> Sequence[Row]:
    """Put these payments on one new transaction: stored and committed, and only then sent.

    They go out for the first time, all of them, or have all been sent before. Returns those that
    its key had no gas money for.
    """
    least_wei = riders[0].call.gas * fees.max_fee_wei
    async with desk.pool.connection() as connection:
        try:
            async with connection.transaction():
                seat = await seats.take_seat(connection, desk.keyring, least_wei)
                fit = seats.places(len(riders), seat.spare_wei, fees)
                signed = await _board(desk, connection, seat, riders[:fit], fees)
        except _NobodyLeft:
            return riders[fit:]
    await send(desk, signed)
    return riders[fit:]


async def _board(
    desk: Desk, connection: Connection, seat: relayer.Seat, riders: Sequence[Row], fees: Fees
) -> Signed:
    taken = await _take_aboard(connection, riders, seat)
    aboard = [row for row in riders if row.payment_id in taken]
    if not aboard:
        raise _NobodyLeft
    kind, call = call_for(desk, aboard)
    _insist(desk, call, seat.address)
    return await relayer.store(connection, desk.keyring, seat, call, fees, kind)


def _insist(desk: Desk, call: Call, address: str) -> None:
    relayer.insist_permitted(
        call, address=address, assets=desk.terms.assets, multicall=desk.terms.multicall
    )


async def _take_aboard(
    connection: Connection, riders: Sequence[Row], seat: relayer.Seat
) -> set[UUID]:
    return await move_together(
        connection,
        [row.standing for row in riders],
        Money.BROADCAST,
        why="sent" if riders[0].money == Money.NONE else "sent again",
        detail={"relayer": seat.address, "nonce": seat.nonce},
        relayer_id=seat.relayer_id,
        relayer_nonce=seat.nonce,
        facilitator=NEVER,
        next_check_at=seconds_from_now(PASSENGER_CHECK_SECONDS),
    )


async def send(desk: Desk, signed: Signed) -> SendOutcome | None:
    """Hand the stored bytes to the node. Whatever it says is no verdict: we go and look."""
    try:
        answer = await desk.chain.send(signed.raw)
    except ChainUnavailable as error:
        log.warning("%s: send of nonce %s: %s", desk.terms.network, signed.nonce, error)
        return None
    if answer.outcome in {SendOutcome.ACCEPTED, SendOutcome.ALREADY_KNOWN}:
        await relayer.mark_sent(desk.pool, [signed.id])
    elif answer.outcome is SendOutcome.INSUFFICIENT_GAS_MONEY:
        log.error(
            "%s: nonce %s waits for gas money: %s",
            desk.terms.network, signed.nonce, answer.message,
        )  # fmt: skip
    else:
        log.warning(
            "%s: nonce %s: %s %s",
            desk.terms.network, signed.nonce, answer.outcome.value, answer.message,
        )  # fmt: skip
    return answer.outcome


@dataclass(frozen=True, slots=True)
class Variant:
    """One signed form of a transaction number: the first, or a bump of it."""

    signed: Signed
    address: str
    number: int
    fees: Fees
    age_seconds: float
    sent_seconds: float | None
    mined_block: int | None
    mined_hash: bytes | None
    is_stopped: bool = False  # its key signs nothing before an operator has looked


async def bump(desk: Desk, latest: Variant, *, is_poor: bool = False) -> None:
    """The same number at a higher price; a filler when nobody needs the number any more.

    `is_poor`: its key has no money for the last form. A dearer one would only be further away; a
    filler costs a fraction of it.
    """
    now = await desk.chain.fees(cap_wei=desk.terms.fee_cap_wei)
    fees = relayer.bumped(latest.fees, now, desk.terms.fee_cap_wei)
    if fees is None:
        log.error("%s: nonce %s waits above the fee cap", desk.terms.network, latest.signed.nonce)
        return
    number = latest.signed.relayer_id, latest.signed.nonce
    aboard = (await desks.passengers(desk.pool, [number]))[number]
    seat = relayer.Seat(latest.signed.relayer_id, latest.address, latest.signed.nonce)
    if aboard and is_poor:
        return
    if aboard:
        kind, call = call_for(desk, aboard)
    else:
        kind, call = Broadcast.Kind.FILLER, relayer.filler(latest.address)
    _insist(desk, call, latest.address)
    async with desk.pool.connection() as connection, connection.transaction():
        if not await seats.affords(connection, seat.relayer_id, call.gas * fees.max_fee_wei):
            log.error(
                "%s: nonce %s waits for gas money to bid more", desk.terms.network, seat.nonce
            )
            return
        cursor = await connection.execute(
            "select max(variant) from payments_broadcast where relayer_id = %s and nonce = %s",
            (seat.relayer_id, seat.nonce),
        )
        row = await cursor.fetchone()
        if row is None or row[0] != latest.number:
            return  # another settler bumped it first
        signed = await relayer.store(
            connection, desk.keyring, seat, call, fees, kind, variant=latest.number + 1
        )
    await send(desk, signed)
