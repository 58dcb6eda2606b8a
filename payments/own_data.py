"""Everything of an account's wallets that is kept here, for whoever proved that they are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from payments.books import COLUMNS, cells
from payments.limits.alerts import mail_from
from payments.limits.groups import groups_of
from payments.limits.owners import group_holder
from payments.models import Limit, LimitAlert, Receipt
from payments.reports.cases import by_payers, told_of
from payments.reports.looks import FIRST_DAY
from payments.reports.purchases import Sought, all_purchases
from payments.serving.archives import Entry, json_entry, lines_of
from payments.serving.spreadsheets import csv_parts
from payments.wallets.payers import Payer


def bought_by(payers: tuple[Payer, ...]) -> Iterator[Entry]:
    """What these wallets bought, the signed receipts, and what they may spend."""
    sought = Sought(payers, FIRST_DAY, datetime.now(UTC).date())
    yield "bought/payments.csv", csv_parts(COLUMNS, all_purchases(sought), cells)
    ids = ([row.id for row in page] for page in all_purchases(sought))
    yield "bought/receipts.jsonl", receipts_of(ids)
    yield "bought/disputes.jsonl", [lines_of(told_of(by_payers(payers)))]
    yield json_entry("bought/limits.json", _limits(payers))


def receipts_of(pages: Iterable[list[UUID]]) -> Iterator[bytes]:
    """Every version of every receipt of these payments, as it was signed."""
    for ids in pages:
        rows = Receipt.objects.filter(payment_id__in=ids).order_by("payment_id", "version")
        yield lines_of(rows.values("payment_id", "version", "issued_at", "jws"))


def groups_kept_of(owner: int) -> dict[str, Any]:
    """The groups of an account, what they came to, and what it wants to be told by mail."""
    groups = list(groups_of(owner).values())
    holders = [group_holder(each["id"]) for each in groups]
    alerts = LimitAlert.objects.filter(holder__in=holders).order_by("raised_at")
    return {
        "groups": groups,
        "alerts": list(alerts.values()),
        "mail_from_percent": mail_from(owner),
    }


def _limits(payers: tuple[Payer, ...]) -> list[Any]:
    addresses = [each.address for each in payers]
    return list(Limit.objects.filter(payer__in=addresses).order_by("payer").values())
