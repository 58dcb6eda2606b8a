"""What the door says by itself: quotes, samples, refusals, and the headers every answer carries.

Whatever can be, is written once at import: an unpaid request should cost little more than the
server's own work.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from marketplace.calls.http import Header, Headers, Response, retry_after, with_length
from marketplace.calls.outcomes import BUSY_SECONDS, TOO_MANY, Unavailable
from marketplace.calls.quoting import refusing
from marketplace.calls.shelf import Absent, Shelved
from marketplace.calls.unsold import CLOSED, UNKNOWN
from marketplace.gateway import page
from payments.serving.foreign_bytes import SANDBOX
from payments.x402.headers import encode_json
from payments.x402.reasons import Reason
from sellers.market import leaflets
from sellers.offers import HEADER_BYTES_MAX

QUOTES_REMEMBERED_MAX: Final = 512  # at most some 10 kB each

JSON: Final = (b"content-type", b"application/json")
_MARKDOWN: Final = (b"content-type", b"text/markdown; charset=utf-8")
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")

# Browsers ask before they send a payment; the list is what x402 clients add (wire.md T13).
# The star covers what listings forward, and works because no credential of the browser's does.
_ALLOW_HEADERS: Final = (
    b"PAYMENT-SIGNATURE, X-PAYMENT, SIGN-IN-WITH-X, Access-Control-Expose-Headers, Content-Type,"
    b" X-Max-Price, X-Souk-Fresh, *"
)
_EXPOSE_HEADERS: Final = (
    b"PAYMENT-REQUIRED, PAYMENT-RESPONSE, X-PAYMENT-RESPONSE, Retry-After, Date, X-Demo,"
    b" X-Payment-Charged, X-Souk-Joined, X-Souk-Payment"
)
_EVERYWHERE: Final[Headers] = (
    (b"cache-control", b"no-store"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSE_HEADERS),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
# What a browser may show of what no moderator has seen: it cannot look like a page of ours.
_SHOWN_UNSEEN: Final = frozenset(
    {"application/json", "text/plain", "image/png", "image/jpeg", "image/gif", "image/webp"}
)
_SAVED: Final[Header] = (b"content-disposition", b"attachment")
GUARDED: Final[Headers] = (*_EVERYWHERE, (b"content-security-policy", SANDBOX.encode()))
QUOTE: Final[Headers] = (JSON, *GUARDED, (b"vary", b"Accept"))
_QUOTE_PAGE: Final[Headers] = (
    _HTML,
    *_EVERYWHERE,
    (b"vary", b"Accept"),
    (b"content-security-policy", page.POLICY.encode()),
)


def plain(
    status: int, error: str, detail: str, *more: Header, also: Mapping[str, Any] | None = None
) -> Response:
    """Write a short answer of our own: one word for programs, one sentence for people."""
    body = json.dumps({"error": error, "detail": detail, **(also or {})}).encode()
    return Response(status, with_length((JSON, *GUARDED, *more), body), body)


def not_now(why: Unavailable) -> Response:
    """Refuse for a while, and say for how long."""
    return plain(503, why.error, why.detail, retry_after(why.retry_after_seconds))


NOT_FOUND: Final = plain(UNKNOWN.status, UNKNOWN.error, UNKNOWN.detail)
NOT_HERE: Final = plain(
    403, "not_embeddable", "Answers are data; a page cannot load them as a script or a frame."
)
HEADERS_TOO_LARGE: Final = plain(431, "headers_too_large", "The request's headers are too long.")
BAD_QUERY: Final = plain(400, "bad_query", "The query is not name=value pairs in UTF-8.")
TWO_PAYMENTS: Final = plain(
    400, Reason.MORE_THAN_ONE_PAYMENT, "Attach one payment, in one PAYMENT-SIGNATURE header."
)
BUSY: Final = not_now(TOO_MANY)
_CLOSED: Final = not_now(CLOSED)
# Said when we ourselves failed. A payment may be on its way: the row knows, this answer does not.
FAULTY: Final = Unavailable(
    "internal_fault",
    "Something went wrong here. Send the same payment again; it cannot be charged twice.",
    BUSY_SECONDS,
)
FAULT: Final = not_now(FAULTY)
PREFLIGHT: Final = Response(
    204,
    (
        *GUARDED,
        (b"allow", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"),
        (b"access-control-allow-headers", _ALLOW_HEADERS),
        (b"access-control-max-age", b"86400"),
    ),
    b"",
)


def absent(why: Absent) -> Response:
    """Say that nothing is for sale under this path, for good or for now."""
    return _CLOSED if why is Absent.CLOSED else NOT_FOUND


@lru_cache(maxsize=QUOTES_REMEMBERED_MAX)
def quote(shelved: Shelved) -> Response:
    """Say what it costs and how to pay."""
    body = shelved.challenge_body
    return Response(402, with_length((*QUOTE, _challenge(shelved)), body), body)


@lru_cache(maxsize=QUOTES_REMEMBERED_MAX)
def quote_page(shelved: Shelved) -> Response:
    """Say the same to a person, as a page."""
    body = page.render(shelved).encode()
    return Response(402, with_length((*_QUOTE_PAGE, _challenge(shelved)), body), body)


def _challenge(shelved: Shelved) -> Header:
    return (b"payment-required", shelved.challenge_header.encode())


def challenge_again(
    shelved: Shelved, reason: Reason, detail: str, also: Mapping[str, Any]
) -> Response:
    """Quote, and say why what was attached or wished for does not do."""
    challenge = refusing(shelved.challenge, reason, detail, also)
    body = encode_json(challenge.to_wire())
    if len(b64encode(body)) > HEADER_BYTES_MAX:  # the reason stays, conveniences go
        body = encode_json(replace(challenge, more={}).to_wire())
    header = (b"payment-required", b64encode(body))
    return Response(402, with_length((*QUOTE, header), body), body)


def sample(shelved: Shelved) -> Response:
    """Give the stored sample, free; a draft's is shown to nobody as a page."""
    stored = shelved.terms.sample
    headers: Headers = (
        (b"content-type", stored.content_type.encode()), (b"x-demo", b"true"), *GUARDED
    )  # fmt: skip
    if shelved.draft_of is not None and not _is_harmless(stored.content_type):
        headers = (*headers, _SAVED)
    return Response(stored.status, with_length(headers, stored.body), stored.body)


def _is_harmless(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in _SHOWN_UNSEEN or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


@lru_cache(maxsize=QUOTES_REMEMBERED_MAX)
def skill(shelved: Shelved, base_url: str) -> Response:
    """Say in a text for language models what is sold, for how much, and how it is called."""
    text = leaflets.skill(shelved.path, shelved.terms, shelved.offers, shelved.url, base_url)
    body = text.encode()
    return Response(200, with_length((_MARKDOWN, *GUARDED), body), body)
