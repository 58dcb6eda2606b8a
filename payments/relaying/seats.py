"""Which key sends the next transaction, and how much of it that key's gas money carries.

A node takes a transaction only where its gas limit at its highest price is at hand, and so much
again for everything of that key's that is still under way. What is mined costs a fraction of it.
"""

from __future__ import annotations

from payments.chains import Fees
from payments.database.pool import Connection
from payments.relaying.relayer import BATCH_GAS, MEMBER_GAS, Keyring, Seat, Stopped
from payments.x402.schemes.exact_eip3009 import GAS_PLAIN

LOW_SENDS = 10  # payments that a key must be good for: so many may be claimed before doors know


class NoGasMoney(Exception):
    """No relayer that may sign can pay for this transaction now."""


def low_wei(least_wei: int, fees: Fees) -> int:
    """Below it a key is no reason to take new payments."""
    return max(least_wei, LOW_SENDS * GAS_PLAIN * fees.max_fee_wei)


def places(wanted: int, spare_wei: int | None, fees: Fees) -> int:
    """How many of so many payments one transaction may carry; a single one was paid for before."""
    if spare_wei is None:
        return wanted
    payable = (spare_wei // max(1, fees.max_fee_wei) - BATCH_GAS) // MEMBER_GAS
    return max(1, min(wanted, payable))


# A number under way may cost as much as its dearest form. What stands below a mined one was mined
# as well, under whatever form: numbers are used in their order.
_TAKE = """
    select r.id, r.address, r.next_nonce, (r.balance_wei - u.bound_wei)::numeric
      from payments_relayer r
     cross join lateral (
           select count(*) as numbers, coalesce(sum(n.most_wei), 0) as bound_wei
             from (select max(b.gas_limit * b.max_fee_wei) as most_wei from payments_broadcast b
                    where b.relayer_id = r.id and b.final_at is null and b.mined_block is null
                      and b.nonce > coalesce((
                          select m.nonce from payments_broadcast m
                           where m.relayer_id = r.id and m.mined_block is not null
                           order by m.nonce desc limit 1), -1)
                    group by b.nonce) n) u
     where r.network = %s and r.address = any(%s) and r.stopped_why = ''
       and (r.balance_wei is null or r.balance_wei - u.bound_wei >= %s)
     order by u.numbers, r.id
     limit 1 for update of r
"""


async def take_seat(connection: Connection, keyring: Keyring, least_wei: int) -> Seat:
    """The next number of the relayer that has the least under way, of those that can pay so much.

    Holds its row's lock.
    """
    cursor = await connection.execute(_TAKE, (keyring.network, keyring.addresses, least_wei))
    row = await cursor.fetchone()
    if row is None:
        await _insist_one_may_sign(connection, keyring)
        raise NoGasMoney(f"no relayer of {keyring.network} has {least_wei} wei to spare for gas")
    relayer_id, address, nonce, spare = row
    await connection.execute(
        "update payments_relayer set next_nonce = next_nonce + 1 where id = %s", (relayer_id,)
    )
    return Seat(relayer_id, address, nonce, None if spare is None else int(spare))


async def _insist_one_may_sign(connection: Connection, keyring: Keyring) -> None:
    cursor = await connection.execute(
        "select 1 from payments_relayer"
        " where network = %s and address = any(%s) and stopped_why = '' limit 1",
        (keyring.network, keyring.addresses),
    )
    if await cursor.fetchone() is None:
        raise Stopped(f"no relayer of {keyring.network} may sign")


async def affords(connection: Connection, relayer_id: int, cost_wei: int) -> bool:
    """Whether a relayer had so much when it was last looked at; holds its row's lock."""
    cursor = await connection.execute(
        "select coalesce(balance_wei >= %s, true) from payments_relayer where id = %s for update",
        (cost_wei, relayer_id),
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
