"""One payment as a line of somebody's books: what a tax office and an accountant ask for."""

from __future__ import annotations

from payments.amounts import Amount
from payments.reports.bought import Bought
from payments.written import utc
from payments.x402.networks import NETWORKS

COLUMNS = (
    "time_utc", "receipt", "payment", "seller", "listing", "title", "counterparty", "payer",
    "network", "chain", "asset", "symbol", "decimals", "gross", "gross_atomic", "status",
    "transaction", "block", "charged", "charged_atomic", "refunded", "refunded_atomic",
    "refund_transactions",
)  # fmt: skip


def cells(row: Bought) -> tuple[str, ...]:
    """The line of one payment, in the order of `COLUMNS`."""
    amount = row.amount
    chain = NETWORKS.get(row.network)
    return (
        utc(row.at), row.receipt_id, str(row.id), row.listing_path.partition("/")[0],
        row.listing_path, row.title, row.pay_to, row.payer, row.network,
        chain.name if chain else "", amount.asset, amount.symbol or "",
        "" if amount.decimals is None else str(amount.decimals), *sum_of(amount),
        row.words.text, row.transaction,
        "" if row.block_number is None else str(row.block_number),
        *sum_of(row.charged), *sum_of(row.refunded), " ".join(row.refund_transactions),
    )  # fmt: skip


def sum_of(amount: Amount) -> tuple[str, str]:
    """An amount twice: whole, where the token's decimals are known, and in base units."""
    whole = amount.text.partition(" ")[0] if amount.decimals is not None else ""
    return whole, str(amount.atomic)
