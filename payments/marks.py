"""Marks on a payment that are no state: they change neither fact, and so take no step."""

from __future__ import annotations

from payments.database.row_locks import IS_HELD, held

RENEW_LEASES = f"""
    with {held("payment_id = any(%s)")}
    update payments_progress g
       set lease_until = clock_timestamp() + make_interval(secs => %s)
      from unnest(%s::uuid[], %s::smallint[]) as t(id, attempt)
     where {IS_HELD} and g.payment_id = t.id and g.attempt = t.attempt and g.work <> 'void'
       and g.collected_at is null
"""  # noqa: S608 - composed of our own constants only, here and below
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
IDENTIFIER_MISS = """
    update payments_progress set identifier_misses = identifier_misses + 1
     where payment_id = %s returning identifier_misses
"""
COLLECT = f"""
    with {held("payment_id = any(%s) and collected_at is null")}
    update payments_progress set collected_at = clock_timestamp()
     where payment_id in (select payment_id from held) returning payment_id
"""  # noqa: S608
LOOK_AGAIN = f"""
    with {held("payment_id = any(%s) and next_check_at is not null")}
    update payments_progress
       set next_check_at = clock_timestamp() + make_interval(secs => %s), put_off = false
     where payment_id in (select payment_id from held) returning 1
"""  # noqa: S608
# Not what became due anew since it was taken: it moved, or somebody wants it looked at now.
PUT_OFF = f"""
    with {held("payment_id = any(%s) and taken_at >= next_check_at")}
    update payments_progress
       set next_check_at = clock_timestamp() + make_interval(secs => %s), put_off = true
     where payment_id in (select payment_id from held) returning 1
"""  # noqa: S608
LOOK_ABOVE = f"""
    with {
    held(
        "network = %s and next_check_at is not null and closed_at is null"
        " and money in ('settled', 'confirmed') and block_number >= %s"
    )
}
    update payments_progress set next_check_at = clock_timestamp()
     where payment_id in (select payment_id from held) returning 1
"""  # noqa: S608
DECIDE_ALONE = f"""
    with {held("payment_id = any(%s) and money = 'broadcast'")}
    update payments_progress set alone = true, next_check_at = clock_timestamp(),
                                 put_off = put_off and alone
     where payment_id in (select payment_id from held)
"""  # noqa: S608
CLOSE = f"""
    with {held("payment_id = any(%s) and money = 'confirmed'")}
    update payments_progress set next_check_at = null, closed_at = clock_timestamp()
     where payment_id in (select payment_id from held) returning payment_id
"""  # noqa: S608
