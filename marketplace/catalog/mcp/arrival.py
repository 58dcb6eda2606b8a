"""An HTTP request at `/mcp` as far as its head goes, and what is answered to that at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from asgiref.typing import HTTPScope
from django.conf import settings

from marketplace.calls.http import Header, Headers, Response, with_length
from marketplace.calls.origin import origin_of
from marketplace.catalog.mcp import browsers
from marketplace.catalog.mcp.card import SECONDS, TYPE, server_card
from marketplace.catalog.mcp.lists import is_slug
from marketplace.catalog.mcp.protocol import (
    INVALID_REQUEST,
    Document,
    Fault,
    refused,
    written,
)
from marketplace.catalog.mcp.versions import METHOD_HEADER, NAME_HEADER, VERSION_HEADER
from payments.serving.foreign_bytes import SANDBOX
from payments.x402.headers import encode_json

JSON: Final = (b"content-type", b"application/json")
EVENTS: Final = (b"content-type", b"text/event-stream")
GUARDED: Final[Headers] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", SANDBOX.encode()),
)
_ONCE: Final = frozenset({VERSION_HEADER, METHOD_HEADER, NAME_HEADER, b"origin", b"content-type"})
_ALLOW: Final = (b"allow", b"POST, OPTIONS")
_TAKES_JSON: Final = frozenset({"", "application/json", "application/*", "*/*"})
_TAKES_EVENTS: Final = frozenset({"text/event-stream", "text/*"})


@dataclass(frozen=True, slots=True)
class Arrival:
    """A POST whose head is in order."""

    seller: str  # empty for the whole site
    headers: Mapping[bytes, bytes]
    pairs: tuple[tuple[str, str], ...]  # the same, all of them, as text
    takes_json: bool
    takes_events: bool
    origin: str = ""  # the network it comes from


def read_head(scope: HTTPScope) -> Arrival | Response:
    """Read what a request wants, or say at once why it gets nothing."""
    raw = tuple(scope["headers"])
    if sum(len(name) + len(value) for name, value in raw) > settings.HEADER_BYTES_MAX:
        return _told(431, "The request's headers are too long.")
    names = [name for name, _ in raw if name in _ONCE]
    if len(set(names)) < len(names):
        return _told(400, "A header that may come once came several times.")
    headers = dict(raw)
    server, _, below = scope["raw_path"].removeprefix(b"/").partition(b"/")
    seller = below.decode("latin-1")
    if server != b"mcp" or (below and not is_slug(seller)) or scope["raw_path"].endswith(b"/"):
        return _told(404, "There is no MCP server here.")
    if below == b"server-card":
        return _card(scope["method"])
    if (refusal := _refused(scope["method"], headers)) is not None:
        return refusal
    taken = {each.partition(";")[0].strip() for each in _text(headers, b"accept").split(",")}
    takes_json, takes_events = bool(taken & _TAKES_JSON), bool(taken & _TAKES_EVENTS)
    if not takes_json and not takes_events:
        return _told(406, "Answers are application/json or text/event-stream.")
    pairs = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw)
    return Arrival(seller, headers, pairs, takes_json, takes_events, origin_of(scope))


def _refused(method: str, headers: Mapping[bytes, bytes]) -> Response | None:
    if method == "OPTIONS":
        return Response(204, (*GUARDED, _ALLOW, *browsers.preflight()), b"")
    if method != "POST":
        return _told(405, "An MCP server: POST JSON-RPC here. It opens no streams.", _ALLOW)
    if not browsers.may_ask(headers):
        return _told(403, "This origin may not call the MCP server from a browser.")
    media_type = _text(headers, b"content-type").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return _told(415, "The body is application/json.")
    return None


def answer(status: int, document: Document | list[Document]) -> Response:
    """JSON-RPC as one document."""
    body = written(document)
    return Response(status, with_length((JSON, *GUARDED, *browsers.readable()), body), body)


def answer_fault(fault: Fault) -> Response:
    """What is said to a body that holds no message."""
    return answer(fault.status, refused(None, fault))


def accepted() -> Response:
    """What is said to messages that want no answer."""
    return Response(202, with_length((*GUARDED, *browsers.readable()), b""), b"")


def _told(status: int, why: str, *more: Header) -> Response:
    """Refuse before a message was read, in the form of one."""
    body = written(refused(None, Fault(INVALID_REQUEST, why)))
    headers = (JSON, *GUARDED, *browsers.readable(), *more)
    return Response(status, with_length(headers, body), body)


def _card(method: str) -> Response:
    if method not in ("GET", "HEAD"):
        return _told(405, "The server's card is read with GET.", (b"allow", b"GET, HEAD"))
    body = encode_json(server_card())
    headers: Headers = (
        (b"content-type", TYPE.encode()),
        (b"cache-control", f"public, max-age={SECONDS}".encode()),
        (b"access-control-allow-origin", b"*"),
        (b"x-content-type-options", b"nosniff"),
    )
    return Response(200, with_length(headers, body), body)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
