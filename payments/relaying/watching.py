"""Our transactions under way: looked at, sent again, bumped or found in a block, until final."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from payments.chains import Block, Fees, SendOutcome, TransactionReceipt
from payments.database.pool import rows
from payments.marks import DECIDE_ALONE
from payments.relaying import gas, relayer
from payments.relaying.broadcasts import Variant, bump, send
from payments.relaying.numbers import STILL_OUT, STILL_OUT_OR_MINED_FROM
from payments.relaying.relayer import Signed
from payments.settling import desk as desks
from payments.settling import outcomes
from payments.settling.desk import Desk, Row
from payments.settling.evidence import Proof, read_receipts, trusted_receipts

RESEND_SECONDS = 2.0
PASSED_BY_BLOCKS = 2  # only a chain that goes on without us says that our bid is too low
FINISHED_AT_ONCE = 200


_WATCHED = """
    select b.id, b.relayer_id, b.nonce, b.transaction,
           case when b.mined_block is null then b.raw else '' end,
           r.address, b.variant, b.max_fee_wei, b.priority_fee_wei,
           extract(epoch from clock_timestamp() - b.created_at)::float8,
           extract(epoch from clock_timestamp() - b.sent_at)::float8,
           b.mined_block, b.mined_hash, r.stopped_why <> ''
      from payments_broadcast b join payments_relayer r on r.id = b.relayer_id
     where r.network = %(network)s and """
_IN_ORDER = " order by b.relayer_id, b.nonce, b.variant"


async def watched(desk: Desk, mined_from: int | None) -> list[list[Variant]]:
    """Transaction numbers not yet mined, and those mined from a height on; variants together."""
    those = STILL_OUT if mined_from is None else STILL_OUT_OR_MINED_FROM
    found = await rows(
        desk.pool,
        _WATCHED + those + _IN_ORDER,
        {"network": desk.terms.network, "from": mined_from},
    )
    variants = [
        Variant(Signed(*row[:5]), row[5], row[6], Fees(int(row[7]), int(row[8]), 0), *row[9:])
        for row in found
    ]
    return [
        list(group)
        for _, group in groupby(variants, key=lambda v: (v.signed.relayer_id, v.signed.nonce))
    ]


async def watch(desk: Desk, head: Block, mined_from: int | None) -> bool:
    """Look at every transaction of ours that is not final, and do what it needs.

    True when somebody was paid by one.
    """
    numbers = await watched(desk, mined_from)
    hashes = [variant.signed.transaction for group in numbers for variant in group]
    receipts = dict(zip(hashes, await desk.chain.receipts(hashes), strict=True)) if hashes else {}
    mined: list[tuple[Signed, TransactionReceipt]] = []
    waiting: list[list[Variant]] = []
    for group in numbers:
        found = (receipts[variant.signed.transaction] for variant in group)
        if (receipt := next((each for each in found if each is not None), None)) is not None:
            mined.append((group[0].signed, receipt))
        else:
            waiting.append(group)
    has_paid = bool(mined) and await _mined(desk, mined, head)
    desk.waiting.forget_all_but(group[-1].signed.id for group in waiting)
    first_waiting: set[int] = set()
    for group in waiting:
        relayer_id = group[0].signed.relayer_id
        await _waiting(desk, group, head, is_first=relayer_id not in first_waiting)
        first_waiting.add(relayer_id)
    return has_paid


async def _mined(
    desk: Desk, mined: Sequence[tuple[Signed, TransactionReceipt]], head: Block
) -> bool:
    """Settle whom these transactions paid, all at once: their buyers wait for nothing else."""
    aboard = await desks.passengers(desk.pool, [(s.relayer_id, s.nonce) for s, _ in mined])
    carried = [(receipt, aboard[signed.relayer_id, signed.nonce]) for signed, receipt in mined]
    trusted = await trusted_receipts(
        desk.chain,
        [
            (receipt, max((row.authorization.amount_atomic for row in riders), default=0))
            for receipt, riders in carried
        ],
        agree_above_atomic=desk.terms.agree_above_atomic,
        head=head,
    )
    carried = [each for each, is_trusted in zip(carried, trusted, strict=True) if is_trusted]
    paid: list[tuple[Row, Proof]] = []
    for receipt, riders in carried:
        ends = read_receipts(riders, receipt)
        found = ((row, ends.get(row.payment_id)) for row in riders)
        paid += [(row, end.proof) for row, end in found if end is not None and end.proof]
    await outcomes.settle(desk, paid, "paid on chain")
    settled = {row.payment_id for row, _ in paid}
    unpaid = [
        (receipt, [row.payment_id for row in riders if row.payment_id not in settled])
        for receipt, riders in carried
    ]
    await _note_mined(desk, unpaid)
    return bool(paid)


# A number's cost was counted where any form of it has one: a node may forget a block for a moment,
# and a reorg may bring it, or another form, into another one. Then the difference is counted.
_NOTE_MINED = """
    with fresh as materialized (
        select b.id, b.relayer_id, b.nonce, t.*
          from unnest(%s::bytea[], %s::bigint[], %s::bytea[], %s::numeric[])
            as t(tx, block, hash, cost)
          join payments_broadcast b on b.transaction = t.tx
         where b.mined_hash is distinct from t.hash
         order by b.id for no key update of b
    ), counted as materialized (
        select o.id, o.wei, f.tx, f.id as mined
          from fresh f cross join lateral (
               select v.id, v.gas_cost_wei as wei from payments_broadcast v
                where v.relayer_id = f.relayer_id and v.nonce = f.nonce
                  and v.gas_cost_wei is not null
               offset 0) o
    ), outdone as (
        update payments_broadcast set gas_cost_wei = null
         where id = any(array(select id from counted where id <> mined))
    ), noted as (
        update payments_broadcast b
           set mined_block = f.block, mined_hash = f.hash, gas_cost_wei = f.cost
          from fresh f where b.id = f.id
    )
    select f.tx, (select sum(c.wei) from counted c where c.tx = f.tx) from fresh f
"""


async def _note_mined(
    desk: Desk, mined: Sequence[tuple[TransactionReceipt, Sequence[UUID]]]
) -> None:
    """Keep where they were mined. Whom they did not pay is decided one by one, alone, and now.

    A batch that reverted is never sent again as it was; whose fault it was, it does not tell.
    """
    receipts = [receipt for receipt, _ in mined]
    unpaid = [payment for _, payments in mined for payment in payments]
    values = (
        [receipt.transaction for receipt in receipts],
        [receipt.block_number for receipt in receipts],
        [receipt.block_hash for receipt in receipts],
        [receipt.cost_wei for receipt in receipts],
    )
    async with desk.pool.connection() as connection, connection.transaction():
        cursor = await connection.execute(_NOTE_MINED, values)
        counted: dict[bytes, Decimal | None] = dict(await cursor.fetchall())
        new = [each for each in mined if each[0].transaction in counted]
        burnt = [gas.Burnt.of(receipt, counted[receipt.transaction]) for receipt, _ in new]
        await gas.attribute(connection, burnt, unpaid)
        at_fault = [
            payment
            for receipt, payments in new
            if counted[receipt.transaction] is None and (receipt.status == 1 or len(payments) == 1)
            for payment in payments
        ]
        await gas.note_failures(connection, at_fault)
        if unpaid:
            await connection.execute(DECIDE_ALONE, (unpaid,))


async def _waiting(desk: Desk, group: Sequence[Variant], head: Block, *, is_first: bool) -> None:
    latest = group[-1]
    if any(variant.mined_block is not None for variant in group):
        await _forget_mined(desk, group)
        return
    said: SendOutcome | None = None
    if await _must_be_sent(desk, latest):
        said = await send(desk, latest.signed)
    passed_by = desk.waiting.blocks_since(latest.signed.id, head)
    stuck = latest.age_seconds > desk.terms.stuck_seconds and passed_by >= PASSED_BY_BLOCKS
    # A key that was taken away, or stopped, signs nothing more; what it signed may still be mined.
    can_sign = is_first and latest.address in desk.keyring.addresses and not latest.is_stopped
    if can_sign and (stuck or said is SendOutcome.UNDERPRICED):
        await bump(desk, latest, is_poor=said is SendOutcome.INSUFFICIENT_GAS_MONEY)


async def _must_be_sent(desk: Desk, latest: Variant) -> bool:
    """Never sent (we died between commit and send), or dropped by the node."""
    if latest.sent_seconds is None:
        return True
    if latest.sent_seconds < RESEND_SECONDS:
        return False
    return not await desk.chain.knows(latest.signed.transaction)


async def _forget_mined(desk: Desk, group: Sequence[Variant]) -> None:
    """A reorg dropped it. Nodes do not always take it back by themselves: it is sent again."""
    forgotten = await rows(
        desk.pool,
        "update payments_broadcast set mined_block = null, mined_hash = null, sent_at = null"
        " where relayer_id = %s and nonce = %s and final_at is null"
        " returning variant, id, relayer_id, nonce, transaction, raw",
        (group[0].signed.relayer_id, group[0].signed.nonce),
    )
    for _, *signed in sorted(forgotten):
        await send(desk, Signed(*signed))


async def finish(desk: Desk, final_block: int) -> None:
    """A number whose mined variant is in a final block needs no watching.

    The block must still be there: a reorg may have undone it between two looks of ours.
    """
    blocks = await rows(desk.pool, _BURIED, (final_block, FINISHED_AT_ONCE, desk.terms.network))
    for number, block_hash in blocks:
        stands = await desk.chain.is_canonical(number, block_hash)
        async with desk.pool.connection() as connection:
            if stands:
                await connection.execute(_FINISH, (block_hash,))
            else:
                await relayer.forget_block(connection, block_hash)


# In order and so many at once: the index is walked from its oldest block, however many wait.
_BURIED = """
    select distinct b.mined_block, b.mined_hash
      from payments_relayer r
     cross join lateral (
           select mined_block, mined_hash from payments_broadcast
            where relayer_id = r.id and final_at is null and mined_block <= %s
            order by mined_block limit %s) b
     where r.network = %s
"""
# Number by number: joined, every transaction that is not final yet is compared with every other.
_FINISH = """
    update payments_broadcast set final_at = clock_timestamp()
     where id = any(array(
        select b.id from payments_broadcast m
         cross join lateral (
               select v.id from payments_broadcast v
                where v.relayer_id = m.relayer_id and v.nonce = m.nonce and v.final_at is null
               offset 0) b
         where m.mined_hash = %s and m.final_at is null))
"""
