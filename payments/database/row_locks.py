"""Payments that change together are locked first and in one order, by a step of its own.

In one order, or two statements would wait for each other. In a step of its own, which runs once: a
plan that joins the locked rows may lock all of them anew for each, and a block's hundreds of
payments cost the square of their number.
"""

from __future__ import annotations


def held(which: str) -> str:
    """A step of a statement that locks these payments; whoever changes them asks `IS_HELD`."""
    return (
        "held as materialized (select payment_id from payments_progress"  # noqa: S608 - our own
        f" where {which} order by payment_id for no key update)"
    )


# True, and known only once the whole step has run.
IS_HELD = "(select count(*) from held) >= 0"
