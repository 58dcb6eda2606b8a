"""Goods for tests of documents: three ordinary ones, and as many as one likes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from marketplace.catalog.documents.market import Market
from payments.x402.networks import DEFAULT_ASSETS
from sellers.drafts import finish
from sellers.market.goods import Good
from sellers.market.quality import Quality
from sellers.offers import quote, resource_url
from sellers.prices import Ask
from sellers.terms import PriceTerms, Sample, Terms
from tests.sellers.conftest import BASE, ORDINARY, SEPOLIA, SITE, WALLET

MARKET = Market(
    name="Example Market",
    base_url="https://market.example",
    call_base_url="https://market.example",
    contact="ops@market.example",
    did="did:web:market.example",
    mcp_path="/mcp",
)
CHANGED = datetime(2026, 11, 20, 10, tzinfo=UTC)
KNOWN = {asset.address for asset in DEFAULT_ASSETS}


class _Open:
    """A price as a row of open offers has it."""

    def __init__(self, price: PriceTerms) -> None:
        self.id = UUID(int=0)
        self.network, self.scheme, self.asset = price.network, price.scheme, price.asset
        self.pay_to, self.amount_atomic = price.pay_to, price.amount_atomic


def good(path: str = "acme/weather", terms: Terms | None = None, **changed: Any) -> Good:
    """Something for sale; what is not said is ordinary."""
    said = terms or finish(replace(ORDINARY, **_of_draft(changed)), SITE)
    seller = path.partition("/")[0]
    plain = Good(
        listing_id=UUID(int=1),
        path=path,
        seller_slug=seller,
        seller_name=seller.title(),
        revision=1,
        revision_hash=said.content_hash(),
        terms=said,
        offers=quote(said, map(_Open, said.prices), SITE),
        url=resource_url(SITE.call_base_url, path),
        changed_at=CHANGED,
        quality=Quality(),
        category="",
    )
    return replace(plain, **changed)


def _of_draft(changed: dict[str, Any]) -> dict[str, Any]:
    """Take out of what is changed what the draft says, not the good."""
    ours = set(Good.__dataclass_fields__)
    return {name: changed.pop(name) for name in list(changed) if name not in ours}


def three() -> tuple[Good, ...]:
    """One by query, one by path with two prices, one with a body of its own."""
    weather = good(
        example={"query": {"city": "Oslo", "days": 3}},
        input_schema={
            "properties": {
                "query": {
                    "properties": {
                        "city": {"type": "string", "description": "A city's name"},
                        "days": {"type": "integer", "minimum": 1},
                    },
                    "required": ["city"],
                }
            }
        },
        tags=["weather", "cities"],
        logo="0" * 64,
        category="data",
        quality=Quality(calls_30d=42, payers_30d=15, last_called_at=CHANGED, score=700),
    )
    route = good(
        "globe/route",
        upstream_url="http://127.0.0.1:9999/from/{start}/to/{end}",
        example={"path": {"start": "Oslo", "end": "New York"}},
        title="The way from here to there",
        description="How far it is. And how long it takes.",
        prices=(Ask("0.05", SEPOLIA, WALLET), Ask("0.04", BASE, WALLET)),
        category="travel",
    )
    digest = good(
        "acme/digest",
        method="POST",
        example={"body": {"text": "One. Two.", "sentences": 1}},
        title="Text digest",
        description="The shortest that can be said of a text.",
        sample=Sample(200, "text/plain; charset=utf-8", b"One."),
        release="upfront",
    )
    return weather, route, digest
