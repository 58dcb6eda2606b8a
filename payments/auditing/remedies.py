"""What is done about differences between ledger and chain: whoever may decide looks again."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.db import connection, transaction

from payments import audit_log
from payments.auditing.reconcile import NO_PAYMENT, Result
from payments.marks import LOOK_AGAIN
from payments.restored import keep_lost

PAYMENTS_NAMED_MAX: Final = 100


def look_again(result: Result, *, by: str) -> None:
    """Have the settler look at every payment that differs, and write down those that no row
    knows. No state changes here, and no ledger line is written."""
    if not result.differences and not result.lost:
        return
    differ = [each.payment for each in result.differences]
    known = [UUID(each.payment) for each in result.differences if each.kind not in NO_PAYMENT]
    with transaction.atomic(), connection.cursor() as cursor:
        audit_log.take_turn()
        cursor.execute(LOOK_AGAIN, (known, 0))
        kept = keep_lost(result)
        audit_log.record(
            by,
            "ledger.looked_again",
            f"network:{result.network}",
            after={
                "payments": differ[:PAYMENTS_NAMED_MAX],
                "differ": len(differ),
                "written_down": kept,
            },
        )
