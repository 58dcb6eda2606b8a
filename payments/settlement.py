"""One look at each payment whose time has come: send, find out, confirm, or give up."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from payments import desk as desks
from payments import outcomes, risk
from payments.chains import Block, ChainUnavailable, Simulation
from payments.desk import Desk, Row
from payments.evidence import find_end
from payments.models import Money, Work
from payments.moves import LEASE_OVER, NEVER, NOW, move
from payments.pool import rows
from payments.states import Standing, State
from payments.x402.reasons import Reason

log = logging.getLogger(__name__)

TAKE_MAX = 400
UNPAYABLE_RETRY_SECONDS = 3.0  # not collectable now: drained, paused, blocked; it may change
VOID_CHECK_SECONDS = 4.0
SHALLOW_SECONDS = 0.2  # blocks seldom come as early as they are expected


async def look(desk: Desk, final: Block) -> int:
    """Take what is due and do what it needs; says how many rows it looked at."""
    due = await desks.take_due(desk.pool, desk.terms.network, most=TAKE_MAX)
    by_money: dict[str, list[Row]] = defaultdict(list)
    for row in due:
        by_money[_need(row)].append(row)
    await _collect(desk, by_money["collect"], final)
    await _watch_voids(desk, by_money["watch"], final)
    await _check_settled(desk, by_money["settled"])
    await _check_confirmed(desk, by_money["confirmed"], final)
    return len(due)


def _need(row: Row) -> str:
    if row.money in {Money.SETTLED, Money.CONFIRMED}:
        return row.money.value
    if row.work == Work.OPEN and row.money == Money.NONE and row.lease_over:
        return "dropped"  # the sweep voids it, and nothing is charged
    return "collect" if row.is_sent else "watch"


async def _simulate(desk: Desk, row: Row) -> Simulation | None:
    try:
        return await desk.chain.simulate(row.call, row.authorization.payer)
    except ChainUnavailable as error:
        log.warning("%s: simulation of %s: %s", desk.terms.network, row.payment_id, error)
        return None


async def _collect(desk: Desk, answered: Sequence[Row], final: Block) -> None:
    """Answers in hand whose money has not moved: try it on the newest state, then send."""
    if not answered:
        return
    riders: list[Row] = []
    alone: list[Row] = []
    ready = [row for row in answered if row.is_sendable]
    waiting = [row for row in answered if not row.is_sendable]
    ready = await desk.way.follow(desk, ready)
    simulations = await asyncio.gather(*(_simulate(desk, row) for row in ready))
    for row, simulation in zip(ready, simulations, strict=True):
        if simulation is None:
            continue  # unknown: the row was pushed back and comes again
        if not simulation.passed:
            await _uncollectable(desk, row, simulation, final)
        elif simulation.payer_has_code or row.payer_has_code or row.alone:
            alone.append(row)
        else:
            riders.append(row)
    await desk.way.send(desk, riders, alone)
    for row in waiting:
        await _give_up_when_over(desk, row, final)


async def _uncollectable(desk: Desk, row: Row, simulation: Simulation, final: Block) -> None:
    """It does not go through now. Only the chain's events say whether that is for good."""
    used = row.scheme.reason_of_revert(simulation.revert) is Reason.ALREADY_USED
    if not await _end_by_evidence(desk, row, final) and not used:
        await _give_up_when_over(desk, row, final)


async def _end_by_evidence(desk: Desk, row: Row, final: Block) -> bool:
    end = await find_end(desk.chain, row, agree_above_atomic=desk.terms.agree_above_atomic)
    if end is None:
        await desks.look_again(desk.pool, [row.payment_id], UNPAYABLE_RETRY_SECONDS)
        return False
    if end.proof is not None:
        await outcomes.settle(desk, [(row, end.proof)], end.word)
    elif end.block_number <= final.number:
        await outcomes.fail(desk, row, end.word)
    else:
        await desks.look_again(desk.pool, [row.payment_id], desk.terms.block_seconds * 2)
    return True


async def _give_up_when_over(desk: Desk, row: Row, final: Block) -> None:
    """Not paid is final only when the window is over at a final block, and the nonce unused."""
    if final.timestamp < row.authorization.valid_before:
        return
    used = await desk.chain.authorization_states(
        row.asset, [(row.authorization.payer, row.authorization.nonce)], final.number
    )
    if not used[0]:
        await outcomes.fail(desk, row, "window over")
    elif row.money == Money.BROADCAST:
        await _end_by_evidence(desk, row, final)


async def _watch_voids(desk: Desk, voids: Sequence[Row], final: Block) -> None:
    """What was not charged may still be spent by its owner until its window is over."""
    by_asset: dict[str, list[Row]] = defaultdict(list)
    for row in voids:
        by_asset[row.asset].append(row)
    for asset, group in by_asset.items():
        pairs = [(row.authorization.payer, row.authorization.nonce) for row in group]
        used = await desk.chain.authorization_states(asset, pairs, "latest")
        later: list[UUID] = []
        for row, is_used in zip(group, used, strict=True):
            if is_used:
                await _end_by_evidence(desk, row, final)
            elif final.timestamp >= row.authorization.valid_before:
                await _give_up_when_over(desk, row, final)
            else:
                later.append(row.payment_id)
        await desks.look_again(desk.pool, later, VOID_CHECK_SECONDS)


async def _check_settled(desk: Desk, settled: Sequence[Row]) -> None:
    if not settled:
        return
    head = await desk.chain.head()
    canonical = await _canonical(desk, settled)
    deep: list[Row] = []
    later: dict[int, list[UUID]] = defaultdict(list)  # by depth
    for row in settled:
        assert row.block_number is not None
        depth = head.number - row.block_number + 1
        if not canonical[row.block_number, row.block_hash or b""]:
            await outcomes.uproot(desk, row)
        elif depth >= desk.terms.confirmations:
            deep.append(row)
        else:
            later[depth].append(row.payment_id)
    if deep:
        await outcomes.confirm(desk, deep)
    for depth, ids in later.items():
        wait = max(SHALLOW_SECONDS, desk.terms.seconds_until_deep(depth))
        await desks.look_again(desk.pool, ids, wait)


async def _check_confirmed(desk: Desk, confirmed: Sequence[Row], final: Block) -> None:
    canonical = await _canonical(desk, confirmed)
    closed: list[Row] = []
    later: dict[int, list[UUID]] = defaultdict(list)  # by how far the final block is behind
    for row in confirmed:
        assert row.block_number is not None
        if not canonical[row.block_number, row.block_hash or b""]:
            await outcomes.uproot(desk, row)
        elif row.block_number <= final.number and row.work != Work.OPEN:
            closed.append(row)
        else:
            later[row.block_number - final.number].append(row.payment_id)
    may_lag = [row for row in confirmed if row.release == "upfront" or row.work == Work.VOID]
    await outcomes.receipt_anew(desk, may_lag)
    if closed:
        await outcomes.close(desk, closed)
    # A reorg meanwhile is seen by the settler, who has all above it looked at at once.
    for blocks, ids in later.items():
        await desks.look_again(desk.pool, ids, max(1.0, blocks * desk.terms.block_seconds))


async def _canonical(desk: Desk, paid: Sequence[Row]) -> dict[tuple[int, bytes], bool]:
    blocks = {(row.block_number or 0, row.block_hash or b"") for row in paid}
    return {
        (number, block_hash): await desk.chain.is_canonical(number, block_hash)
        for number, block_hash in blocks
    }


async def void_dead_leases(desk: Desk) -> None:
    """Calls whose process is gone: nothing was charged, and their buyers may come again.

    While the database was away nobody could give a sign of life: calls that are older than its
    start get the time to give one.
    """
    dead = await rows(
        desk.pool,
        "select g.payment_id, g.version, g.money, p.release from payments_progress g"
        " join payments_payment p on p.id = g.payment_id"
        " where g.network = %s and g.work = 'open' and g.lease_until < now()"
        # Paid upfront and dropped: its buyer may come for the work, before a refund is due.
        " and (p.release <> 'upfront' or g.money in ('none', 'failed')"
        "      or (g.money <> 'broadcast'"
        "          and g.lease_until < clock_timestamp() - make_interval(secs => %s)))"
        " and (p.created_at > pg_postmaster_start_time()"
        "      or pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %s))"
        " limit 200",
        (desk.terms.network, desk.terms.take_up_seconds, desk.terms.lease_seconds),
    )
    for payment_id, version, money, release in dead:
        state = State(Work.OPEN, Money(money))
        standing = Standing(payment_id, version, state, release == "upfront")
        after = State(Work.VOID, state.money)
        async with desk.pool.connection() as connection, connection.transaction():
            if await move(
                connection,
                standing,
                after,
                why="lease over",
                guard=LEASE_OVER,
                lease_until=NEVER,
                abandoned_at=sql.SQL("coalesce(abandoned_at, lease_until)"),
                next_check_at=NEVER if after.money == Money.FAILED else NOW,
            ):
                await risk.rebalance(connection, [risk.Change(payment_id, state, after)])
    if dead:
        desk.moved.ring()
