"""Payments that we do not bring on chain: looked for until the chain says how they ended.

What was not charged may be spent by its owner all the same, until its window is over; what does not
go through now may be paid later, by us or by a stranger. There may be many, and nobody's answer
waits for most of them: they are asked for together, and less often the longer they have waited.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from payments.chains import Block, ChainUnavailable
from payments.models import Work
from payments.settling import desk as desks
from payments.settling import outcomes
from payments.settling.desk import Desk, NetworkTerms, Row
from payments.settling.evidence import Found, Proof, find_ends

log = logging.getLogger(__name__)

VOIDS_MAX = 400
VOID_CHECK_SECONDS = 4.0
UNPAYABLE_RETRY_SECONDS = 3.0  # not collectable now: drained, paused, blocked; it may change
# Where a spent authorization's event is searched for: from its claim on, and before it for as long
# as the door's node may have lagged; once its window is over, from much earlier, and seldom.
LAG_BLOCKS_MIN = 20
EARLIER_SECONDS = 3_600.0
LOST_RETRY_SECONDS = 600.0
AGE_PER_WAIT = 8  # a row is let alone for up to so small a part of its age
DOUBLED_MAX = 3


async def look_at_voids(desk: Desk, final: Block) -> int:
    """Take what was not charged and is due; says how many rows it looked at."""
    voids = await desks.take_voids(desk.pool, desk.terms.network, most=VOIDS_MAX)
    await look_for_ends(desk, voids, final)
    return len(voids)


async def look_for_ends(desk: Desk, rows: Sequence[Row], final: Block) -> None:
    """Paid by somebody, ended without paying us, or over: or to be looked at again later."""
    if not rows:
        return
    try:
        head = await desk.chain.head()
    except ChainUnavailable:
        await _later(desk, rows)
        raise
    by_asset: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_asset[row.asset].append(row)
    for asset, group in by_asset.items():
        try:
            used = await _used(desk, asset, group, head)
        except ChainUnavailable as error:
            # Not the others' trouble: they are looked at, and what is due beside them is sent.
            log.warning("%s: authorizations of %s: %s", desk.terms.network, asset, error)
            await _later(desk, group)
            continue
        await _end_unused(desk, [row for row in group if row.payment_id not in used], head, final)
        await _end_used(desk, [row for row in group if row.payment_id in used], head, final)


async def _used(desk: Desk, asset: str, group: Sequence[Row], head: Block) -> set[UUID]:
    """Whose nonces are used by this head.

    A used nonce stays used: unused by a block above the final one, it was unused by that one as
    well. The head's own state is what every node keeps; that of the final block many have lost.
    """
    pairs = [(row.authorization.payer, row.authorization.nonce) for row in group]
    states = await desk.chain.authorization_states(asset, pairs, head.number)
    return {row.payment_id for row, is_used in zip(group, states, strict=True) if is_used}


async def _end_unused(desk: Desk, unused: Sequence[Row], head: Block, final: Block) -> None:
    """Not paid is final only when the window is over at a final block, and the nonce unused."""
    over: list[Row] = []
    later: list[Row] = []
    for row in unused:
        is_over = _is_over(row, head, final) and await _is_agreed(desk, row, final)
        (over if is_over else later).append(row)
    await outcomes.fail(desk, over, "window over")
    await _later(desk, later)


def _is_over(row: Row, head: Block, final: Block) -> bool:
    return final.timestamp >= row.authorization.valid_before and head.number >= final.number


async def _is_agreed(desk: Desk, row: Row, final: Block) -> bool:
    """No single node says that a large sum was never paid: it cannot be taken back."""
    word = row.authorization
    if word.amount_atomic < desk.terms.agree_above_atomic:
        return True
    return await desk.chain.agreed_unused(row.asset, word.payer, word.nonce, final)


async def _end_used(desk: Desk, used: Sequence[Row], head: Block, final: Block) -> None:
    """Only the chain's events say whether a used nonce paid."""
    found = await _find(desk, used, head, final)
    ends = found.ends
    paid: list[tuple[Row, Proof]] = []
    ended: dict[str, list[Row]] = defaultdict(list)
    soon: list[UUID] = []
    for row in used:
        end = ends.get(row.payment_id)
        if end is None:
            continue
        if end.proof is not None:
            paid.append((row, end.proof))
        elif end.block_number <= final.number:
            ended[end.word].append(row)
        else:
            soon.append(row.payment_id)
    await outcomes.settle(desk, paid, "paid on chain")
    for word, group in ended.items():
        await outcomes.fail(desk, group, word)
    await desks.put_off(desk.pool, soon, desk.terms.block_seconds * 2)
    await _seldom(desk, found.absent)
    await _later(desk, [row for row in used if row.payment_id not in ends.keys() | found.absent])


async def _find(desk: Desk, used: Sequence[Row], head: Block, final: Block) -> Found:
    """The ends that are found, and those absent though all was searched that can hold them.

    What is final is searched once, so that no look takes longer the older a payment is.
    """
    search = partial(
        find_ends, desk.chain, head=head, agree_above_atomic=desk.terms.agree_above_atomic
    )
    begins = {row.payment_id: begin(desk.terms, row.claimed_block) for row in used}
    first_block = desk.searched.first_block
    found = await search(
        [(row, first_block(row.payment_id, begins[row.payment_id])) for row in used]
    )
    desk.searched.note(found.absent, min(final.number, head.number))
    lost = [row for row in used if row.payment_id in found.absent and _is_over(row, head, final)]
    earlier = desk.terms.blocks_in(EARLIER_SECONDS)
    again = await search([(row, max(0, begins[row.payment_id] - earlier)) for row in lost])
    return Found(found.ends | again.ends, again.absent)


def begin(terms: NetworkTerms, claimed_block: int) -> int:
    """The first block that can hold the event of what was unspent when it was claimed."""
    return max(0, claimed_block - max(LAG_BLOCKS_MIN, terms.blocks_in(terms.lag_seconds)))


async def _seldom(desk: Desk, lost: Iterable[UUID]) -> None:
    """Spent, and nobody says how: it stays open, for nothing shows that it did not pay."""
    ids = list(lost)
    for payment_id in ids:
        log.error("%s: payment %s was spent, and no event says how", desk.terms.network, payment_id)
    await desks.put_off(desk.pool, ids, LOST_RETRY_SECONDS)


async def _later(desk: Desk, rows: Iterable[Row]) -> None:
    by_wait: dict[float, list[UUID]] = defaultdict(list)
    for row in rows:
        by_wait[_wait_seconds(row)].append(row.payment_id)
    for seconds, ids in by_wait.items():
        await desks.put_off(desk.pool, ids, seconds)


def _wait_seconds(row: Row) -> float:
    """Short in the beginning, while its buyer may still be there, and then twice as long."""
    seconds = VOID_CHECK_SECONDS if row.work == Work.VOID else UNPAYABLE_RETRY_SECONDS
    for _ in range(DOUBLED_MAX):
        if seconds * 2 * AGE_PER_WAIT > row.age_seconds:
            break
        seconds *= 2
    return seconds
