"""Everything that stands on a listing's page, from the good as it is now."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from marketplace.calls import browsers
from marketplace.catalog import inputs, market, snippets
from marketplace.catalog.cards import card, price_of
from marketplace.catalog.decoded import decoded
from marketplace.catalog.documents.market import skill_url
from marketplace.catalog.how_it_goes import how_it_goes
from marketplace.catalog.page_parts import SCHEMA, parts
from marketplace.catalog.price_history import price_history
from marketplace.catalog.schema_shown import schemas_shown
from marketplace.catalog.stats import stats
from payments.x402 import v1
from sellers.categories import label
from sellers.market.goods import Good
from sellers.market.trade import trade_of
from sellers.release_words import RELEASE_WORDS
from sellers.site import this_site
from sellers.terms import Sample
from sellers.texts import visible, visible_lines

SAMPLE_CHARACTERS_MAX: Final = 20_000
PICTURE_BYTES_MAX: Final = 300_000
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class SampleShown:
    """A stored answer, as far as a page can show it."""

    kind: str
    text: str = ""
    picture: str = ""
    cut: bool = False


def listing_context(good: Good) -> dict[str, Any]:
    """What the page shows of a good; every price in it is an offer's."""
    terms, site = good.terms, this_site()
    call, schemas = snippets.Call.of(good), schemas_shown(terms)
    return {
        "good": good,
        "card": card(good, timezone.now()),
        "call": call,
        "prices": [
            {"amount": price_of(each), "network": each.requirements.network,
             "pay_to": each.requirements.pay_to}
            for each in good.offers
        ],
        "release_words": RELEASE_WORDS[terms.release].on_page,
        "category": _category(good.category),
        "tags": [
            {"label": tag, "href": market.address({market.TAG: tag})} for tag in terms.tags
        ],
        "fields": inputs.fields(terms),
        "plain_action": _plain_action(good),
        "facts": json.dumps(_facts(good)),
        "rules": how_it_goes(good, site),
        "schemas": schemas,
        "parts": parts(without=() if schemas else (SCHEMA,)),
        "stats": stats(good.quality, trade_of(good.listing_id)),
        "sample": shown_sample(terms.sample),
        "snippets": snippets.snippets(good, f"{site.public_base_url}/mcp"),
        "quote": decoded(good, site),
        "history": price_history(good.listing_id),
        "links": {"json": f"/api/catalog/{good.path}", "report": f"/l/{good.path}/report"},
        "program_links": _program_links(good),
    }  # fmt: skip


def shown_sample(sample: Sample) -> SampleShown:
    """A seller's stored answer as text or as a picture; anything else is left a file."""
    kind = sample.media_type or "unknown"
    if kind in _PICTURES and len(sample.body) <= PICTURE_BYTES_MAX:
        return SampleShown(kind, picture=f"data:{kind};base64,{b64encode(sample.body).decode()}")
    if not (sample.is_json or sample.is_text):
        return SampleShown(kind)
    text = visible_lines(sample.body.decode("utf-8", errors="replace"))
    if sample.is_json:
        with suppress(ValueError):
            said = visible(sample.document())
            text = json.dumps(said, indent=2, ensure_ascii=False)
    cut = len(text) > SAMPLE_CHARACTERS_MAX
    return SampleShown(kind, text[:SAMPLE_CHARACTERS_MAX], cut=cut)


def _facts(good: Good) -> dict[str, Any]:
    """What `static/pay.js` is told."""
    elsewhere = settings.CALL_BASE_URL != settings.PUBLIC_BASE_URL
    said: dict[str, Any] = {
        **browsers.facts(good.terms, good.url, good.offers),
        "base": settings.CALL_BASE_URL if elsewhere else "",
        "pathNames": good.terms.path_parameters,
        "blankBody": inputs.blank_body(good.terms),
    }
    if settings.DEMO_CHAIN_RPC:
        said["demo"] = {"network": _DEMO_NETWORK, "faucet": reverse("demo-faucet")}
    return said


_DEMO_NETWORK: Final = "eip155:84532"  # marketplace.embedded.chain


def _plain_action(good: Good) -> str:
    """Where the form leads a browser without scripts: to the page that comes with the 402."""
    terms = good.terms
    if terms.method == "GET" and not terms.path_parameters:
        return good.url
    return ""


def _category(category: str) -> dict[str, str] | None:
    if not category:
        return None
    return {"label": label(category), "href": market.address({market.CATEGORY: category})}


def _program_links(good: Good) -> list[dict[str, str]]:
    links = [
        ("As JSON, with every schema", f"/api/catalog/{good.path}"),
        ("How to call it, for language models", skill_url(good, settings.PUBLIC_BASE_URL)),
        ("OpenAPI of this seller", f"/s/{good.seller_slug}/openapi.json"),
    ]
    if v1.payable(offer.requirements for offer in good.offers):
        links.append(("For programs of x402 version 1", v1.url_of(good.url)))
    return [{"label": label, "href": href} for label, href in links]
