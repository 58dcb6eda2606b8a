"""`/events`: open pages hear that something changed, and ask for themselves what.

Nothing but versions goes over the stream, so it can tell nobody what is not theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, TypeAlias
from uuid import UUID

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from marketplace.access import has_second_factor, is_admin, is_moderator, person
from marketplace.doctor.glance import OPERATOR, THE_SITE
from marketplace.moderation.said import SAID, topic_of
from payments.ids import read_id
from payments.live.happenings import (
    BUYERS,
    EARNINGS,
    PAYMENT,
    UNSEEN,
    Kind,
    Topic,
    place_of,
    query_of,
    read_place,
    versions_now,
)
from payments.live.open_pages import Hub, hub
from payments.wiring.site import origin_of
from sellers.drafting import fetches, worksheets
from sellers.happenings import DOCUMENT, DOMAIN, LOOK, TEST_CALLS
from sellers.profile.directory import seller_of

TOPICS_MAX: Final = 8
COMMENT_SECONDS: Final = 15.0
STREAM_SECONDS: Final = 600.0  # then the page comes again, and who it is is looked at anew


async def events(request: HttpRequest) -> HttpResponseBase:
    """The stream, to whoever may see these topics; who finds it full asks every few seconds."""
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET"})
    topics, _ = await sync_to_async(_allowed)(request)
    seen = read_place(topics, request.headers.get("Last-Event-ID") or request.GET.get("seen", ""))
    network = origin_of(request)
    if hub().is_full(settings.STREAMS_MAX) or hub().is_full_for(
        network, settings.STREAMS_NETWORK_MAX
    ):
        refused = _ask_instead(request, topics, seen)
        refused.status_code = 503
        refused["HX-Reswap"] = "innerHTML"  # else it is taken for a proxy's (static/ui.js)
        return refused
    told = _stream(hub(), topics, seen, network)
    response = StreamingHttpResponse(told, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"  # nginx would keep it until it is over
    return response


@require_safe
def poll(request: HttpRequest) -> HttpResponse:
    """The same by asking: 204 while nothing changed, else the page is told by a header."""
    topics, known = _allowed(request)
    seen = read_place(topics, request.GET.get("seen", ""))
    changed = [topic for topic in topics if known.get(topic, UNSEEN) != seen[topic]]
    if not changed:
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})
    response = _ask_instead(request, topics, {**seen, **known})
    response["HX-Trigger"] = ",".join(sorted({topic.kind.name for topic in changed}))
    return response


def _allowed(request: HttpRequest) -> tuple[list[Topic], dict[Topic, str]]:
    """What is asked for and how it stands, if all of it is there and may be seen.

    The connection is not kept for the stream.
    """
    try:
        names = request.GET.get("topics", "").split(",")
        if len(names) > TOPICS_MAX:
            raise Http404
        topics = list(dict.fromkeys(_topic(request, name) for name in names))
        known = versions_now(topics)
        if any(topic.kind == PAYMENT and topic not in known for topic in topics):
            raise Http404
        return topics, known
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _topic(request: HttpRequest, name: str) -> Topic:
    """What is meant, to whoever may open a page that shows it; nothing is here for others."""
    word, _, key = name.partition(":")
    if word not in _HEARD_BY:
        raise Http404
    kind, which = _HEARD_BY[word]
    found = which(request, key)
    if found is None:
        raise Http404
    return Topic(kind, found)


def _payment(_: HttpRequest, key: str) -> UUID | None:
    return read_id(key)  # whoever knows it may look at it


def _own(request: HttpRequest, key: str) -> UUID | None:
    """What each seller has one of."""
    seller = None if key else seller_of(request.user)
    return seller.pk if seller else None


def _draft(request: HttpRequest, key: str) -> UUID | None:
    seller, draft_id = seller_of(request.user), read_id(key)
    found = worksheets.find(seller, draft_id) if seller and draft_id else None
    return found.pk if found else None


def _document(request: HttpRequest, key: str) -> UUID | None:
    seller, fetch_id = seller_of(request.user), read_id(key)
    found = fetches.of(seller, fetch_id) if seller and fetch_id else None
    return found.pk if found else None


def _said(request: HttpRequest, key: str) -> UUID | None:
    may = not key and is_moderator(request.user) and has_second_factor(request)
    return topic_of(person(request).pk).id if may else None


def _site(request: HttpRequest, key: str) -> UUID | None:
    may = not key and is_admin(request.user) and has_second_factor(request)
    return THE_SITE.id if may else None


# Every kind there is: which one of it is meant, if whoever asks may hear of it.
_Which: TypeAlias = Callable[[HttpRequest, str], UUID | None]
_HEARD_BY: Final[dict[str, tuple[Kind, _Which]]] = {
    kind.name: (kind, which)
    for kind, which in (
        (PAYMENT, _payment),
        (EARNINGS, _own),
        (BUYERS, _own),
        (DOMAIN, _own),
        (LOOK, _draft),
        (TEST_CALLS, _draft),
        (DOCUMENT, _document),
        (SAID, _said),
        (OPERATOR, _site),
    )
}


async def _stream(
    waiting: Hub, topics: list[Topic], seen: Mapping[Topic, str], network: str
) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    over = loop.time() + STREAM_SECONDS
    async with waiting.seat(seen, network) as seat:
        yield b": open\n\n"
        while (left := over - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(COMMENT_SECONDS, left)):
                    await seat.news.wait()
            except TimeoutError:
                yield b":\n\n"
                continue
            if waiting.is_leaving:
                return
            changed = seat.take(waiting.known)
            place = place_of(topics, seat.seen)
            for topic in changed:
                yield f"event: {topic.kind.name}\nid: {place}\ndata: {topic.name}\n\n".encode()


def _ask_instead(
    request: HttpRequest, topics: list[Topic], seen: Mapping[Topic, str]
) -> HttpResponse:
    """An element that asks every few seconds, in the place of a stream."""
    query = query_of(topics, seen)
    response = render(request, "poll.html", {"query": query})
    response["Cache-Control"] = "no-store"
    return response
