"""The stored answer, for whoever proves to be its buyer, as often as they ask.

Proof is the `X-Payment-Identifier` that was in the claim, SIGN-IN-WITH-X by the payer's wallet, or
the form on the payment's page, sent by whoever is signed in with that wallet. A payment's signature
is public once it is on chain: it unlocks nothing here.
"""

from __future__ import annotations

import contextlib
import json
import mimetypes
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from payments import lookup, wiring
from payments.acceptance import collecting
from payments.counter import Counter, counter
from payments.cross_origin import preflight, readable
from payments.foreign_bytes import EMBEDDING, SANDBOX
from payments.identifiers import TRIES_MAX, proves_identifier
from payments.ids import read_id
from payments.leaving import Leaving
from payments.lookup import Held, StoredAnswer
from payments.missing import RETRY_SECONDS, not_found
from payments.page_or_json import fresh
from payments.states import SEND_AGAIN, words
from payments.wallets.payers import payers_of
from payments.wallets.proof import WALLET_HEADER, Subject
from payments.wallets.siwx import AsksTooOften

Response = TypeVar("Response", bound=HttpResponseBase)

IDENTIFIER_HEADER = "X-Payment-Identifier"
BUSY_SECONDS = 1
SHOWN_BYTES_MAX = 20_000  # of an answer on a page; all of it is in the file

SELLER_BYTES_HEADERS = {
    "Content-Security-Policy": SANDBOX,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Unproven:
    """Why nothing is handed out yet."""

    error: str
    detail: str


@require_http_methods(["GET", "POST", "OPTIONS"])
async def answer(request: HttpRequest, payment: str) -> HttpResponseBase:
    """Hand the stored answer to its buyer; everybody else is told how to prove to be one."""
    if request.method == "OPTIONS":
        return _guarded(preflight(["GET"], [IDENTIFIER_HEADER, WALLET_HEADER]))
    if request.method == "POST":
        return await _fetched_by_form(request, payment)
    if request.headers.get("Sec-Fetch-Dest", "") in EMBEDDING:
        return _problem(403, "not_embeddable", "A page cannot load an answer as a script or frame.")
    payment_id, site = read_id(payment), await counter()
    held = await lookup.by_id(site.pool, payment_id) if payment_id else None
    if held is None:
        return _problem(404, "unknown_payment", "There is no payment with this id here.")
    if not held.released:
        return _nothing_to_hand_over(held)
    try:
        unproven = await _unproven(request, site, held)
    except AsksTooOften as often:
        response = _problem(429, "too_often", often.detail, payment=str(held.payment_id))
        response["Retry-After"] = str(often.retry_seconds)
        return response
    if unproven is not None:
        return _asked_for_proof(request, held, unproven)
    way = await _way_out(site, held)
    if way is None:
        return _crowded(held)
    stored = await lookup.stored_answer(site.pool, held.payment_id)
    if stored is None or stored.body is None:
        return _gone(held, stored)
    return _handed_over(way, held, stored, stored.body)


async def _fetched_by_form(request: HttpRequest, payment: str) -> HttpResponseBase:
    """The answer as a file, or shown as text, to whoever is signed in with the paying wallet.

    A form carries a token that no other site knows; a cookie alone hands nothing out.
    """
    payment_id, site = read_id(payment), await counter()
    held = await lookup.by_id(site.pool, payment_id) if payment_id else None
    if held is None or not await sync_to_async(_is_payers)(request, held):
        return await sync_to_async(not_found)(request)
    if not held.released:
        return _nothing_to_hand_over(held)
    way = await _way_out(site, held)
    if way is None:
        return _crowded(held)
    stored = await lookup.stored_answer(site.pool, held.payment_id)
    if stored is None or stored.body is None:
        return _gone(held, stored)
    if request.POST.get("how") == "show":
        await collecting.collect(site.pool, held.payment_id)
        return await sync_to_async(_shown)(request, held, stored, stored.body)
    response = _handed_over(way, held, stored, stored.body)
    ending = mimetypes.guess_extension(stored.content_type.partition(";")[0].strip()) or ".bin"
    response["Content-Disposition"] = f'attachment; filename="answer-{held.payment_id}{ending}"'
    return response


def _is_payers(request: HttpRequest, held: Held) -> bool:
    """Not asked where nobody is signed in."""
    if not request.user.is_authenticated:
        return False
    return any(payer.made(held) for payer in payers_of(request.user))


def _shown(request: HttpRequest, held: Held, stored: StoredAnswer, body: bytes) -> HttpResponse:
    """The beginning of an answer as plain text, on a page of ours or a part of one."""
    text = _as_text(stored.content_type, body[: SHOWN_BYTES_MAX + 1])
    context = {
        "payment_id": held.payment_id,
        "status": stored.status,
        "content_type": stored.content_type,
        "body_bytes": stored.body_bytes,
        "body_hash": stored.body_hash.hex(),
        "text": text,
        "is_cut": stored.body_bytes > SHOWN_BYTES_MAX,
    }
    part = bool(getattr(request, "htmx", False))
    name = "payments/_answer.html" if part else "payments/answer.html"
    return fresh(render(request, name, context))


def _as_text(content_type: str, body: bytes) -> str | None:
    """What can be read; None for pictures and the like."""
    kind = content_type.partition(";")[0].strip().lower()
    if not (kind.startswith("text/") or kind.endswith(("json", "xml", "javascript"))):
        return None
    text = body[:SHOWN_BYTES_MAX].decode(errors="replace")
    if kind.endswith("json") and len(body) <= SHOWN_BYTES_MAX:
        with contextlib.suppress(ValueError, RecursionError):
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


async def _unproven(request: HttpRequest, site: Counter, held: Held) -> Unproven | None:
    identifier, proof = (request.headers.get(each) for each in (IDENTIFIER_HEADER, WALLET_HEADER))
    if identifier is not None and await proves_identifier(site.pool, held, identifier):
        return None
    if proof is not None:
        why = await _payer(request, held).why_unproven(
            proof, site.pool, site.chains, origin=wiring.origin_of(request)
        )
        if why is None:
            return None
        return Unproven(why, "The wallet's proof was not accepted. " + _HOW)
    if identifier is not None:
        return Unproven(
            "wrong_identifier",
            f"That is not the payment-identifier of this payment, or {TRIES_MAX} wrong ones were"
            " tried and only the wallet counts now. " + _HOW,
        )
    return Unproven("proof_required", "Only the buyer can fetch this answer. " + _HOW)


_HOW = (
    f"Send {IDENTIFIER_HEADER} with the payment-identifier that was in the payment, or sign the"
    f" text of the sign-in-with-x extension below with the paying wallet and send it as"
    f" {WALLET_HEADER}. The payment's own signature proves nothing: it is public."
)


def _asked_for_proof(request: HttpRequest, held: Held, unproven: Unproven) -> HttpResponse:
    response = _problem(
        401,
        unproven.error,
        unproven.detail,
        payment=str(held.payment_id),
        extensions=_payer(request, held).question(),
    )
    response["WWW-Authenticate"] = f'{WALLET_HEADER} realm="{held.payment_id}"'
    return response


def _nothing_to_hand_over(held: Held) -> HttpResponse:
    said = SEND_AGAIN if held.to_take_up else words(held.standing.state)
    payment = {"payment": str(held.payment_id), "status": said.key}
    if held.to_take_up:
        detail = "Nobody works on it: send the same payment again. It is not charged again."
        return _problem(409, "send_again", detail, **payment)
    if said.tone == "waiting":
        response = _problem(
            503, "answer_pending", f"Not yet: {said.text}. Do not pay again.", **payment
        )
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return _problem(409, "no_answer", f"There is no answer to fetch: {said.text}.", **payment)


def _gone(held: Held, stored: StoredAnswer | None) -> HttpResponse:
    facts = (
        {"hash": "sha256:" + stored.body_hash.hex(), "bytes": stored.body_bytes} if stored else {}
    )
    return _problem(
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
    terms = wiring.leaving_terms()
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
    return _guarded(response)


def _crowded(held: Held) -> HttpResponse:
    detail = "Too many answers are on their way out. Ask again; nothing is charged."
    response = _problem(503, "busy", detail, payment=str(held.payment_id))
    response["Retry-After"] = str(BUSY_SECONDS)
    return response


def _problem(http_status: int, error: str, detail: str, **more: Any) -> HttpResponse:
    return _guarded(JsonResponse({"error": error, "detail": detail, **more}, status=http_status))


def _guarded(response: Response) -> Response:
    for name, value in SELLER_BYTES_HEADERS.items():
        response[name] = value
    return readable(response)


def _payer(request: HttpRequest, held: Held) -> Subject:
    return Subject(held.payer, held.network, wiring.public_url(request.path))
