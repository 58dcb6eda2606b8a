"""The hand-over of a stored answer: collected by its buyer, or left behind by them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from payments.database.pool import Pool, one, rows
from payments.lookup import IS_LEFT, TwinTerms
from payments.marks import ABANDON, COLLECT

_TAKE_LEFT = f"""
    update payments_progress g
       set abandoned_at = null,
           lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
     where g.payment_id = %(id)s and {IS_LEFT} returning 1
"""  # noqa: S608 - composed of our own constants only


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


async def take_left(
    pool: Pool, payment_id: UUID, *, lease_seconds: float, twins: TwinTerms
) -> bool:
    """What its buyer left behind is theirs again, under a lease; False when another has it now."""
    values = {"id": payment_id, "lease": lease_seconds, **twins.values}
    return await one(pool, _TAKE_LEFT, values) is not None
