"""One look at each payment whose time has come: send, find out, confirm, or give up."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from psycopg import sql

from payments.chains import Block, ChainUnavailable, Simulation
from payments.database.pool import rows
from payments.exposure import risk
from payments.models import Money, Work
from payments.moves import LEASE_OVER, NEVER, NOW, move
from payments.settling import desk as desks
from payments.settling import outcomes
from payments.settling.desk import Desk, Row
from payments.settling.unpaid import look_for_ends
from payments.states import Standing, State

log = logging.getLogger(__name__)

TAKE_MAX = 400
TRIED_MAX = 96  # of what did not go through before: two rounds of simulating, so long others wait
SHALLOW_SECONDS = 0.2  # blocks seldom come as early as they are expected


async def look(desk: Desk, final: Block) -> bool:
    """Take what is due and do what it needs; says whether there may be more."""
    due = await desks.take_due(desk.pool, desk.terms.network, most=TAKE_MAX, most_tried=TRIED_MAX)
    by_need: dict[str, list[Row]] = defaultdict(list)
    for row in due:
        by_need[_need(row)].append(row)
    unpaid = by_need["look for"]
    await _each(
        lambda: _collect(desk, by_need["collect"], unpaid, final),
        lambda: look_for_ends(desk, unpaid, final),
        lambda: _check_settled(desk, by_need["settled"]),
        lambda: _check_confirmed(desk, by_need["confirmed"], final),
    )
    return _may_be_more(due)


def _may_be_more(due: Sequence[Row]) -> bool:
    paid = sum(row.is_paid for row in due)
    tried = sum(row.put_off and not row.is_paid for row in due)
    return max(paid, len(due) - paid - tried) >= TAKE_MAX or tried >= TRIED_MAX


async def _each(*steps: Callable[[], Awaitable[None]]) -> None:
    """One after the other; that nobody answers what one asks is told when all had their turn."""
    silent: ChainUnavailable | None = None
    for step in steps:
        try:
            await step()
        except ChainUnavailable as error:
            silent = silent or error
    if silent is not None:
        raise silent


def _need(row: Row) -> str:
    if row.is_paid:
        return row.money.value
    if row.work == Work.OPEN and row.money == Money.NONE and row.lease_over:
        return "dropped"  # the sweep voids it, and nothing is charged
    return "collect" if row.is_sent else "look for"


async def _simulate(desk: Desk, row: Row) -> Simulation | None:
    try:
        return await desk.chain.simulate(row.call, row.authorization.payer, afresh=True)
    except ChainUnavailable as error:
        log.warning("%s: simulation of %s: %s", desk.terms.network, row.payment_id, error)
        return None


async def _collect(desk: Desk, sent: Sequence[Row], unpaid: list[Row], final: Block) -> None:
    """Answers in hand whose money has not moved: try it on the newest state, then send.

    What does not go through is put with the `unpaid`: only the chain's events say whether that is
    for good, and those who can pay do not wait until they are found.
    """
    riders: list[Row] = []
    alone: list[Row] = []
    ready = await desk.way.follow(desk, [row for row in sent if row.is_sendable])
    simulations = await asyncio.gather(*(_simulate(desk, row) for row in ready))
    unknown: list[Row] = []
    for row, simulation in zip(ready, simulations, strict=True):
        if simulation is None:
            unknown.append(row)
        elif not simulation.passed:
            unpaid.append(row)
        elif simulation.payer_has_code or row.payer_has_code or row.alone:
            alone.append(row)
        else:
            riders.append(row)
    for row in sent:
        if not row.is_sendable:
            is_over = final.timestamp >= row.authorization.valid_before
            (unpaid if is_over else unknown).append(row)
    # Nothing can be said of them yet. Left as they are, they would be in front of all others.
    await desks.put_off(desk.pool, [row.payment_id for row in unknown], desks.HAND_SECONDS)
    await desk.way.send(desk, riders, alone)


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
