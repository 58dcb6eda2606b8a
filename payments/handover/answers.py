"""The stored answer, handed to its buyer."""

from __future__ import annotations

import contextlib
import json
from functools import partial

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from payments import lookup
from payments.acceptance import collecting
from payments.counter import Counter
from payments.handover.handing_out import (
    Kept,
    as_file,
    crowded,
    guarded,
    hand_out,
    is_to_be_shown,
    nothing_to_hand_over,
    problem,
)
from payments.lookup import Held, StoredAnswer
from payments.serving.leaving import Leaving
from payments.serving.page_or_json import fresh
from payments.wiring.bounds import leaving_terms

SHOWN_BYTES_MAX = 20_000  # of an answer on a page; all of it is in the file


@require_http_methods(["GET", "POST", "OPTIONS"])
async def answer(request: HttpRequest, payment: str) -> HttpResponseBase:
    """Hand the stored answer to its buyer; everybody else is told how to prove to be one."""
    return await hand_out(_ANSWER, request, payment)


async def _leave(request: HttpRequest, site: Counter, held: Held) -> HttpResponseBase:
    way = await _way_out(site, held)
    if way is None:
        return crowded(held)
    stored = await lookup.stored_answer(site.pool, held.payment_id)
    if stored is None or stored.body is None:
        return _gone(held, stored)
    if is_to_be_shown(request):
        await collecting.collect(site.pool, held.payment_id)
        return await sync_to_async(_shown)(request, held, stored, stored.body)
    response = _handed_over(way, held, stored, stored.body)
    if request.method == "POST":
        response["Content-Disposition"] = as_file("answer", held, stored.content_type)
    return response


_ANSWER = Kept(lambda held: held.released, nothing_to_hand_over, _leave)


def _shown(request: HttpRequest, held: Held, stored: StoredAnswer, body: bytes) -> HttpResponse:
    """The beginning of an answer as plain text, on a page of ours or a part of one."""
    context = {
        "payment_id": held.payment_id,
        "status": stored.status,
        "content_type": stored.content_type,
        "body_bytes": stored.body_bytes,
        "body_hash": stored.body_hash.hex(),
        "text": as_text(stored.content_type, body[: SHOWN_BYTES_MAX + 1]),
        "is_cut": stored.body_bytes > SHOWN_BYTES_MAX,
    }
    return on_a_page(request, context)


def on_a_page(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    part = bool(getattr(request, "htmx", False))
    name = "payments/_answer.html" if part else "payments/answer.html"
    return fresh(render(request, name, context))


def as_text(content_type: str, body: bytes) -> str | None:
    """What can be read; None for pictures and the like."""
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind.startswith("text/") or kind.endswith(("json", "xml", "javascript"))):
        return None
    text = body[:SHOWN_BYTES_MAX].decode(errors="replace")
    if kind.endswith("json") and len(body) <= SHOWN_BYTES_MAX:
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


def _gone(held: Held, stored: StoredAnswer | None) -> HttpResponse:
    facts = (
        {"hash": "sha256:" + stored.body_hash.hex(), "bytes": stored.body_bytes} if stored else {}
    )
    return problem(
        410,
        "answer_expired",
        "The answer was kept for as long as the listing said, and is gone; its hash stays.",
        payment=str(held.payment_id),
        **facts,
    )


async def _way_out(site: Counter, held: Held) -> Leaving | None:
    """Room for the answer in memory, before it is read; None where there is none now.

    Collected when it has left whole: one that breaks off can still be had for a new payment.
    """
    terms = leaving_terms()
    size = await lookup.answer_bytes(site.pool, held.payment_id)
    if not Leaving.has_room_for(size, terms):
        return None
    return Leaving(size, partial(collecting.collect, site.pool, held.payment_id), terms)


def _handed_over(
    way: Leaving, held: Held, stored: StoredAnswer, body: bytes
) -> StreamingHttpResponse:
    response = way.response(body, status=stored.status, content_type=stored.content_type)
    for name, value in stored.headers:
        response.headers.setdefault(name, value)
    response["X-Souk-Payment"] = str(held.payment_id)
    return guarded(response)
