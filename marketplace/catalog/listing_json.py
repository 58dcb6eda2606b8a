"""A listing in our own catalog's JSON: one line of a search, or everything there is to know."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.conf import settings

from marketplace.catalog.listing_links import links
from marketplace.catalog.named_amounts import named, plain
from marketplace.catalog.trade_json import trade_json
from payments.acceptance.promise import Offer
from payments.x402.networks import address_bytes, checksum
from sellers.domains.proven import ProvenDomain
from sellers.examples import suffix
from sellers.grace import grace_seconds
from sellers.market.goods import Good
from sellers.market.history import Identity, Sold
from sellers.market.quality import DEFINITIONS
from sellers.market.trade import Trade
from sellers.models import Report
from sellers.prices import in_dollars
from sellers.release_words import RELEASE_WORDS
from sellers.site import this_site
from sellers.terms import PriceTerms, Sample
from sellers.texts import is_plain

# Whatever a seller wrote stands under these names, cleaned, and is data: no words to an agent.
SELLER_DECLARED: Final = (
    "title", "description", "serviceName", "tags", "category", "inputSchema", "outputSchema",
    "example", "sample", "seller.name", "seller.about", "seller.website", "seller.contact",
)  # fmt: skip
NOT_CHARGED: Final = (
    "the seller cannot be reached, answers too late, too much or nothing",
    "the seller answers with an error (4xx or 5xx), a redirect or a request for payment",
    "the input does not keep the input schema",
)
_WORD_BREAK = re.compile(r"_([a-z0-9])")


def summary(good: Good) -> dict[str, Any]:
    """What a search shows of a listing."""
    terms = good.terms
    cheapest = good.offers[0]
    return {
        "path": good.path,
        "url": good.url,
        "method": terms.method,
        "title": terms.title,
        "serviceName": terms.service_name,
        "description": terms.description,
        "category": good.category or None,
        "tags": list(terms.tags),
        "mimeType": terms.mime_type,
        "release": terms.release,
        "priceUsd": plain(in_dollars(cheapest.requirements.amount_atomic, cheapest.decimals)),
        "prices": [price_json(offer) for offer in good.offers],
        "seller": {
            "slug": good.seller_slug,
            "name": good.seller_name,
            **_domain(good.domain),
        },
        "revision": {"number": good.revision, "hash": good.revision_hash.hex()},
        "changedAt": stamp(good.changed_at),
        "quality": quality_json(good),
        "links": links(good),
    }


def whole(good: Good, identity: Identity, sold: Sequence[Sold], trade: Trade) -> dict[str, Any]:
    """Everything about a listing."""
    terms, words = good.terms, RELEASE_WORDS[good.terms.release]
    return {
        **summary(good),
        "seller": _seller(identity, good),
        "inputSchema": terms.input_schema,
        "outputSchema": terms.output_schema,
        "example": {
            "input": terms.example_input,
            "url": good.url + suffix(terms.example_input, terms.path_parameters),
        },
        "sample": _sample(terms.sample),
        "release": {"mode": terms.release, "words": words.handed_over},
        "settlement": {
            "charged": words.charged,
            "notCharged": list(NOT_CHARGED) if terms.release != "upfront" else [],
            "refundDue": list(NOT_CHARGED[:2]) if terms.release == "upfront" else [],
            "requiredKeys": sorted(terms.required_keys),
            "fetchAgainDays": terms.answer_keep_days,
            "graceSeconds": grace_seconds(terms, this_site()),
        },
        "limits": {
            "totalSeconds": min(terms.total_seconds, settings.UPSTREAM_TOTAL_SECONDS),
            "answerBytesMax": settings.ANSWER_BYTES_MAX,
            "streams": terms.stream,
        },
        "report": {
            "url": f"{settings.PUBLIC_BASE_URL}/api/catalog/{good.path}/reports",
            "method": "POST",
            "about": list(Report.About.values),
        },
        "qualityDefinitions": {_camel(name): words for name, words in DEFINITIONS.items()},
        "trade": trade_json(trade),
        "revisions": [_revision(each, good) for each in sold],
        "sellerDeclared": list(SELLER_DECLARED),
    }


def price_json(offer: Offer) -> dict[str, Any]:
    """A price as the door quotes it, in the chain's units and in people's."""
    needs = offer.requirements
    return {**needs.to_wire(), **named(needs.network, needs.asset, needs.amount_atomic)}


def quality_json(good: Good) -> dict[str, Any]:
    """The figures under their names in JSON; what nobody knows yet is null."""
    found = {name: getattr(good.quality, field) for field, name in _FIGURES.items()}
    return {name: stamp(at) if isinstance(at, datetime) else at for name, at in found.items()}


def stamp(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seller(identity: Identity, good: Good) -> dict[str, Any]:
    wallets = dict.fromkeys(
        checksum(address_bytes(offer.requirements.pay_to)) for offer in good.offers
    )
    base = settings.PUBLIC_BASE_URL
    said = {
        "slug": identity.slug,
        "name": identity.name,
        "about": identity.about,
        "website": identity.website,
        "contact": identity.contact,
        "logo": f"{base}/logo/{identity.logo}" if identity.logo else "",
    }
    return {
        **{name: value for name, value in said.items() if value},
        **_domain(identity.domain),
        "since": stamp(identity.since),
        "wallets": [
            {"payTo": wallet, "signedFor": wallet in identity.proven} for wallet in wallets
        ],
    }


def _domain(proven: ProvenDomain | None) -> dict[str, Any]:
    """What this site has looked at itself; nothing where it was not found to be theirs."""
    if proven is None:
        return {}
    return {"domain": proven.name, "domainVerifiedAt": stamp(proven.verified_at)}


def _revision(each: Sold, good: Good) -> dict[str, Any]:
    return {
        "number": each.number,
        "hash": each.hash.hex(),
        "soldFrom": stamp(each.at),
        "live": each.number == good.revision,
        "prices": [_past_price(price) for price in each.prices],
    }


def _past_price(price: PriceTerms) -> dict[str, Any]:
    return {
        "scheme": price.scheme,
        "network": price.network,
        "asset": price.asset,
        "amount": str(price.amount_atomic),
        "payTo": price.pay_to,
        **named(price.network, price.asset, price.amount_atomic),
    }


def _sample(given: Sample) -> dict[str, Any]:
    sample = given.visible()
    shown: dict[str, Any] = {"status": sample.status, "contentType": sample.content_type}
    if sample.is_json and sample.body:
        return {**shown, "json": sample.document()}
    text = _plain_text(sample.body)
    if text is None:
        return {**shown, "base64": b64encode(sample.body).decode()}
    return {**shown, "text": text}


def _plain_text(body: bytes) -> str | None:
    """Bytes as text; None where they are none, or a file in which something is hidden."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return None
    return text if is_plain(text) else None


def _camel(name: str) -> str:
    return _WORD_BREAK.sub(lambda found: found[1].upper(), name)


_FIGURES: Final = {field: _camel(field) for field in DEFINITIONS}
