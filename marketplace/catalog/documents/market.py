"""What every document says of the marketplace itself, and how a document is written out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from django.conf import settings

from payments.wiring.keys import receipt_key_document
from sellers.market.goods import Good
from sellers.offers import icon_url
from sellers.texts import faithful

# Where the MCP server is.
MCP_PATH: Final = "/mcp"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Market:
    """This marketplace: its name, its addresses, whom to ask."""

    name: str
    base_url: str
    call_base_url: str
    contact: str = ""  # an e-mail address; empty where the operator named none
    did: str = ""
    mcp_path: str = ""
    refund_days: int = 30

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    def at(self, path: str) -> str:
        """A page or a document of the site."""
        return f"{self.base_url}{path}"

    def skill_url(self, good: Good) -> str:
        return skill_url(good, self.base_url)

    def icon_url(self, logo: str) -> str:
        return icon_url(self.base_url, logo)


@dataclass(frozen=True, slots=True)
class Part:
    """What is listed in a document of the whole site, of how much."""

    goods: tuple[Good, ...]
    total: int

    @property
    def is_whole(self) -> bool:
        return len(self.goods) >= self.total

    def note(self, market: Market) -> str:
        """Say what is left out, and where all of it is."""
        everywhere = (
            f"The whole catalog, page by page: {market.at('/api/catalog')}."
            f" Whole for one seller: {market.at('/s/<seller>/openapi.json')}."
        )
        if self.is_whole:
            return f"All {self.total} listings are here. {everywhere}"
        return f"The best {len(self.goods)} of {self.total} listings are here. {everywhere}"


def skill_url(good: Good, base_url: str) -> str:
    """Where a listing's SKILL.md is: beside it, unless its buyers may say that very word."""
    if len(good.terms.path_parameters) == 1:
        return f"{base_url}/l/{good.path}/SKILL.md"
    return f"{good.url}/SKILL.md"


def this_market() -> Market:
    """The marketplace as its settings say."""
    return Market(
        name=settings.SITE_NAME,
        base_url=settings.PUBLIC_BASE_URL,
        call_base_url=settings.CALL_BASE_URL,
        contact=settings.OPERATOR_EMAIL if settings.OPERATOR_EMAIL_IS_GIVEN else "",
        did=str(receipt_key_document()["id"]),
        mcp_path=MCP_PATH,
        refund_days=settings.DISPUTE_WINDOW_DAYS,
    )


def about(market: Market) -> str:
    """The marketplace in two sentences."""
    return (
        f"{market.name} is a marketplace where programs buy HTTP calls from independent sellers,"
        " paid per call in stablecoin with x402. No account and no API key: ask a listing's"
        " address, get the price as HTTP 402, sign it, get the answer and a signed receipt."
    )


def newest(goods: Iterable[Good]) -> str:
    """When the last of these changed, as ISO 8601; the beginning of time for none."""
    return stamp(max((good.changed_at for good in goods), default=datetime.fromtimestamp(0, UTC)))


def stamp(at: datetime) -> str:
    """A moment as documents write it: 2026-11-20T10:00:00Z."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def written(document: Any) -> bytes:
    """A document's bytes: data as the 402 has it, and nothing that only a machine would read."""
    return orjson.dumps(faithful(document))


def without_blanks(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is empty: readers take a missing field better than a blank one."""
    return {name: value for name, value in document.items() if value not in ("", None, [], {})}
