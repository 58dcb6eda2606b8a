"""What of a wallet's purchases goes when its owner's account is erased, and what has to wait.

Facts of payments, the ledger and receipts stay: the law on bookkeeping asks for them, and the
chain has them anyway. The bodies of answers go, whole or cut, and the name that an owner gave a
wallet.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from payments.database.partitions import DAYS_AHEAD
from payments.disputes.cases import erase_words
from payments.limits.setting import forget_names
from payments.models import Dispute, Side
from payments.reports.cases import by_payers
from payments.wallets.payers import Payer

PAYMENTS_AT_ONCE: Final = 500
BODIES_KEPT = timedelta(days=DAYS_AHEAD + 1)  # no listing keeps answers for longer

_MOVING = """
    with unfinished as (
        select payment_id from payments_progress where next_check_at is not null
         union all
        select payment_id from payments_progress where work = 'open' and next_check_at is null
    )
    select 1 from unfinished u join payments_payment p on p.id = u.payment_id
     where p.payer = any(%(payers)s) or p.seller_id = %(seller)s limit 1
"""


def is_moving(payers: tuple[Payer, ...], seller_id: UUID | None) -> bool:
    """Whether a payment by these wallets, or to this seller, is not at its end yet."""
    values = {"payers": [each.address for each in payers], "seller": seller_id}
    with connection.cursor() as cursor:
        cursor.execute(_MOVING, values)
        return cursor.fetchone() is not None


def open_disputes(payers: tuple[Payer, ...], seller_id: UUID | None) -> int:
    """How many cases of these wallets, or with this seller, nobody has decided yet."""
    theirs = by_payers(payers) | Q(seller_id=seller_id)
    return Dispute.objects.filter(theirs, closed_at__isnull=True).count()


_BOUGHT = """
    select id, created_at from payments_payment
     where payer = %(address)s and (%(home)s = '' or network = %(home)s)
       and created_at >= %(at)s and (created_at, id) > (%(at)s, %(from)s)
     order by created_at, id limit %(most)s
"""
_BODIES = (
    "delete from payments_answerbody where payment_id = any(%s)",
    "delete from payments_streampart where payment_id = any(%s)",
)


def erase_bought(payers: tuple[Payer, ...]) -> int:
    """Let go of what these wallets were answered and wrote, and of their names; safe to repeat."""
    forget_names(payers)
    erase_words(by_payers(payers), Side.PAYER)
    return sum(_erase_bodies(payer) for payer in payers)


def _erase_bodies(payer: Payer) -> int:
    """A bounded number of payments in each statement."""
    gone = 0
    values: dict[str, Any] = {
        "address": payer.address,
        "home": payer.network,
        "at": timezone.now() - BODIES_KEPT,
        "from": UUID(int=0),
        "most": PAYMENTS_AT_ONCE,
    }
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_BOUGHT, values)
            found = cursor.fetchall()
            if not found:
                return gone
            for statement in _BODIES:
                cursor.execute(statement, ([row[0] for row in found],))
                gone += cursor.rowcount
            values |= {"from": found[-1][0], "at": found[-1][1]}
