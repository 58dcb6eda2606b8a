"""Our own public face, asked as a stranger's grader asks: what a listing's address really answers.

Only the two origins that the operator configured are ever asked, and nothing that is asked here
carries a payment, so no endpoint of a seller hears of it.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson
from yarl import URL

from payments.chains import ChainUnavailable
from payments.egress import Failed, FailureKind, Limits, Reply, exchange, open_trusted_client
from payments.wiring.networks import open_chain
from sellers.examples import body, body_media_type, suffix
from sellers.offers import PREVIEWS
from sellers.site import Site
from sellers.terms import Terms

SECONDS_MAX = 8.0  # for everything together
BYTES_MAX = 12_000_000  # a site-wide document is the largest thing that is asked for
NOT_NOW = 503
TOOL_PAGES_MAX = 40  # of a seller's list
_MCP = [
    ("Content-Type", "application/json"),
    ("Accept", "application/json, text/event-stream"),
]
ASKED = Reply | Failed


@dataclass(frozen=True, slots=True)
class Face:
    """What was answered, question by question; None for what was not asked."""

    url: str
    bare: ASKED  # GET, nothing else
    posted: ASKED | None = None  # POST with {}
    replayed: ASKED | None = None  # the declared example, without a payment
    preflight: ASKED | None = None  # OPTIONS
    demo: ASKED | None = None
    older: ASKED | None = None  # ?x402Version=1
    openapi: ASKED | None = None
    well_known: ASKED | None = None
    tools: ASKED | None = None  # the MCP server's own
    sellers_tools: ASKED | None = None  # and its list of this seller's
    tool_call: ASKED | None = None  # the listing, called over MCP without a payment
    contracts: Mapping[str, bool | None] = field(default_factory=dict)  # payout wallets with code

    @property
    def is_known(self) -> bool:
        """Whether it said enough to be judged; where nothing is sold for now, nothing is."""
        asked = (self.bare, self.posted, self.replayed)
        return all(isinstance(each, Reply) and each.status != NOT_NOW for each in asked)

    @property
    def why_not(self) -> str:
        """What was in the way of an answer."""
        if isinstance(self.bare, Failed):
            return f"no answer: {self.bare.detail}"
        return f"it is not for sale at the moment ({self.bare.status})"


def look_at(url: str, terms: Terms, site: Site) -> Face:
    """Ask everything of one address; what takes too long is left unasked."""
    return asyncio.run(_looked(url, terms, site))


async def _looked(url: str, terms: Terms, site: Site) -> Face:
    limits = Limits(2.0, 4.0, 5.0, BYTES_MAX)
    async with open_trusted_client(site.call_base_url, limit=4) as door:
        bare = await exchange(door, "GET", URL(url, encoded=True), limits=limits)
        if isinstance(bare, Failed):
            return Face(url, bare)
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await _the_rest(door, url, terms, site, bare, limits)
        except TimeoutError:
            words = f"not everything was answered within {SECONDS_MAX:g} seconds"
            return Face(url, Failed(FailureKind.TIMEOUT_TOTAL, words))


async def _the_rest(
    door: aiohttp.ClientSession, url: str, terms: Terms, site: Site, bare: Reply, limits: Limits
) -> Face:
    def ask(
        method: str, tail: str = "", content_type: str = "", content: bytes = b""
    ) -> Awaitable[ASKED]:
        headers = [("Content-Type", content_type)] if content_type else []
        target = URL(url + tail, encoded=True)
        return exchange(door, method, target, headers=headers, body=content, limits=limits)

    example = terms.example_input
    kind, content = body(example, body_media_type(terms.input_schema))
    posted, replayed, preflight, demo, older = await asyncio.gather(
        ask("POST", "", "application/json", b"{}"),
        ask(terms.method, suffix(example, terms.path_parameters), kind, content),
        ask("OPTIONS"),
        ask("GET", "?demo=true"),
        ask("GET", "?x402Version=1"),
    )
    contracts = await _contracts(terms, site)
    face = Face(url, bare, posted, replayed, preflight, demo, older, contracts=contracts)
    if urlsplit(url).path.startswith(PREVIEWS):
        return face
    return await _listed(door, face, terms, site, limits)


async def _listed(
    door: aiohttp.ClientSession, face: Face, terms: Terms, site: Site, limits: Limits
) -> Face:
    """What the site says of what it sells: graders look for it at the origin of the call."""
    base, origin = URL(site.public_base_url), URL(site.call_base_url)
    path = urlsplit(face.url).path.removeprefix("/call/")
    call = {"name": "call_service", "arguments": {"path": path, "input": terms.example_input}}
    async with open_trusted_client(site.public_base_url, limit=4) as client:

        def get(name: str) -> Awaitable[ASKED]:
            return exchange(door, "GET", origin / name, limits=limits)

        def rpc(name: str, method: str, params: Mapping[str, Any]) -> Awaitable[ASKED]:
            message = {"jsonrpc": "2.0", "id": "health-check", "method": method, "params": params}
            return exchange(
                client, "POST", base / name, headers=_MCP, body=orjson.dumps(message), limits=limits
            )

        async def of_seller() -> ASKED:
            """The page of the seller's tools on which this one stands."""
            cursor: dict[str, Any] = {}
            for _ in range(TOOL_PAGES_MAX):
                page = await rpc(f"mcp/{path.partition('/')[0]}", "tools/list", cursor)
                listed = result_of(page)
                if any(path_of(tool) == path for tool in listed.get("tools") or []):
                    break
                if not listed.get("nextCursor"):
                    break
                cursor = {"cursor": listed["nextCursor"]}
            return page

        openapi, well_known, tools, sellers_tools, tool_call = await asyncio.gather(
            get("openapi.json"),
            get(".well-known/x402"),
            rpc("mcp", "tools/list", {}),
            of_seller(),
            rpc("mcp", "tools/call", call),
        )
    return replace(
        face,
        openapi=openapi,
        well_known=well_known,
        tools=tools,
        sellers_tools=sellers_tools,
        tool_call=tool_call,
    )


async def _contracts(terms: Terms, site: Site) -> dict[str, bool | None]:
    """Which payout wallets are contracts; None where the chain does not say."""
    found: dict[str, bool | None] = {}
    for price in terms.prices:
        if site.accepts(price.network) is None:
            continue
        chain = open_chain(price.network)
        try:
            found[price.pay_to] = await chain.has_code(price.pay_to)
        except (ChainUnavailable, TimeoutError):
            found[price.pay_to] = None
        finally:
            await chain.close()
    return found


def document_of(reply: ASKED | None) -> Any:
    """The JSON of an answer; None when it is none."""
    return json_of(reply.body) if isinstance(reply, Reply) else None


def result_of(reply: ASKED | None) -> dict[str, Any]:
    """The result of an answer in JSON-RPC."""
    document = document_of(reply)
    result = document.get("result") if isinstance(document, dict) else None
    return result if isinstance(result, dict) else {}


def path_of(tool: dict[str, Any]) -> str:
    """The listing that a tool of a seller's list calls."""
    return str((tool.get("_meta") or {}).get("souk/path", ""))


def status_of(reply: ASKED | None) -> str:
    """What was answered, in a word."""
    if reply is None:
        return "not asked in time"
    if isinstance(reply, Failed):
        return f"no answer: {reply.detail}"
    return str(reply.status)


def quote_in(header: str) -> dict[str, Any]:
    """The quote that a PAYMENT-REQUIRED header carries; empty when it carries none."""
    try:
        document = json_of(b64decode(header, validate=True))
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def json_of(text: str | bytes) -> Any:
    """A JSON document; None when it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
