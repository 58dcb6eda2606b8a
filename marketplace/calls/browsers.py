"""What a page tells the script that pays for a call from a browser's wallet (static/pay.js)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from payments.acceptance.promise import Offer
from payments.amounts import token
from payments.x402.networks import NETWORKS, Network
from sellers.examples import body, body_media_type
from sellers.terms import Terms


def facts(terms: Terms, url: str, offers: Sequence[Offer]) -> dict[str, Any]:
    """The call, where its payment is looked up, and how the quote's tokens are written."""
    content_type, _ = body(terms.example_input, body_media_type(terms.input_schema))
    return {
        "method": terms.method,
        "path": urlsplit(url).path,
        "contentType": content_type,
        "payments": f"{settings.PUBLIC_BASE_URL}/p/",
        "networks": _networks(offers),
    }


def _networks(offers: Sequence[Offer]) -> dict[str, dict[str, object]]:
    """Each network that is taken, and its tokens: what a signature is worth, in words."""
    found: dict[str, dict[str, object]] = {}
    for offer in offers:
        wanted = offer.requirements
        known = token(wanted.network, wanted.asset)
        entry = found.setdefault(wanted.network, _chain(NETWORKS[wanted.network]))
        if known is not None:
            tokens = entry["tokens"]
            assert isinstance(tokens, dict)
            tokens[wanted.asset] = {"symbol": known.symbol, "decimals": known.decimals}
    return found


def _chain(network: Network) -> dict[str, object]:
    """A chain's name, and how a wallet that does not know it learns of it.

    Never from a node of our settings: its address may hold a key, and the demo's goes by the number
    of a chain that wallets know as another one.
    """
    said: dict[str, object] = {"name": network.name, "testnet": network.testnet, "tokens": {}}
    if (node := network.node) is not None:
        said["node"] = {"url": node.url, "coin": node.coin, "explorer": network.explorer_url}
    return said
