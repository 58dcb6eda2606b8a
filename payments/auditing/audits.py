"""The ledger is compared with the chain every hour, by nobody's hand, and the outcome is noted."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from payments.chains import ChainUnavailable
from payments.database.line import signs_of_life
from payments.database.pool import Pool, rows
from payments.wiring.networks import (
    assets,
    auditing_rpc,
    confirmations,
    known_assets,
    networks,
    settles_by_facilitator,
)
from payments.wiring.pools import direct_database_url, open_main_pool

if TYPE_CHECKING:
    from payments.auditing.reconcile import Result

log = logging.getLogger(__name__)

_NOTE = """
    insert into payments_reconciliation
        (network, asset, at, from_block, to_block, booked, differences)
    values (%s, %s, clock_timestamp(), %s, %s, %s, %s)
    on conflict (network, asset) do update set at = excluded.at,
        from_block = excluded.from_block, to_block = excluded.to_block,
        booked = excluded.booked, differences = excluded.differences
    returning 1
"""
# What was not final when it was last looked at is looked at again, and so is what differed.
_SINCE = """
    select case when r.differences > 0 then r.from_block else
           least(r.to_block - %(margin)s,
                 (select min(p.claimed_block) from payments_progress g
                    join payments_payment p on p.id = g.payment_id
                   where g.network = r.network and g.next_check_at is not null)) end
      from payments_reconciliation r
     where r.network = %(network)s and r.asset = %(asset)s
"""
# What was ever compared, or sold: a token that is no longer offered still has its books.
_BEFORE = """
    select asset from payments_reconciliation where network = %(network)s
     union
    select asset from payments_earningsday where network = %(network)s
"""
MARGIN_BLOCKS = 20
_US = ("souk audit",)


async def note(pool: Pool, results: Iterable[Result]) -> None:
    """Write down what each comparison came to, over what the last one did."""
    for result in results:
        await rows(
            pool,
            _NOTE,
            (
                result.network,
                result.asset,
                result.from_block,
                result.to_block,
                result.booked,
                len(result.differences),
            ),
        )


async def audit_once() -> None:
    """Compare what has moved since the last comparison; a silent chain is asked an hour later.

    One that is still under way, on a slow node, is not joined by another.
    """
    async with _alone() as is_first:
        if is_first:
            await _audit_all()


async def _audit_all() -> None:
    pool = await open_main_pool()
    try:
        for network in networks():
            for asset in await tokens_of(pool, network):
                await _audit(pool, network, asset)
    finally:
        await pool.close()


async def tokens_of(pool: Pool, network: str) -> list[str]:
    """The tokens to compare: those that calls are sold for, and those that were paid in before."""
    before = {row[0] for row in await rows(pool, _BEFORE, {"network": network})}
    offered = assets(network)
    known = known_assets(network)
    return [asset for asset in known if asset in offered or asset in before]


@asynccontextmanager
async def _alone() -> AsyncIterator[bool]:
    """Whether nobody else compares just now; the lock ends with its session."""
    url = direct_database_url()
    async with await psycopg.AsyncConnection.connect(
        make_conninfo(url, **signs_of_life(url)), autocommit=True
    ) as session:
        cursor = await session.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", _US)
        yield await cursor.fetchone() == (True,)


async def _audit(pool: Pool, network: str, asset: str) -> None:
    # Here and not above: web3 loads for a second, and a worker compares once an hour.
    from payments.auditing.reconcile import reconcile

    depth = confirmations(network) or 0
    try:
        result = await reconcile(
            pool,
            network=network,
            asset=asset,
            rpc_url=auditing_rpc(network),
            confirmations=depth,
            from_block=await _since(pool, network, asset, depth),
            to_block=None,
            by_facilitators=settles_by_facilitator(network),
        )
    except (ChainUnavailable, OSError, TimeoutError) as error:
        log.warning("the ledger of %s was not compared: %s", network, type(error).__name__)
        return
    if result.differences:
        log.error(
            "ledger and chain differ on %s in %d payments: run reconcile",
            network,
            len(result.differences),
        )
    await note(pool, [result])


async def _since(pool: Pool, network: str, asset: str, confirmations: int) -> int | None:
    """Where to begin; None, from the first payment on, where nobody has compared yet."""
    found = await rows(
        pool,
        _SINCE,
        {"network": network, "asset": asset, "margin": MARGIN_BLOCKS + confirmations},
    )
    return max(0, int(found[0][0])) if found else None
