"""After a restore: nothing is sold before the operator says so, and no key signs before the chain
has shown what it did since the backup.

The restored rows know less than the chain. A relayer would hand out numbers that are taken, and
payments that were sent after the backup would look unsent. So every relayer stands still from the
restore's own transaction on, what its numbers were used for is watched until it is final, and
then the relayer goes on where the chain stands.

What is sold is as old as the backup, too: offers are open again that were ended since, also where
no relayer of ours settles. So new payments are refused on every network until the operator has
ended them again and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from payments import audit_log
from payments.chains import Chain
from payments.database.pool import Pool, one
from payments.models import Heartbeat, OpenOffer
from payments.relaying.numbers import STILL_OUT

if TYPE_CHECKING:
    from payments.auditing.reconcile import Result

WHY = "the database was restored from a backup; manage.py relayer adopt goes on"
HELD = "the database was restored from a backup; manage.py reopen takes payments again"
HELD_ROW = "restored"  # among the signs of life: a table that every backup has
# Runs in the transaction that restores: there is no instant in which a key could sign, or a door
# take what a row of the backup says for the present state of a network.
HOLD_SQL = f"""
update payments_relayer set stopped_why = '{WHY}' where stopped_why = '';
insert into payments_heartbeat (name, at) values ('{HELD_ROW}', clock_timestamp())
    on conflict (name) do update set at = excluded.at;
delete from payments_chainhealth;
"""  # noqa: S608 - composed of our own constants only

_STANDING = f"""
    select next_nonce, stopped_why,
           (select count(distinct b.nonce) from payments_broadcast b
             where b.relayer_id = r.id and b.nonce < %(mined)s and {STILL_OUT})
      from payments_relayer r where network = %(network)s and address = %(address)s
"""  # noqa: S608 - composed of our own constants only
_ADOPT = """
    update payments_relayer set stopped_why = '', next_nonce = greatest(next_nonce, %(mined)s)
     where network = %(network)s and address = %(address)s and stopped_why = %(why)s
       and next_nonce = %(next)s
 returning next_nonce
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """One relayer beside the chain."""

    network: str
    address: str
    next_nonce: int
    mined: int
    pending: int
    unexplained: int  # numbers the chain has, under which ours is not seen nor given up yet
    stopped_why: str

    @property
    def sent_since(self) -> int:
        """How many transactions of this key the database does not know."""
        return max(0, self.mined - self.next_nonce)

    @property
    def obstacle(self) -> str:
        """Why it cannot go on yet; empty when it can."""
        if self.stopped_why != WHY:
            return f"it stands still for another reason: {self.stopped_why or 'it does not'}"
        if self.pending > self.mined:
            return f"{self.pending - self.mined} of its transactions wait to be mined; ask again"
        if self.unexplained:
            return (
                f"{self.unexplained} of its numbers are still being looked at; the worker must"
                " run, and the chain must be some blocks further: ask again in a minute"
            )
        return ""


async def look_at(pool: Pool, chain: Chain, address: str) -> Standing | None:
    """Compare a relayer's row with the chain; None where there is no such row."""
    mined = await chain.nonce(address, "latest")
    pending = await chain.nonce(address, "pending")
    given = {"network": chain.network, "address": address, "mined": mined}
    row = await one(pool, _STANDING, given)
    if row is None:
        return None
    next_nonce, stopped_why, unexplained = row
    return Standing(chain.network, address, next_nonce, mined, pending, unexplained, stopped_why)


def adopt(standing: Standing, *, by: str) -> bool:
    """Let a relayer go on where the chain stands; False when its row has changed meanwhile."""
    assert not standing.obstacle
    given: dict[str, str | int] = {
        "network": standing.network,
        "address": standing.address,
        "mined": standing.mined,
        "next": standing.next_nonce,
        "why": WHY,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        audit_log.take_turn()  # before the row that whoever sends waits for
        cursor.execute(_ADOPT, given)
        if cursor.fetchone() is None:
            return False
        audit_log.record(
            by,
            "relayer.adopted",
            f"wallet:{standing.address}",
            before={"next_nonce": standing.next_nonce, "stopped_why": standing.stopped_why},
            after={
                "network": standing.network,
                "next_nonce": max(standing.mined, standing.next_nonce),
            },
        )
    return True


async def why_held(pool: Pool) -> str:
    """Why nothing is sold before the operator says so; empty where nobody waits for that."""
    row = await one(pool, "select 1 from payments_heartbeat where name = %s", (HELD_ROW,))
    return HELD if row else ""


def is_held() -> bool:
    return Heartbeat.objects.filter(name=HELD_ROW).exists()


def wallets_paid() -> dict[str, int]:
    """The wallets that open offers pay, and how many offers pay each."""
    is_open = Q(closed_at__isnull=True) | Q(closed_at__gt=Now())
    found = OpenOffer.objects.filter(is_open).order_by("pay_to")
    return dict(found.values("pay_to").annotate(offers=Count("pk")).values_list("pay_to", "offers"))


def reopen(*, by: str) -> bool:
    """Take payments again; False where nothing held them."""
    with transaction.atomic():
        if not Heartbeat.objects.filter(name=HELD_ROW).delete()[0]:
            return False
        audit_log.record(by, "sales.reopened", "site:database", before={"why": HELD})
    return True


_KEEP = """
    insert into payments_lostpayment
        (network, asset, payer, nonce, pay_to, amount_atomic, transaction, block_number, noted_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp()) on conflict do nothing returning 1
"""


def keep_lost(result: Result) -> int:
    """Write down what the chain knows of payments that are in no row; they are known then."""
    kept = 0
    for each in result.unknown:
        given = (
            result.network, result.asset, each.payer, bytes.fromhex(each.nonce), each.pay_to,
            each.amount_atomic, bytes.fromhex(each.transaction), each.block,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, given)
            kept += cursor.rowcount
    return kept
