"""ERC-8004 registration files: the site's own, and one for each seller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from marketplace.catalog.documents.market import Market, about, without_blanks
from marketplace.catalog.mcp.definitions import NAMES
from marketplace.catalog.mcp.protocol import HANDSHAKES
from sellers.market.goods import Good

TYPE: Final = "https://eips.ethereum.org/EIPS/eip-8004#registration-v1"
NAMED_MAX: Final = 5
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Who:
    """A seller as their profile says."""

    slug: str
    name: str
    about: str = ""
    website: str = ""
    contact: str = ""
    logo: str = ""


def of_site(market: Market, *, sells: bool, now: datetime) -> dict[str, Any]:
    """`/.well-known/agent-registration.json`: only what answers is named."""
    services = [
        _service("web", market.base_url),
        _service("x402", market.at("/.well-known/x402"), version="2"),
        _service("OpenAPI", market.at("/openapi.json"), version="3.1.0"),
        _service("llms.txt", market.at("/llms.txt")),
        *([_service("MCP", market.at(market.mcp_path), **_MCP)] if market.mcp_path else []),
        *([_service("DID", market.did)] if market.did else []),
        *([_service("email", market.contact)] if market.contact else []),
    ]
    return _file(market.name, about(market), market.at(SITE_IMAGE), services, sells=sells, now=now)


def of_seller(
    who: Who, goods: tuple[Good, ...], market: Market, *, now: datetime
) -> dict[str, Any]:
    """`/s/<seller>/agent-registration.json`."""
    root = f"/s/{who.slug}"
    services = [
        _service("web", market.at(root)),
        _service("x402", market.at(f"{root}/x402.json"), version="2"),
        _service("OpenAPI", market.at(f"{root}/openapi.json"), version="3.1.0"),
        _service("llms.txt", market.at(f"{root}/llms.txt")),
        *_own_mcp(who, market),
        *([_service("website", who.website)] if who.website else []),
        *([_contact(who.contact)] if who.contact else []),
    ]
    image = market.at(f"/logo/{who.logo}") if who.logo else market.at(SITE_IMAGE)
    said = who.about or _introduced(who, goods, market)
    return _file(who.name, said, image, services, sells=bool(goods), now=now)


SITE_IMAGE: Final = "/static/mark.png"
_MCP: Final[dict[str, Any]] = {"version": HANDSHAKES[0], "mcpTools": list(NAMES)}


def _file(
    name: str,
    described: str,
    image: str,
    services: list[dict[str, Any]],
    *,
    sells: bool,
    now: datetime,
) -> dict[str, Any]:
    """x402 is claimed while there is something to pay for: graders ask, and punish a vain claim."""
    return without_blanks(
        {"type": TYPE, "name": name, "description": described, "image": image}
    ) | {
        "services": services,
        "x402Support": sells,
        "active": sells,
        # Graders take a file that is older than a month for abandoned; this one says its day.
        "updatedAt": int(now.astimezone(UTC).timestamp()) // _DAY * _DAY,
        "registrations": [],
        "supportedTrust": ["reputation"],
    }


def _service(name: str, endpoint: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "endpoint": endpoint, **more}


def _own_mcp(who: Who, market: Market) -> list[dict[str, Any]]:
    """The server whose tools are the seller's listings."""
    if not market.mcp_path:
        return []
    address = market.at(f"{market.mcp_path}/{who.slug}")
    return [_service("MCP", address, version=HANDSHAKES[0])]


def _contact(contact: str) -> dict[str, Any]:
    kind = "contact" if contact.startswith("https://") else "email"
    return _service(kind, contact)


def _introduced(who: Who, goods: tuple[Good, ...], market: Market) -> str:
    """Words for a seller who gave none, long enough for those who count."""
    if not goods:
        return f"{who.name} is a seller on {market.name}. At the moment nothing is for sale here."
    named = ", ".join(good.path for good in goods[:NAMED_MAX])
    more = "" if len(goods) <= NAMED_MAX else f" and {len(goods) - NAMED_MAX} more"
    return (
        f"{who.name} sells HTTP calls on {market.name}, paid per call with x402."
        f" For sale: {named}{more}."
    )
