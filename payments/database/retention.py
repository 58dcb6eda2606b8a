"""What is not kept for good: counters at rest, old counts, used sign-in texts, sent bytes.

Every statement takes a bounded number of rows, skips those that somebody holds, and commits:
nobody waits for the broom, and what it left is found the next time.
"""

from __future__ import annotations

from payments.database.pool import Pool, one
from payments.exposure.exposure import SPENT_KEY

ROWS_AT_ONCE = 1_000
COUNTER_IDLE_HOURS = 24
COUNTS_KEPT_DAYS = 90
GAS_KEPT_DAYS = 400  # a year to compare with the one before
FAILED_SENDS_KEPT_DAYS = 1
NONCE_KEPT_HOURS = 1  # after it ran out
ALERTS_KEPT_DAYS = 90
RAW_KEPT_DAYS = 7  # after it was final; its hash, number and price stay


async def forget(pool: Pool) -> None:
    await forget_idle_counters(pool)
    await forget_counts(pool)
    await forget_gas_use(pool)
    await forget_failed_sends(pool)
    await forget_nonces(pool)
    await forget_sent_bytes(pool)
    await forget_alerts(pool)


# Of a wallet whose owner limits it: a day that is over, and its payments with it.
IS_OVER = f"""
    (starts_with(key, '{SPENT_KEY}') and used_at < clock_timestamp() - interval '8 days')
"""
_IDLE = f"""
    with looked as (
        select key, (used_atomic = 0 and on_trust_atomic = 0
                     and earned_atomic = 0 and lost_at is null
                     and used_at < clock_timestamp() - make_interval(hours => %(idle)s))
                    or {IS_OVER} as idle
          from payments_cap where key > %(after)s order by key limit %(most)s
    ), held as (
        select c.key from payments_cap c
         where c.key in (select key from looked where idle)
           and ((c.used_atomic = 0
                 and c.on_trust_atomic = 0 and c.earned_atomic = 0 and c.lost_at is null
                 and c.used_at < clock_timestamp() - make_interval(hours => %(idle)s))
                or {IS_OVER})
         order by c.key for update skip locked
    ), gone as (
        delete from payments_cap c using held where c.key = held.key returning 1
    )
    select (select max(key) from looked), (select count(*) from gone)
"""  # noqa: S608 - composed of our own constants only


async def forget_idle_counters(pool: Pool) -> int:
    """Counters of wallets and listings under which nothing is at risk, and was not for a day.

    What a wallet has earned or lost stands in its counter, and stays.

    A claim that finds its counter gone makes it again (claiming, risk).
    """
    gone, after = 0, ""
    values = {"idle": COUNTER_IDLE_HOURS, "most": ROWS_AT_ONCE}
    while (row := await one(pool, _IDLE, {**values, "after": after})) and row[0] is not None:
        after, gone = row[0], gone + row[1]
    return gone


# A bounded number of rows, the oldest first; those that somebody holds are left.
_OLD = """
    with old as ({which} limit %(most)s for update skip locked),
    gone as ({change} where t.{key} = old.{key} returning 1)
    select count(*) from gone
"""


async def forget_counts(pool: Pool) -> int:
    """Quotes per minute are for charts of the last months."""
    return await _in_batches(
        pool,
        "select id from payments_challengecount"
        " where minute < now() - make_interval(days => %(days)s) order by minute",
        "delete from payments_challengecount t using old",
        days=COUNTS_KEPT_DAYS,
    )


async def forget_gas_use(pool: Pool) -> int:
    """What a seller's payments cost on one day; each transaction keeps its own cost."""
    return await _in_batches(
        pool,
        "select id from payments_gasuse"
        " where day < (now() at time zone 'utc')::date - %(days)s order by day",
        "delete from payments_gasuse t using old",
        days=GAS_KEPT_DAYS,
    )


async def forget_failed_sends(pool: Pool) -> int:
    """Gas that was spent on a payer in vain counts for an hour."""
    return await _in_batches(
        pool,
        "select id from payments_failedsend"
        " where at < now() - make_interval(days => %(days)s) order by at",
        "delete from payments_failedsend t using old",
        days=FAILED_SENDS_KEPT_DAYS,
    )


async def forget_nonces(pool: Pool) -> int:
    """Sign-in texts whose time is over are refused by their time; they need no row."""
    return await _in_batches(
        pool,
        "select nonce from payments_usednonce"
        " where expires_at < now() - make_interval(hours => %(hours)s) order by expires_at",
        "delete from payments_usednonce t using old",
        key="nonce",
        hours=NONCE_KEPT_HOURS,
    )


async def forget_sent_bytes(pool: Pool) -> int:
    """A transaction's bytes are kept to be sent again; nobody sends what is final."""
    return await _in_batches(
        pool,
        "select id from payments_broadcast"
        " where final_at < now() - make_interval(days => %(days)s) and raw is not null"
        " order by final_at",
        "update payments_broadcast t set raw = null from old",
        days=RAW_KEPT_DAYS,
    )


async def forget_alerts(pool: Pool) -> int:
    """That a limit came near is told at once, and looked back at for some months."""
    return await _in_batches(
        pool,
        "select id from payments_limitalert"
        " where raised_at < now() - make_interval(days => %(days)s) and told_at is not null"
        " order by raised_at",
        "delete from payments_limitalert t using old",
        days=ALERTS_KEPT_DAYS,
    )


async def _in_batches(pool: Pool, which: str, change: str, key: str = "id", **age: int) -> int:
    statement = _OLD.format(which=which, change=change, key=key)
    gone = 0
    while (row := await one(pool, statement, {**age, "most": ROWS_AT_ONCE})) and row[0]:
        gone += row[0]
        if row[0] < ROWS_AT_ONCE:
            break
    return gone
