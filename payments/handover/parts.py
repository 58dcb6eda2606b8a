"""What was passed on of a stream that was cut, handed to its buyer, and never as a whole answer.

It has an address of its own. There it is 206 with `Content-Range: bytes 0-9/*`, HTTP's own words
for the beginning of something whose length nobody knows, so that no program that goes by the
status takes it for all of it; `X-Souk-Cut` says the same to whoever reads the page's file, which
is 200: browsers refuse to save a 206 that they did not ask for.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_http_methods

from payments.counter import Counter
from payments.cut_streams import CutStream, bytes_of, cut_stream_of
from payments.handover.answers import SHOWN_BYTES_MAX, as_text, on_a_page
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
from payments.lookup import Held
from payments.models import Work
from payments.serving.leaving import Leaving
from payments.wiring.bounds import leaving_terms


@require_http_methods(["GET", "POST", "OPTIONS"])
async def part(request: HttpRequest, payment: str) -> HttpResponseBase:
    """Hand what came before the cut to its buyer, who proves to be it as for an answer."""
    return await hand_out(_PART, request, payment)


async def _leave(request: HttpRequest, site: Counter, held: Held) -> HttpResponseBase:
    cut = await sync_to_async(cut_stream_of)(held.payment_id)
    if cut is None:
        return _nothing_kept(held)
    terms = leaving_terms()
    if not Leaving.has_room_for(cut.body_bytes, terms):
        return crowded(held)
    way = Leaving(cut.body_bytes, _arrived, terms)
    body = (await sync_to_async(bytes_of)(cut))[: cut.body_bytes]
    if len(body) < cut.body_bytes:
        return _nothing_kept(held)  # its day was over in between
    if is_to_be_shown(request):
        return await sync_to_async(_shown)(request, cut, body)
    return _handed_over(request, way, held, cut, body)


async def _arrived() -> None:
    """That a beginning arrived says nothing of the answer."""


def _handed_over(
    request: HttpRequest, way: Leaving, held: Held, cut: CutStream, body: bytes
) -> HttpResponseBase:
    is_file = request.method == "POST"
    response = way.response(body, status=200 if is_file else 206, content_type=cut.content_type)
    if is_file:
        response["Content-Disposition"] = as_file("cut", held, cut.content_type)
    else:
        response["Content-Range"] = f"bytes 0-{cut.body_bytes - 1}/*"
    if cut.content_encoding:
        response["Content-Encoding"] = cut.content_encoding
    response["X-Souk-Cut"] = f"yes; bytes={cut.body_bytes}"
    response["X-Souk-Payment"] = str(held.payment_id)
    return guarded(response)


def _shown(request: HttpRequest, cut: CutStream, body: bytes) -> HttpResponse:
    context: dict[str, object] = {
        "payment_id": cut.payment_id,
        "came_before_a_cut": True,
        "content_type": cut.content_type,
        "body_bytes": cut.body_bytes,
        "text": as_text(cut.content_type, body[: SHOWN_BYTES_MAX + 1]),
        "is_cut": cut.body_bytes > SHOWN_BYTES_MAX,
    }
    return on_a_page(request, context)


def _missing(held: Held) -> HttpResponse:
    if held.work != Work.ANSWERED:
        return nothing_to_hand_over(held)
    detail = "Nothing of it was cut: the whole answer is stored, and fetched as such."
    return problem(409, "no_part", detail, payment=str(held.payment_id))


def _nothing_kept(held: Held) -> HttpResponse:
    detail = "Nothing was passed on of it, or what was is kept no longer."
    return problem(404, "no_part", detail, payment=str(held.payment_id))


_PART = Kept(lambda held: held.may_be_cut, _missing, _leave)
