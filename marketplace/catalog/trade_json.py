"""What a listing moved on chain, in its document: sums by token, and its newest payments."""

from __future__ import annotations

from typing import Any

from marketplace.catalog.documents.market import stamp
from marketplace.catalog.named_amounts import named, named_token
from payments.amounts import Amount
from payments.reports.turnover import Paid
from payments.wiring.networks import explorer_url
from payments.written import transaction_page
from sellers.market.trade import DEFINITIONS, Trade, Volume


def trade_json(trade: Trade) -> dict[str, Any]:
    """The sums, the payments, and what both of them count."""
    return {
        "volume": [_volume(each) for each in trade.volume],
        "latestPayments": [_payment(each) for each in trade.latest],
        "definitions": {
            "volume": DEFINITIONS["volume"],
            "latestPayments": DEFINITIONS["latest_payments"],
        },
    }


def transaction_url(paid: Paid) -> str:
    """Where an explorer shows the transaction; nothing where no explorer knows the chain."""
    return transaction_page(explorer_url(paid.token.network), paid.transaction)


def amount_of(paid: Paid) -> Amount:
    """What was paid, as pages show it."""
    return Amount.of(paid.token.network, paid.token.asset, paid.amount_atomic)


def _volume(volume: Volume) -> dict[str, Any]:
    network, asset = volume.token.network, volume.token.asset
    return {
        "network": network,
        "asset": asset,
        "amount24h": str(volume.day_atomic),
        "amount7d": str(volume.week_atomic),
        "amount30d": str(volume.month_atomic),
        **named_token(network, asset),
    }


def _payment(paid: Paid) -> dict[str, Any]:
    return {
        "at": stamp(paid.at),
        "network": paid.token.network,
        "asset": paid.token.asset,
        "amount": str(paid.amount_atomic),
        **named(paid.token.network, paid.token.asset, paid.amount_atomic),
        "transaction": paid.transaction,
        "explorer": transaction_url(paid) or None,
    }
