"""`/mcp` and `/mcp/<seller>`: MCP over HTTP without sessions, a plain ASGI app beside the door.

A POST is answered with one document, or with one event where that is all a client takes or the
answer is long in coming. Nothing is remembered between requests: any process may answer the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from django.conf import settings

from marketplace.calls.http import Response, send_response
from marketplace.calls.in_flight import Arrivals
from marketplace.calls.inbox import Inbox
from marketplace.calls.outcomes import BUSY_SECONDS, MAYBE_TAKEN
from marketplace.calls.requests import BodyIncomplete, BodyTooLarge
from marketplace.calls.room import Room
from marketplace.calls.shares import Shares
from marketplace.catalog.mcp import arrival, events
from marketplace.catalog.mcp.arrival import Arrival
from marketplace.catalog.mcp.looks import TooManyLooks
from marketplace.catalog.mcp.methods import Methods, Visit
from marketplace.catalog.mcp.outcomes import where
from marketplace.catalog.mcp.protocol import (
    ENVELOPE,
    INTERNAL_ERROR,
    INVALID_REQUEST,
    Document,
    Fault,
    Message,
    Post,
    Unreadable,
    answered,
    read_post,
    refused,
    written,
)
from marketplace.catalog.mcp.versions import check_envelope, refuse_unknown, spoken
from payments.at_hand import payment_at_hand
from payments.traced import traced

logger = logging.getLogger(__name__)

Told: TypeAlias = Callable[[bool], Awaitable[None]]

BODY_READ_INLINE_MAX: Final = 32_000  # reading a longer one takes milliseconds

# Said when we ourselves failed. A payment may be on its way: the row knows, this answer does not.
_FAULT: Final = Fault(
    INTERNAL_ERROR,
    "Something went wrong here. Send the same payment again; it cannot be charged twice.",
)
_BUSY: Final = Fault(INTERNAL_ERROR, "Too many questions at once; nothing was charged. Ask again.")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back, and who wants to know whether it arrived."""

    status: int
    document: Document | list[Document]
    told: tuple[Told, ...] = ()


class McpServer:
    """The ASGI app of `/mcp`; calls and bodies are counted together with the door's."""

    def __init__(self, room: Room, places: Shares, arrivals: Arrivals) -> None:
        self._methods = Methods(room, places)
        self._arrivals = arrivals

    def close(self) -> None:
        self._methods.close()

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer one request."""
        head = arrival.read_head(scope)
        if isinstance(head, Response):
            await send_response(head, scope["method"], send)
            return
        inbox = self._inbox(head, receive)
        try:
            post = await _read(inbox, spoken(head.headers))
        except Fault as fault:
            inbox.close()
            await send_response(arrival.answer_fault(fault), "POST", send)
            return
        if not any(isinstance(each, Unreadable) or each.id is not None for each in post.messages):
            inbox.close()
            await send_response(arrival.accepted(), "POST", send)
            return
        work = asyncio.create_task(self._reply(post, head, inbox))
        await _send(work, head, inbox, send)

    def _inbox(self, head: Arrival, receive: ASGIReceiveCallable) -> Inbox:
        return Inbox(
            receive,
            declared=head.headers.get(b"content-length", b""),
            bytes_max=settings.MCP_BODY_BYTES_MAX,
            seconds=settings.REQUEST_BODY_SECONDS,
            arrivals=self._arrivals,
            seat=None,
        )

    async def _reply(self, post: Post, head: Arrival, inbox: Inbox) -> Reply:
        """The answers to all that was asked, in its order."""
        visit = Visit(
            seller=head.seller,
            version=spoken(head.headers),
            headers=head.pairs,
            gone=inbox.gone,
            alone=not post.together,
            origin=head.origin,
        )
        answers = [
            await self._answer(each, head, visit)
            for each in post.messages
            if isinstance(each, Unreadable) or each.id is not None
        ]
        told = tuple(each for answer in answers for each in answer.told)
        if post.together:
            return Reply(200, [_one(answer.document) for answer in answers], told)
        return answers[0]

    async def _answer(self, message: Message | Unreadable, head: Arrival, visit: Visit) -> Reply:
        if isinstance(message, Unreadable):
            return Reply(message.fault.status, refused(message.id, message.fault))
        payment_at_hand.set(None)
        try:
            refuse_unknown(visit.version, head.headers, message)
            if visit.version == ENVELOPE:
                check_envelope(head.headers, message)
            said = await self._methods.answer(message, visit)
        except Fault as fault:
            return Reply(fault.status, refused(message.id, fault))
        except TooManyLooks:
            return Reply(200, refused(message.id, _BUSY))
        except Exception as error:  # whatever happens, a program gets an answer with its number
            _log(error)
            return Reply(200, refused(message.id, _fault_of(payment_at_hand.get())))
        document = answered(message.id, said.result, visit.version)
        return Reply(200, document, (said.told,) if said.told else ())


def _fault_of(payment_id: UUID | None) -> Fault:
    """Of which payment, if one was taken or may have been; never in a shape that asks to pay."""
    if payment_id is None:
        return _FAULT
    message = f"Something went wrong here. {MAYBE_TAKEN}"
    data = {"retry_after_seconds": BUSY_SECONDS, **where(payment_id)}
    return Fault(INTERNAL_ERROR, message, data=data)


async def _read(inbox: Inbox, version: str) -> Post:
    try:
        body = await inbox.read()
        if len(body) > BODY_READ_INLINE_MAX:
            return await asyncio.to_thread(read_post, body, version)
        return read_post(body, version)
    except BodyTooLarge:
        raise Fault(INVALID_REQUEST, "The message is too long.", status=413) from None
    except BodyIncomplete:
        raise Fault(INVALID_REQUEST, "The message did not arrive whole.", status=400) from None


async def _send(
    work: asyncio.Task[Reply], head: Arrival, inbox: Inbox, send: ASGISendCallable
) -> None:
    """One document if it comes soon and is wanted, else one event after as many comments as it
    takes; and then those are told who wait to hear whether it arrived."""
    streams = not head.takes_json
    if head.takes_events and not streams:
        streams = not await events.is_soon_done(work, events.QUIET_SECONDS)
    reached = False
    try:
        if streams:
            await events.begin(send)
            await events.keep_alive(work, send)
        reply = await work
        connected = inbox.close()  # once it is out, everybody seems to be gone
        if streams:
            await events.end(written(reply.document), send)
            reached = connected
        else:
            response = arrival.answer(reply.status, reply.document)
            reached = await send_response(response, "POST", send) and connected
    except OSError:  # how servers may say that a client is gone (ASGI 2.4)
        reached = False
    finally:
        if not work.done():  # what was claimed goes on by itself
            await asyncio.wait({work})
        for told in work.result().told:
            await told(reached)


def _one(document: Document | list[Document]) -> Document:
    assert isinstance(document, dict)
    return document


def _log(error: Exception) -> None:
    logger.error("MCP failed: %s", traced(error))
