"""How far each reader has come through the payments' steps: every one is read, none is missed.

A step carries the time at which its statement ran, and is seen once that is committed. So a time
is over only when every transaction that had begun by then has ended. A reader reads all that is
there, also beyond what is over, and keeps its place at what is over: a step may be read more than
once, and whoever reads must not mind.
"""

from __future__ import annotations

# Who reads. Each has a row, and holds it while it reads a page.
EARNINGS = "earnings"
WEBHOOKS = "webhooks"
LIMITS = "limits"

FIRST_MARK = """
    insert into payments_stepmark (reader, read_until, noted_at, noted_xid)
    values (%(reader)s, 'epoch', 'epoch', 0) on conflict do nothing returning 1
"""
PLACE = "select read_until from payments_stepmark where reader = %(reader)s"
# `noted_xid` is the next transaction's number at `noted_at`, and older ones have all ended once
# the oldest that still runs has reached it. A number from before a restore may be out of all
# reach. Gives from where to read, and what is over; nothing while another is at it.
START = """
    with held as (
        select * from payments_stepmark where reader = %(reader)s for update skip locked
    ), present as (
        select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest,
               pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next
    )
    update payments_stepmark m
       set noted_at = case when over then clock_timestamp() else m.noted_at end,
           noted_xid = case when over then present.next else m.noted_xid end
      from held, present, lateral (select held.noted_xid <= present.oldest
                                          or held.noted_xid > present.next as over) as whether
     where m.reader = held.reader
 returning held.read_until,
           case when held.noted_xid <= present.oldest
                then greatest(held.read_until, held.noted_at - interval '1 second')
                else held.read_until end
"""
HOLD = "select 1 from payments_stepmark where reader = %(reader)s for update"
ADVANCE = """
    update payments_stepmark set read_until = greatest(read_until, %(until)s)
     where reader = %(reader)s
"""
