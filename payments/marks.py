"""Marks on a payment that are no state: they change neither fact, and so take no step."""

from __future__ import annotations


def _in_order(where: str) -> str:
    """Rows that change together are locked in one order, or two statements wait for each other."""
    return (
        "payment_id in (select payment_id from payments_progress"  # noqa: S608 - our own words
        f" where {where} order by payment_id for no key update)"
    )


RENEW_LEASES = """
    update payments_progress g
       set lease_until = clock_timestamp() + make_interval(secs => %s)
      from unnest(%s::uuid[], %s::smallint[]) as t(id, attempt)
      join (select payment_id from payments_progress where payment_id = any(%s)
             order by payment_id for no key update) o on o.payment_id = t.id
     where g.payment_id = t.id and g.attempt = t.attempt and g.work <> 'void'
       and g.collected_at is null
"""
ABANDON = """
    update payments_progress set abandoned_at = clock_timestamp()
     where payment_id = %s and collected_at is null and abandoned_at is null returning 1
"""
DROP = """
    update payments_progress
       set lease_until = clock_timestamp(),
           abandoned_at = coalesce(abandoned_at, clock_timestamp())
     where payment_id = %s and attempt = %s and work = 'open' and money <> 'none' returning 1
"""
UNCOLLECT = """
    update payments_progress set collected_at = null, abandoned_at = clock_timestamp()
     where payment_id = %s returning 1
"""
IDENTIFIER_MISS = """
    update payments_progress set identifier_misses = identifier_misses + 1
     where payment_id = %s returning identifier_misses
"""
COLLECT = f"""
    update payments_progress set collected_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and collected_at is null")} returning payment_id
"""  # noqa: S608 - composed of our own constants only, here and below
LOOK_AGAIN = f"""
    update payments_progress
       set next_check_at = clock_timestamp() + make_interval(secs => %s)
     where {_in_order("payment_id = any(%s) and next_check_at is not null")} returning 1
"""  # noqa: S608
LOOK_ABOVE = f"""
    update payments_progress set next_check_at = clock_timestamp()
     where {
    _in_order(
        "network = %s and next_check_at is not null and closed_at is null"
        " and money in ('settled', 'confirmed') and block_number >= %s"
    )
} returning 1
"""  # noqa: S608
DECIDE_ALONE = f"""
    update payments_progress set alone = true, next_check_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and money = 'broadcast'")}
"""  # noqa: S608
CLOSE = f"""
    update payments_progress set next_check_at = null, closed_at = clock_timestamp()
     where {_in_order("payment_id = any(%s) and money = 'confirmed'")} returning payment_id
"""  # noqa: S608
