"""Who may go on a transaction of ours now: each is tried by itself, and they spend one purse.

Every payment of a payer passes its own simulation as long as the purse holds one price. On chain
the first takes it, and we pay for the failure of the others: so no more of them go than it holds,
with what is on its way already.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from payments.chains import ChainUnavailable
from payments.database.pool import rows
from payments.exposure.exposure import payer_key
from payments.relaying import gas
from payments.relaying.numbers import STILL_OUT
from payments.settling import desk as desks
from payments.settling.desk import Desk, Row

log = logging.getLogger(__name__)

Purse = tuple[str, str]  # a payer, and the token that is paid with


async def admit(
    desk: Desk, riders: Sequence[Row], alone: Sequence[Row]
) -> tuple[list[Row], list[Row]]:
    """Those whose gas is not likely to be burnt; the others are tried again after a block."""
    spent = await gas.out_of_budget(desk.pool, [_payer(row) for row in (*riders, *alone)])
    # Payers who burnt our gas lately wait; others are not made to pay for them.
    candidates = [row for row in (*riders, *alone) if _payer(row) not in spent]
    room = await _room(desk, candidates)
    going: set[UUID] = set()
    for row in candidates:
        left = room.get(_purse(row))
        if left is None:
            going.add(row.payment_id)
        elif row.authorization.amount_atomic <= left:
            room[_purse(row)] = left - row.authorization.amount_atomic
            going.add(row.payment_id)
    waiting = [row.payment_id for row in (*riders, *alone) if row.payment_id not in going]
    await desks.put_off(desk.pool, waiting, max(1.0, desk.terms.block_seconds))
    first, second = ([row for row in each if row.payment_id in going] for each in (riders, alone))
    return first, second


async def _room(desk: Desk, candidates: Sequence[Row]) -> dict[Purse, int]:
    """What is left in the purses that may not hold all that is asked of them."""
    wanted: dict[Purse, list[int]] = defaultdict(list)
    for row in candidates:
        wanted[_purse(row)].append(row.authorization.amount_atomic)
    under_way = await _under_way(desk, list(wanted))
    # Somebody's only payment was tried by itself.
    several = [purse for purse in wanted if wanted[purse] != [under_way.get(purse)]]
    try:
        balances = await _balances(desk, several)
    except ChainUnavailable as error:
        log.warning("%s: balances: %s", desk.terms.network, error)
        return {}
    tight = [
        purse
        for purse in several
        if balances[purse] < max(under_way.get(purse, 0), sum(wanted[purse]))
    ]
    on_the_way = await _on_the_way(desk, [payer for payer, _ in tight])
    return {purse: balances[purse] - on_the_way.get(purse, 0) for purse in tight}


def _payer(row: Row) -> str:
    return row.authorization.payer


def _purse(row: Row) -> Purse:
    return row.authorization.payer, row.asset


async def _under_way(desk: Desk, purses: Sequence[Purse]) -> dict[Purse, int]:
    """All that is claimed and not paid yet, as the claims' own counters have it."""
    keys = {payer_key(desk.terms.network, asset, payer): (payer, asset) for payer, asset in purses}
    found = await rows(
        desk.pool,
        "select key, used_atomic from payments_cap where key = any(%s)",
        (list(keys),),
    )
    return {keys[key]: int(used) for key, used in found}


async def _balances(desk: Desk, purses: Sequence[Purse]) -> Mapping[Purse, int]:
    by_asset: dict[str, list[str]] = defaultdict(list)
    for payer, asset in purses:
        by_asset[asset].append(payer)
    balances: dict[Purse, int] = {}
    for asset, payers in by_asset.items():
        found = await desk.chain.token_balances(asset, payers)
        balances |= {(payer, asset): has for payer, has in zip(payers, found, strict=True)}
    return balances


_ON_THE_WAY = f"""
    select p.payer, p.asset, sum(p.amount_atomic)
      from (select distinct b.relayer_id, b.nonce
              from payments_relayer r
              join payments_broadcast b on b.relayer_id = r.id
             where r.network = %s and {STILL_OUT}) n
      join payments_progress g on g.relayer_id = n.relayer_id and g.relayer_nonce = n.nonce
      join payments_payment p on p.id = g.payment_id
     where g.money = 'broadcast' and p.payer = any(%s)
     group by p.payer, p.asset
"""  # noqa: S608 - composed of our own constants only


async def _on_the_way(desk: Desk, payers: Sequence[str]) -> dict[Purse, int]:
    if not payers:
        return {}
    found = await rows(desk.pool, _ON_THE_WAY, (desk.terms.network, list(payers)))
    return {(payer, asset): int(amount) for payer, asset, amount in found}
