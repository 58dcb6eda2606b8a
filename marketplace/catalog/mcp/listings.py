"""Listings as agents read them: as tools of their seller, and as data."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from marketplace.catalog.mcp.definitions import DEMO, SPENDS
from payments.acceptance.promise import Offer
from payments.amounts import Amount
from payments.written import sha256, utc
from payments.x402.networks import NETWORKS
from sellers.market.goods import Good
from sellers.release_words import RELEASE_WORDS
from sellers.terms import Sample
from sellers.texts import clean, visible_lines

Document = dict[str, Any]

SAMPLE_CHARACTERS_MAX = 4_000


def as_tool(good: Good) -> Document:
    """A listing as one tool; what its seller says of it is marked as said by the seller."""
    terms = good.terms
    words = f"{terms.title}. {terms.description}" if terms.description else terms.title
    schema = terms.input_schema
    return {
        "name": good.path.partition("/")[2],
        "description": f"Paid: {price_in_words(good.offers)} a call, with x402."
        f" The seller declares: “{clean(words, len(words))}”",
        "inputSchema": {**schema, "properties": {**schema["properties"], "demo": DEMO}},
        "annotations": SPENDS,
        "_meta": {
            "examples": [{**terms.example_input}, {**terms.example_input, "demo": True}],
            "souk/path": good.path,
            "souk/url": good.url,
            "souk/prices": [_price(offer) for offer in good.offers],
        },
    }


def price_in_words(offers: tuple[Offer, ...]) -> str:
    """The cheapest way to pay, as people read it."""
    wanted = offers[0].requirements
    amount = _amount(offers[0])
    network = NETWORKS.get(wanted.network)
    where = network.name if network else wanted.network
    dollars = f"{amount.dollars} " if amount.dollars else ""
    more = f" and {len(offers) - 1} more" if len(offers) > 1 else ""
    return f"{dollars}({amount.text} on {where}{more})"


def in_short(good: Good) -> Document:
    """A listing as search names it."""
    return {
        "path": good.path,
        "url": good.url,
        "price": price_in_words(good.offers),
        "prices": [_price(offer) for offer in good.offers],
        "method": good.terms.method,
        "category": good.category,
        "release": good.terms.release,
        "seller": good.seller_slug,
        **({"seller_domain": good.domain.name} if good.domain else {}),
        "seller_declared": _declared(good),
        "quality": _quality(good),
    }


def in_full(good: Good) -> Document:
    """A listing with all that a call needs to be made."""
    terms = good.terms
    return {
        **in_short(good),
        "input_schema": terms.input_schema,
        "output_schema": terms.output_schema,
        "example_input": dict(terms.example_input),
        "sample": _sample(terms.sample),
        "settlement": RELEASE_WORDS[terms.release].to_agents,
        "streamed": terms.stream,
        "answer_keep_days": terms.answer_keep_days,
        "revision": {"number": good.revision, "hash": sha256(good.revision_hash)},
        "changed_at": utc(good.changed_at),
        "call": {"tool": "call_service", "arguments": _arguments(good)},
    }


def _declared(good: Good) -> Document:
    terms = good.terms
    return {
        "seller_name": good.seller_name,
        "title": terms.title,
        "description": terms.description,
        "tags": list(terms.tags),
    }


def _arguments(good: Good) -> Document:
    return {"path": good.path, "input": dict(good.terms.example_input)}


def _amount(offer: Offer) -> Amount:
    wanted = offer.requirements
    return Amount.of(wanted.network, wanted.asset, wanted.amount_atomic)


def _price(offer: Offer) -> Document:
    wanted, amount = offer.requirements, _amount(offer)
    return {
        "scheme": wanted.scheme,
        "network": wanted.network,
        "asset": wanted.asset,
        "amount": str(wanted.amount_atomic),
        "text": amount.text,
        "usd": amount.dollars,
    }


def _quality(good: Good) -> Document:
    figures = asdict(good.quality)
    return {
        name: utc(value) if isinstance(value, datetime) else value
        for name, value in figures.items()
        if value is not None
    }


def _sample(sample: Sample) -> Document:
    """The beginning of the sample; `sample_service` gives all of it."""
    shown: Document = {"content_type": sample.content_type, "bytes": len(sample.body)}
    if sample.is_json or sample.is_text:
        text = sample.visible().body.decode("utf-8", "replace")
        shown["text"] = visible_lines(text)[:SAMPLE_CHARACTERS_MAX]
    return shown
