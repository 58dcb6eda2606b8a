"""Documents of the whole site: built by the worker, kept in a table, sent as they stand.

The best listings by rank are in them, and where the rest is. What changed is in them within a
minute: the worker looks every few seconds whether anything did.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from django.conf import settings

from marketplace.catalog.documents import openapi, registration, sitemap, texts, well_known
from marketplace.catalog.documents.market import (
    JSON,
    Market,
    Part,
    written,
)
from marketplace.catalog.models import BuiltDocument
from sellers.market import goods
from sellers.models.catalog import CatalogEntry

RANKS_GOOD_SECONDS: Final = 300  # ranks move with every call; this often they are read anew
TEXT: Final = "text/plain; charset=utf-8"
MARKDOWN: Final = "text/markdown; charset=utf-8"
XML: Final = "application/xml; charset=utf-8"

Write: TypeAlias = Callable[[Part, Market, datetime], Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a document is made: JSON of what is returned, or the text itself."""

    path: str
    content_type: str
    write: Write


RECIPES: Final = (
    Recipe("/openapi.json", JSON, lambda part, market, now: openapi.of_site(part, market)),
    Recipe("/.well-known/x402", JSON, lambda part, market, now: well_known.strings(part, market)),
    Recipe(
        "/.well-known/x402.json", JSON, lambda part, market, now: well_known.objects(part, market)
    ),
    Recipe(
        "/.well-known/agent-registration.json",
        JSON,
        lambda part, market, now: registration.of_site(market, sells=bool(part.goods), now=now),
    ),
    Recipe("/llms.txt", MARKDOWN, lambda part, market, now: texts.llms(part, market)),
    Recipe("/llms-full.txt", MARKDOWN, lambda part, market, now: texts.llms_full(part, market)),
    Recipe("/sitemap.xml", XML, lambda part, market, now: sitemap.index(part, market)),
    Recipe("/sitemap-listings.xml", XML, lambda part, market, now: sitemap.listings(part, market)),
)


def build(market: Market, now: datetime) -> int:
    """Build what is not of today's goods any more; says how many documents changed."""
    made_from = _made_from(market, now)  # read before the goods: they may only be newer
    kept = dict(BuiltDocument.objects.values_list("path", "made_from"))
    if kept == {recipe.path: made_from for recipe in RECIPES}:
        return 0
    most = settings.DOCUMENT_LISTINGS_MAX
    shown = goods.best(most)
    total = CatalogEntry.objects.filter(sold=True).count() if len(shown) >= most else 0
    part = Part(shown, max(total, len(shown)))
    BuiltDocument.objects.exclude(path__in=[recipe.path for recipe in RECIPES]).delete()
    return sum(_keep(recipe, part, market, now, made_from) for recipe in RECIPES)


def find(path: str) -> BuiltDocument | None:
    """A document as it was built last; its bytes are read when they are asked for."""
    return BuiltDocument.objects.filter(path=path).defer("body").first()


def _keep(recipe: Recipe, part: Part, market: Market, now: datetime, made_from: str) -> bool:
    said = recipe.write(part, market, now)
    body = said.encode() if isinstance(said, str) else written(said)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    same = BuiltDocument.objects.filter(path=recipe.path, etag=etag)
    if same.update(made_from=made_from):
        return False
    BuiltDocument.objects.update_or_create(
        path=recipe.path,
        defaults={
            "content_type": recipe.content_type,
            "body": body,
            "etag": etag,
            "made_from": made_from,
            "changed_at": now,
        },
    )
    return True


def _made_from(market: Market, now: datetime) -> str:
    ranks = int(now.timestamp()) // RANKS_GOOD_SECONDS
    return hashlib.sha256(repr((goods.version(), market, ranks)).encode()).hexdigest()
