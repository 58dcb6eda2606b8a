"""Documents for agents: of the whole site as they were built, of one seller as it is now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from marketplace.catalog import built
from marketplace.catalog.answers import document, etag_of, known, refusal
from marketplace.catalog.built import MARKDOWN, TEXT, XML
from marketplace.catalog.documents import openapi, registration, sitemap, texts, well_known
from marketplace.catalog.documents.market import JSON, Market, this_market, written
from marketplace.catalog.documents.registration import Who
from marketplace.catalog.models import BuiltDocument
from marketplace.catalog.packing import packed, takes_gzip
from payments.serving.cross_origin import read_from_anywhere
from sellers.market import goods, leaflets
from sellers.market.goods import Good
from sellers.models import Seller

BUILT_GOOD_SECONDS: Final = 20  # with the worker's own pace, a change is seen within a minute
NOT_BUILT_SECONDS: Final = 10
SITE_WIDE: Final = tuple(recipe.path for recipe in built.RECIPES)


@read_from_anywhere
def site_wide(request: HttpRequest, path: str) -> HttpResponse:
    """A document of the whole site, as the worker built it."""
    found = built.find(path)
    if found is None:
        answer = refusal(503, "not built yet; the worker builds it within seconds of its start")
        answer["Retry-After"] = str(NOT_BUILT_SECONDS)
        return answer
    answer = _packed(request, found) if takes_gzip(request) else _as_it_is(request, found)
    patch_vary_headers(answer, ["Accept-Encoding"])
    return answer


def _as_it_is(request: HttpRequest, found: BuiltDocument) -> HttpResponse:
    return known(request, found.etag) or document(
        request, bytes(found.body), found.content_type, found.etag, BUILT_GOOD_SECONDS
    )


def _packed(request: HttpRequest, found: BuiltDocument) -> HttpResponse:
    """The same in fewer bytes. Its name is weak: it is as good as that of the document itself."""
    etag = f"W/{found.etag}"
    if unchanged := known(request, etag):
        return unchanged
    answer = document(request, packed(found), found.content_type, etag, BUILT_GOOD_SECONDS)
    answer["Content-Encoding"] = "gzip"
    return answer


Said = Callable[[Who, tuple[Good, ...], Market], Any]
_OF_SELLER: Final[dict[str, tuple[str, Said]]] = {
    "openapi.json": (JSON, lambda who, sold, market: openapi.of_seller(who.slug, sold, market)),
    "x402.json": (JSON, lambda who, sold, market: well_known.of_seller(who.slug, sold, market)),
    "llms.txt": (MARKDOWN, lambda who, sold, market: texts.of_seller(who.slug, sold, market)),
    "agent-registration.json": (
        JSON,
        lambda who, sold, market: registration.of_seller(who, sold, market, now=timezone.now()),
    ),
}
OF_SELLER: Final = tuple(_OF_SELLER)


@read_from_anywhere
def of_seller(request: HttpRequest, seller: str, name: str) -> HttpResponse:
    """Everything one seller sells, whole and as it is this moment."""
    market = this_market()
    etag = etag_of(seller, name, goods.version(), market, timezone.now().date())
    if unchanged := known(request, etag):
        return unchanged
    who = _who(seller)
    content_type, write = _OF_SELLER[name]
    said = write(who, goods.of_seller(seller), market)
    body = said.encode() if isinstance(said, str) else written(said)
    return document(request, body, content_type, etag)


def _who(slug: str) -> Who:
    """A seller who has sold here, whether or not anything is for sale just now."""
    known_as = Seller.objects.filter(slug=slug, listings__live_revision__isnull=False)
    found = known_as.distinct().first()
    if found is None:
        raise Http404
    return Who(found.slug, found.name, found.about, found.website, found.contact, found.logo)


@read_from_anywhere
def skill(request: HttpRequest, seller: str, slug: str) -> HttpResponse:
    """A listing's SKILL.md on the site; the door has the same beside the listing."""
    good = goods.one(f"{seller}/{slug}")
    if good is None:
        raise Http404
    base = this_market().base_url
    said = leaflets.skill(good.path, good.terms, good.offers, good.url, base)
    return document(request, said.encode(), MARKDOWN)


@read_from_anywhere
def ai_catalog(request: HttpRequest) -> HttpResponse:
    """Which machine-readable ways in there are."""
    said = written(well_known.ai_catalog(this_market()))
    return document(request, said, "application/ai-catalog+json")


@read_from_anywhere
def agents(request: HttpRequest) -> HttpResponse:
    """One flow over our free operations."""
    return document(request, written(well_known.agents(this_market())), JSON)


@read_from_anywhere
def robots(request: HttpRequest) -> HttpResponse:
    """What programs may read."""
    return document(request, texts.robots(this_market()).encode(), TEXT)


@read_from_anywhere
def sitemap_pages(request: HttpRequest) -> HttpResponse:
    """The pages that are there for good."""
    return document(request, sitemap.pages(this_market()).encode(), XML)
