"""A listing's 402 field by field: what each says, in words a buyer understands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from payments.amounts import Amount
from payments.x402.headers import encode_header
from payments.x402.networks import NETWORKS
from sellers import offers
from sellers.market.goods import Good
from sellers.site import Site

VALUE_CHARACTERS_MAX: Final = 300

_MEANINGS: Final = {
    "x402Version": "The version of the protocol this quote is written in.",
    "error": "Why there is no answer: it is not paid for yet.",
    "resource.url": "What is paid for. A payment for it buys nothing else.",
    "resource.description": "What the seller says it does.",
    "resource.mimeType": "What kind of answer comes.",
    "resource.serviceName": "The seller's short name for it.",
    "resource.tags": "Words the seller gave it.",
    "resource.iconUrl": "Its picture, for programs that show one.",
    "scheme": "How it is paid: exactly this amount, once.",
    "payTo": "The seller's own wallet. Nobody holds the money in between.",
    "extra.name": "The token's name, as it is signed (EIP-712).",
    "extra.version": "The token's version, as it is signed.",
    "extra.paymentFlow": "The money moves before the work begins.",
    "extensions.bazaar": "What goes in and what comes out, for programs.",
    "extensions.payment-identifier": "A buyer may give a payment a name, to ask again with.",
    "demo.available": "Whether there is a sample answer.",
    "demo.example": "Where the sample answer is, free.",
    "retry.header": "The header that carries the payment.",
    "retry.kept_days": "How many days a paid answer can be fetched again.",
    "retry.status_url": "Where a payment's state can be looked up.",
    "retry.docs": "How to buy, in words.",
    "v1": "Where programs of the protocol's first version ask and pay.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the quote."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """The quote as the door gives it, taken apart."""

    money: tuple[Line, ...]  # the ways to pay
    others: tuple[Line, ...]
    header_bytes: int
    document: str


def decoded(good: Good, site: Site) -> Decoded:
    """The 402 of a listing now; a signature that comes and goes with the minute is left out."""
    quoted = offers.challenge(good.terms, good.offers, good.url, site)
    wire = json.loads(json.dumps(quoted.challenge.to_wire()))
    return Decoded(
        tuple(_money_lines(wire)),
        tuple(_other_lines(wire)),
        len(encode_header(wire)),
        json.dumps(wire, indent=2, ensure_ascii=False),
    )


def _money_lines(wire: Mapping[str, Any]) -> Iterator[Line]:
    for place, offer in enumerate(wire["accepts"]):
        yield from _offer_lines(f"accepts[{place}]", offer)


def _other_lines(wire: Mapping[str, Any]) -> Iterator[Line]:
    yield _line("x402Version", wire["x402Version"])
    yield _line("error", wire["error"])
    for key, value in wire["resource"].items():
        yield _line(f"resource.{key}", value)
    for name in wire.get("extensions", {}):
        yield Line(f"extensions.{name}", "…", _MEANINGS.get(f"extensions.{name}", ""))
    for group in ("demo", "retry"):
        for key, value in wire.get(group, {}).items():
            yield _line(f"{group}.{key}", value)
    if "v1" in wire:
        yield _line("v1", wire["v1"])


def _offer_lines(at: str, offer: Mapping[str, Any]) -> Iterator[Line]:
    network, amount = offer["network"], int(offer["amount"])
    price = Amount.of(network, offer["asset"], amount)
    minutes = offer["maxTimeoutSeconds"] / 60
    known = NETWORKS.get(network)
    where = f"{known.name}{', a test network' if known.testnet else ''}" if known else network
    meant = {
        "network": f"{where}.",
        "amount": f"{price.text} ({price.dollars}), in the token's smallest units.",
        "asset": f"The token{': ' + price.symbol if price.symbol else ''}.",
        "maxTimeoutSeconds": f"What is signed ends after {minutes:g} minutes.",
    }
    for key, value in offer.items():
        if key == "extra":
            for name, inner in value.items():
                yield _line(f"{at}.extra.{name}", inner, _MEANINGS.get(f"extra.{name}", ""))
        else:
            yield _line(f"{at}.{key}", value, meant.get(key) or _MEANINGS.get(key, ""))


def _line(name: str, value: Any, meaning: str = "") -> Line:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > VALUE_CHARACTERS_MAX:
        text = text[: VALUE_CHARACTERS_MAX - 1] + "…"
    return Line(name, text, meaning or _MEANINGS.get(name, ""))
