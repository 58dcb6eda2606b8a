"""The hand-over of a stored answer: collected by its buyer, or left behind by them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from payments.marks import ABANDON, COLLECT, UNCOLLECT
from payments.pool import Pool, one, rows


async def abandon(pool: Pool, payment_id: UUID) -> None:
    """The buyer went away without the answer; their next payment for it will join this one."""
    await one(pool, ABANDON, (payment_id,))


async def collect_together(pool: Pool, payment_ids: Sequence[UUID]) -> list[bool]:
    """The answers go to their buyers; False where one had been collected before."""
    collected = {row[0] for row in await rows(pool, COLLECT, (list(payment_ids),))}
    return [payment_id in collected for payment_id in payment_ids]


async def collect(pool: Pool, payment_id: UUID) -> bool:
    """The answer goes to its buyer; False when it had been collected before."""
    return (await collect_together(pool, [payment_id]))[0]


async def uncollect(pool: Pool, payment_id: UUID) -> None:
    """The buyer hung up in the very moment of the hand-over: it counts as abandoned."""
    await one(pool, UNCOLLECT, (payment_id,))
