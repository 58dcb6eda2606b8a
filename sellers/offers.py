"""What a listing costs and how it is called: THE place a price is quoted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from payments.acceptance.promise import Offer
from payments.documents import REFUNDS_PATH
from payments.written import payment_page
from payments.x402 import v1
from payments.x402.headers import encode_header
from payments.x402.networks import NETWORKS
from payments.x402.reasons import Reason
from payments.x402.types import Challenge, Requirements, Resource
from sellers.drafts import offer_seconds
from sellers.extensions.bazaar import Shed, extension
from sellers.extensions.bazaar_v1 import output_schema
from sellers.extensions.offer_receipt import SignedPrices, signed_offers
from sellers.prices import in_dollars
from sellers.schemas.rules import DIALECT
from sellers.site import Site
from sellers.terms import PriceTerms, Terms

# Clients echo a 402 with 520 bytes of their own through front ends that cut at 8 k.
HEADER_BYTES_MAX = 7_000
DAY_SECONDS = 86_400
_BROUGHT = {"header": "PAYMENT-SIGNATURE", "identifier": "payment-identifier"}
# What is tried out and not for sale has a path that begins with a slash, which no seller's does.
PREVIEWS = "/preview/"

PAYMENT_IDENTIFIER: dict[str, Any] = {
    "info": {"required": False},
    "schema": {
        "$schema": DIALECT,
        "type": "object",
        "properties": {
            "required": {"type": "boolean"},
            "id": {
                "type": "string",
                "minLength": 16,
                "maxLength": 128,
                "pattern": "^[a-zA-Z0-9_-]+$",
            },
        },
        "required": ["required"],
    },
}


class OpenPrice(Protocol):
    """A price that may be claimed now: a row of payments_openoffer, however it was read."""

    @property
    def id(self) -> UUID: ...
    @property
    def network(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def asset(self) -> str: ...
    @property
    def pay_to(self) -> str: ...
    @property
    def amount_atomic(self) -> int | Decimal: ...


@dataclass(frozen=True, slots=True)
class Quoted:
    """A 402 that fits its header, and what was left out of it to make it fit."""

    challenge: Challenge
    shed: tuple[Shed, ...]


def quote(terms: Terms, prices: Iterable[OpenPrice], site: Site) -> tuple[Offer, ...]:
    """What a call costs, cheapest first; what this site does not take any more is not offered.

    Stock clients take the first entry, so what costs the same stands in the seller's own order.
    """
    place = {(price.network, price.asset): at for at, price in enumerate(terms.prices)}

    def turn(offer: Offer) -> tuple[Decimal, int]:
        wanted = offer.requirements
        return _dollars(offer), place.get((wanted.network, wanted.asset), len(place))

    offers = [_offer(each, terms, site) for each in prices]
    return tuple(sorted((offer for offer in offers if offer), key=turn))


def why_not_offered(price: OpenPrice | PriceTerms, site: Site) -> str:
    """Why nobody is offered a price that was approved once; empty where it is offered.

    The operator's limits change; `floor_news` tells sellers of it.
    """
    accepted = site.accepts(price.network, price.asset)
    if accepted is None:
        return "this marketplace takes this token no more"
    dollars = in_dollars(int(price.amount_atomic), accepted.asset.decimals)
    if dollars > site.price_max:  # every claim would be refused
        return f"the most that this marketplace takes for a call is ${site.price_max.normalize():f}"
    if dollars < accepted.price_floor:  # it would not pay for its gas
        least = accepted.price_floor.normalize()
        return f"the least that this marketplace takes for a call there is ${least:f}"
    return ""


def not_offered(terms: Terms, site: Site) -> list[str]:
    """What of these terms' prices nobody is offered, each with its network and why."""
    return [
        f"{NETWORKS[price.network].name}: {why}"
        for price in terms.prices
        if (why := why_not_offered(price, site))
    ]


def resource_url(base_url: str, path: str) -> str:
    """Return the public address of a listing; `path` is "seller/slug", or a preview's own."""
    if path.startswith(PREVIEWS):
        return base_url + path
    return f"{base_url}/call/{path}"


def icon_url(base_url: str, logo: str) -> str:
    """A picture's public address; none where readers of `iconUrl` would refuse the host."""
    host = urlsplit(base_url).netloc
    name = host.rpartition(":")[0] or host
    is_odd = name == "localhost" or name.startswith("[") or name.replace(".", "").isdigit()
    return "" if is_odd or not logo else f"{base_url}/logo/{logo}"


def challenge(
    terms: Terms,
    offers: tuple[Offer, ...],
    url: str,
    site: Site,
    signed: SignedPrices | None = None,
) -> Quoted:
    """The 402 of a listing at this URL, pre-rendered: nothing in it depends on the request."""
    accepts = tuple(offer.requirements for offer in offers)
    promise = signed_offers(signed, accepts, url) if signed else None

    def write(without: frozenset[Shed]) -> Challenge:
        return _challenge(terms, accepts, url, site, without, promise)

    shed: list[Shed] = []
    written = write(frozenset())
    for step in Shed:
        if header_bytes(written) <= HEADER_BYTES_MAX:
            break
        shorter = write(frozenset((*shed, step)))
        if header_bytes(shorter) < header_bytes(written):
            written = shorter
            shed.append(step)
    return Quoted(_naming_v1(written, url), tuple(shed))


def challenge_v1(terms: Terms, offers: tuple[Offer, ...], url: str, site: Site) -> v1.Challenge:
    """The same listing's 402 for programs that speak version 1 of x402 only."""
    accepts = v1.payable(offer.requirements for offer in offers)
    why_none = f"This cannot be paid with x402 version 1; ask {url} for version 2"
    return v1.Challenge(
        url=v1.url_of(url),
        description=terms.description,
        mime_type=terms.mime_type,
        accepts=accepts,
        error=Reason.PAYMENT_REQUIRED if accepts else why_none,
        output_schema=output_schema(terms),
        more=_more(terms, url, site, {"header": "X-PAYMENT"}),
    )


def refund(public_base_url: str, days: int) -> dict[str, Any]:
    """Where programs ask for money back, in the words of the x402 refund draft."""
    return {
        "info": {
            "refundEndpoint": f"{public_base_url}{REFUNDS_PATH}",
            "windowSeconds": days * DAY_SECONDS,
            "partialRefunds": True,
            "policyUrl": f"{public_base_url}/docs/buy#when-something-was-wrong",
        }
    }


def header_bytes(written: Challenge) -> int:
    """How long the PAYMENT-REQUIRED header of a challenge is."""
    return len(encode_header(written.to_wire()))


def _offer(price: OpenPrice, terms: Terms, site: Site) -> Offer | None:
    accepted = site.accepts(price.network, price.asset)
    if accepted is None or why_not_offered(price, site):
        return None
    asset = accepted.asset
    extra = {"name": asset.eip712_name, "version": asset.eip712_version}
    if terms.release == "upfront":  # x402 says nothing of the ordinary flow
        extra["paymentFlow"] = terms.release
    requirements = Requirements(
        scheme=price.scheme,
        network=price.network,
        amount_atomic=int(price.amount_atomic),
        asset=price.asset,
        pay_to=price.pay_to,
        max_timeout_seconds=offer_seconds(terms.total_seconds, accepted, site),
        extra=extra,
    )
    return Offer(id=price.id, requirements=requirements, decimals=asset.decimals)


def _dollars(offer: Offer) -> Decimal:
    return in_dollars(offer.requirements.amount_atomic, offer.decimals)


def _challenge(
    terms: Terms,
    accepts: tuple[Requirements, ...],
    url: str,
    site: Site,
    shed: frozenset[Shed],
    promise: dict[str, Any] | None,
) -> Challenge:
    extensions: dict[str, object] = {}
    bazaar = extension(terms, urlsplit(url).path, shed)
    if bazaar is not None:
        extensions["bazaar"] = bazaar
    extensions["payment-identifier"] = PAYMENT_IDENTIFIER
    if Shed.REFUND not in shed:
        extensions["refund"] = refund(site.public_base_url, site.refund_days)
    if promise is not None and Shed.OFFER_RECEIPT not in shed:
        extensions["offer-receipt"] = promise
    return Challenge(
        resource=Resource(
            url=url,
            description=terms.description,
            mime_type=terms.mime_type,
            service_name=terms.service_name,
            tags=terms.tags,
            icon_url="" if Shed.LOGO in shed else icon_url(site.public_base_url, terms.logo),
        ),
        accepts=accepts,
        error=Reason.PAYMENT_REQUIRED,
        extensions=extensions,
        more=_more(terms, url, site, _BROUGHT),
    )


def _more(terms: Terms, url: str, site: Site, brought: dict[str, str]) -> dict[str, object]:
    """The free sample, and how to come back: with the same payment, a proof, or a fresh one."""
    return {
        "demo": {"available": True, "example": f"{url}?demo=true"},
        "retry": {
            **brought,
            "proof": "SIGN-IN-WITH-X",
            "fresh_seconds": site.join_seconds,
            "kept_days": terms.answer_keep_days,
            "status_url": payment_page(site.public_base_url, "{payment_id}"),
            "docs": f"{site.public_base_url}/docs/buy",
        },
    }


def _naming_v1(written: Challenge, url: str) -> Challenge:
    """The same, with where older programs pay, if there is room for it and they can."""
    if not v1.payable(written.accepts):
        return written
    named = replace(written, more={**written.more, "v1": v1.url_of(url)})
    return named if header_bytes(named) <= HEADER_BYTES_MAX else written
