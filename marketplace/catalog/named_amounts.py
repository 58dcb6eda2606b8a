"""Amounts in the catalog's JSON: the chain's own units, with people's words beside them."""

from __future__ import annotations

from typing import Any

from payments.amounts import token
from payments.x402.networks import NETWORKS
from sellers.prices import in_dollars


def named(network: str, asset: str, amount_atomic: int) -> dict[str, Any]:
    """The same amount in words and dollars."""
    said, known = named_token(network, asset), token(network, asset)
    if known is not None:
        said["amountUsd"] = plain(in_dollars(amount_atomic, known.decimals))
    return said


def named_token(network: str, asset: str) -> dict[str, Any]:
    """A token and its network in words; of a token nobody knows, the network's alone."""
    known, chain = token(network, asset), NETWORKS.get(network)
    said: dict[str, Any] = {
        "networkName": chain.name if chain else network,
        "testnet": chain.testnet if chain else False,
    }
    if known is not None:
        said |= {"symbol": known.symbol, "decimals": known.decimals}
    return said


def plain(number: Any) -> str:
    """A number without an exponent or empty digits."""
    return f"{number.normalize():f}"
