"""What a seller sent, for whoever proves to be its buyer, as often as they ask.

Proof is the `X-Payment-Identifier` that was in the claim, SIGN-IN-WITH-X by the payer's wallet, or
the form on the payment's page, sent by whoever is signed in with that wallet. A payment's signature
is public once it is on chain: it unlocks nothing here.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from payments import lookup
from payments.counter import Counter, counter
from payments.identifiers import TRIES_MAX, proves_identifier
from payments.ids import read_id
from payments.lookup import Held
from payments.missing import RETRY_SECONDS, not_found
from payments.serving.cross_origin import preflight, readable
from payments.serving.foreign_bytes import EMBEDDING, SANDBOX
from payments.states import SEND_AGAIN, words
from payments.wallets.payers import payers_of
from payments.wallets.proof import WALLET_HEADER, Subject
from payments.wallets.siwx import AsksTooOften
from payments.wiring.site import origin_of, public_url

Response = TypeVar("Response", bound=HttpResponseBase)

IDENTIFIER_HEADER = "X-Payment-Identifier"
BUSY_SECONDS = 1

SELLER_BYTES_HEADERS = {
    "Content-Security-Policy": SANDBOX,
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What may be kept of a payment: whether it can be there, and how it leaves to its buyer."""

    is_there: Callable[[Held], bool]
    missing: Callable[[Held], HttpResponse]
    leave: Callable[[HttpRequest, Counter, Held], Awaitable[HttpResponseBase]]


@dataclass(frozen=True, slots=True)
class Unproven:
    """Why nothing is handed out yet."""

    error: str
    detail: str


async def hand_out(kept: Kept, request: HttpRequest, payment: str) -> HttpResponseBase:
    """Hand it to its buyer; everybody else is told how to prove to be one."""
    if request.method == "OPTIONS":
        return guarded(preflight(["GET"], [IDENTIFIER_HEADER, WALLET_HEADER]))
    if request.method == "POST":
        return await _fetched_by_form(kept, request, payment)
    if request.headers.get("Sec-Fetch-Dest", "") in EMBEDDING:
        return problem(403, "not_embeddable", "A page cannot load an answer as a script or frame.")
    payment_id, site = read_id(payment), await counter()
    held = await lookup.by_id(site.pool, payment_id) if payment_id else None
    if held is None:
        return problem(404, "unknown_payment", "There is no payment with this id here.")
    if not kept.is_there(held):
        return kept.missing(held)
    try:
        unproven = await _unproven(request, site, held)
    except AsksTooOften as often:
        response = problem(429, "too_often", often.detail, payment=str(held.payment_id))
        response["Retry-After"] = str(often.retry_seconds)
        return response
    if unproven is not None:
        return _asked_for_proof(request, held, unproven)
    return await kept.leave(request, site, held)


async def _fetched_by_form(kept: Kept, request: HttpRequest, payment: str) -> HttpResponseBase:
    """As a file, or shown as text, to whoever is signed in with the paying wallet.

    A form carries a token that no other site knows; a cookie alone hands nothing out.
    """
    payment_id, site = read_id(payment), await counter()
    held = await lookup.by_id(site.pool, payment_id) if payment_id else None
    if held is None or not await sync_to_async(_is_payers)(request, held):
        return await sync_to_async(not_found)(request)
    if not kept.is_there(held):
        return kept.missing(held)
    return await kept.leave(request, site, held)


def _is_payers(request: HttpRequest, held: Held) -> bool:
    """Not asked where nobody is signed in."""
    if not request.user.is_authenticated:
        return False
    return any(payer.made(held) for payer in payers_of(request.user))


def is_to_be_shown(request: HttpRequest) -> bool:
    """On a page, and not as bytes."""
    return request.method == "POST" and request.POST.get("how") == "show"


def as_file(name: str, payment: Held, content_type: str) -> str:
    """The Content-Disposition of what is saved from a page."""
    ending = mimetypes.guess_extension(content_type.partition(";")[0].strip()) or ".bin"
    return f'attachment; filename="{name}-{payment.payment_id}{ending}"'


async def _unproven(request: HttpRequest, site: Counter, held: Held) -> Unproven | None:
    identifier, proof = (request.headers.get(each) for each in (IDENTIFIER_HEADER, WALLET_HEADER))
    if identifier is not None and await proves_identifier(site.pool, held, identifier):
        return None
    if proof is not None:
        why = await _payer(request, held).why_unproven(
            proof, site.pool, site.chains, origin=origin_of(request)
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
    response = problem(
        401,
        unproven.error,
        unproven.detail,
        payment=str(held.payment_id),
        extensions=_payer(request, held).question(),
    )
    response["WWW-Authenticate"] = f'{WALLET_HEADER} realm="{held.payment_id}"'
    return response


def nothing_to_hand_over(held: Held) -> HttpResponse:
    said = SEND_AGAIN if held.to_take_up else words(held.standing.state)
    payment = {"payment": str(held.payment_id), "status": said.key}
    if held.to_take_up:
        detail = "Nobody works on it: send the same payment again. It is not charged again."
        return problem(409, "send_again", detail, **payment)
    if said.tone == "waiting":
        response = problem(
            503, "answer_pending", f"Not yet: {said.text}. Do not pay again.", **payment
        )
        response["Retry-After"] = str(RETRY_SECONDS)
        return response
    return problem(409, "no_answer", f"There is no answer to fetch: {said.text}.", **payment)


def crowded(held: Held) -> HttpResponse:
    detail = "Too many answers are on their way out. Ask again; nothing is charged."
    response = problem(503, "busy", detail, payment=str(held.payment_id))
    response["Retry-After"] = str(BUSY_SECONDS)
    return response


def problem(http_status: int, error: str, detail: str, **more: Any) -> HttpResponse:
    return guarded(JsonResponse({"error": error, "detail": detail, **more}, status=http_status))


def guarded(response: Response) -> Response:
    for name, value in SELLER_BYTES_HEADERS.items():
        response[name] = value
    return readable(response)


def _payer(request: HttpRequest, held: Held) -> Subject:
    return Subject(held.payer, held.network, public_url(request.path))
