"""How a tool answers: contents that an agent reads, and the same as data."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from payments.x402.headers import decode_json, encode_json
from payments.x402.reasons import Malformed

Document = dict[str, Any]

_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", ""})


@dataclass(frozen=True, slots=True)
class Contents:
    """An answer's bytes as MCP shows them."""

    blocks: list[Document]
    structured: Document | None = None


def data(document: Mapping[str, Any], *, meta: Document | None = None) -> Document:
    """A result that is data, and the same data as text for clients that show only text."""
    return _result(document, is_error=False, meta=meta)


def problem(
    error: str, detail: str, *, also: Mapping[str, Any] | None = None, meta: Document | None = None
) -> Document:
    """Why a tool did not do it, in one word for programs and one sentence for everybody."""
    said = {"error": error, "detail": detail, **(also or {})}
    return _result(said, is_error=True, meta=meta)


def wants_payment(challenge: Mapping[str, Any], *, meta: Document | None = None) -> Document:
    """What x402 clients take for a 402: the quote as data and the very same as text."""
    return _result(challenge, is_error=True, meta=meta)


def _result(said: Mapping[str, Any], *, is_error: bool, meta: Document | None) -> Document:
    text = encode_json(said).decode()
    result: Document = {
        "content": [{"type": "text", "text": text}],
        "structuredContent": dict(said),
        "isError": is_error,
    }
    return {**result, "_meta": meta} if meta else result


def contents(content_type: str, body: bytes, url: str, *, encoded: bool = False) -> Contents:
    """Bytes of a seller's, as text, picture, sound or file by what they say they are."""
    media_type, _, rest = content_type.partition(";")
    media_type = media_type.strip().lower()
    if not body:
        return Contents([])
    if not encoded:
        if (text := _text(media_type, rest, body)) is not None:
            is_json = media_type == "application/json" or media_type.endswith("+json")
            structured = _object(body) if is_json else None
            return Contents([{"type": "text", "text": text}], structured)
        kind = media_type.partition("/")[0]
        if kind in {"image", "audio"}:
            shown = {"type": kind, "data": b64encode(body).decode(), "mimeType": media_type}
            return Contents([shown])
    return Contents([embedded(media_type, body, url)])


def embedded(media_type: str, body: bytes, url: str) -> Document:
    """Bytes as a file of its own. No program looks into it for a price or an instruction."""
    blob = b64encode(body).decode()
    return {"type": "resource", "resource": {"uri": url, "mimeType": media_type, "blob": blob}}


def _text(media_type: str, parameters: str, body: bytes) -> str | None:
    """The body as text, if it says that it is text and is in UTF-8."""
    readable = media_type.startswith("text/") or media_type.endswith(("json", "xml"))
    charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(' "')
    if not readable or charset not in _UTF8:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _object(body: bytes) -> Document | None:
    """A JSON object, when nothing in it can be read in two ways: the text stays the answer."""
    try:
        document = decode_json(body)
    except Malformed:
        return None
    return document if isinstance(document, dict) else None
