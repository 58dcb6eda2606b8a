"""The paid door: `/call/<seller>/<listing>[/<path>]`, one request from first byte to last.
Sellers try their drafts out at `/preview/<token>[/<path>]`, which is the same door.

A plain ASGI app beside Django, because an unpaid request must cost little more than the
server's own work. It quotes, hands out samples and refuses; whatever carries a payment goes
through `marketplace.calls`. Nothing else here can reach an upstream.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from marketplace.calls.addressed import addressed
from marketplace.calls.ceiling import is_too_dear
from marketplace.calls.http import Response, send_response
from marketplace.calls.in_flight import Arrivals, NoPlace, Seat
from marketplace.calls.inbox import Inbox
from marketplace.calls.outcomes import CallOutcome, Challenged, Delivered, Streamed
from marketplace.calls.paid_call import UNDECIDED
from marketplace.calls.requests import BodyIncomplete, BodyTooLarge, CallRequest, Query
from marketplace.calls.shares import Shares
from marketplace.calls.shelf import Absent, Place, Shelf, Shelved
from marketplace.calls.unsold import undeliverable
from marketplace.gateway import responses
from marketplace.gateway.arrival import Arrival
from marketplace.gateway.delivery import Delivery, deliver
from marketplace.gateway.dialects import V2, Dialect, spoken
from marketplace.gateway.flow import Flow
from marketplace.gateway.incoming import (
    AmbiguousCredentials,
    BadQuery,
    HeadersTooLarge,
    asks_for_demo,
    body_asks_for_demo,
    read_headers,
    read_path,
    read_plain_headers,
    read_query,
)
from marketplace.gateway.outcomes import fault_of, head_of, response_of
from payments.at_hand import payment_at_hand
from payments.database.pool import AWAY
from payments.serving.foreign_bytes import EMBEDDING
from payments.serving.leaving import PIECE_BYTES
from payments.traced import traced
from payments.x402.reasons import Reason

logger = logging.getLogger(__name__)

_EMBEDDING: Final = frozenset(destination.encode() for destination in EMBEDDING)

# Without the database nobody knows what is for sale, or what was paid already.
_AWAY: Final = responses.not_now(UNDECIDED)

PaidCall: TypeAlias = Callable[[Place, str, CallRequest], Awaitable[CallOutcome]]


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """How much the door takes of everything."""

    calls_in_flight_max: int
    listing_in_flight_max: int
    header_bytes_max: int
    body_bytes_max: int
    body_seconds: float
    bodies_arriving_max: int = 400
    bodies_arriving_bytes_max: int = 100_000_000


class Door:
    """The ASGI app of `/call/`."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        paid_call: PaidCall,
        wait_seconds: Callable[[Shelved], float],
        quoted: Callable[[UUID], None],
        limits: DoorLimits,
        public_base_url: str,
    ) -> None:
        """Take what the door leads to; `wait_seconds` says how long a listing is not for sale,
        `quoted` counts the quotes."""
        self._shelf = shelf
        self._paid_call = paid_call
        self._wait_seconds = wait_seconds
        self._quoted = quoted
        self._limits = limits
        self._header_bytes_max = limits.header_bytes_max
        self._public_base_url = public_base_url
        self.places = Shares(limits.calls_in_flight_max, each_most=limits.listing_in_flight_max)
        self.arrivals = Arrivals(
            bodies_max=limits.bodies_arriving_max, bytes_max=limits.bodies_arriving_bytes_max
        )

    def at_once(self, scope: HTTPScope) -> Response | None:
        """Quote what is at hand to whoever asks with GET and nothing else; None is no verdict.

        Most of what programs ask is this. Called, the door says the same, and takes its time.
        """
        if scope["method"] != "GET" or scope["query_string"]:
            return None
        try:
            route = read_path(scope["raw_path"])
            if route is None or route.segments:
                return None
            headers = read_plain_headers(scope["headers"], bytes_max=self._header_bytes_max)
            place = self._shelf.peek(route.path)
            if place is None or headers is None:
                return None
            return self._quote(place, V2, headers)
        except Exception as error:  # a fault of ours is told as below, and never as a price
            _log(error)
            return responses.FAULT

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Answer one request, whatever happens."""
        sending = False
        payment_at_hand.set(None)
        try:
            answer = await self._answer(scope, receive)
            sending = True
            if isinstance(answer, Response):
                await send_response(answer, scope["method"], send)
            else:
                await deliver(answer, scope["method"], send)
        except Exception as error:  # whatever happens, a buyer is never told to pay again
            _log(error)
            if not sending:
                said = fault_of(payment_at_hand.get(), self._public_base_url)
                await send_response(said, scope["method"], send)

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> Response | Delivery:
        """Quote before anything else is judged: graders and clients probe in every way."""
        route = read_path(scope["raw_path"])
        if route is None:
            return responses.NOT_FOUND
        try:
            headers = read_headers(scope["headers"], bytes_max=self._header_bytes_max)
        except HeadersTooLarge:
            return responses.HEADERS_TOO_LARGE
        except AmbiguousCredentials:
            return responses.TWO_PAYMENTS
        if headers.get(b"sec-fetch-dest") in _EMBEDDING:
            return responses.NOT_HERE
        if scope["method"] == "OPTIONS":
            return responses.PREFLIGHT
        place: Place | None = self._shelf.peek(route.path)
        if place is None:
            try:
                place = await self._shelf.get(route.path)
            except AWAY:
                return _AWAY
        query = _readable(scope["query_string"]) if scope["query_string"] else ()
        dialect = spoken(query) if query else V2
        arrival = Arrival(route, headers, query, dialect, scope, receive)
        if arrival.pays:
            return await self._answer_paid(arrival, place)
        if isinstance(place, Absent):
            return responses.absent(place)
        unasked = self._besides(arrival, place)
        if unasked is not None:
            return unasked
        asks_more = arrival.brings_body or scope["query_string"]
        if asks_more and await self._wants_sample(arrival):
            return responses.sample(place)
        return self._quote(addressed(place, route.segments), dialect, headers)

    def _besides(self, arrival: Arrival, place: Shelved) -> Response | None:
        """What stands below a listing's address and is no call of it."""
        segments = arrival.route.segments
        if not segments:  # a bare address is quoted: path parameters are for the paid request
            return None
        if _asks_for_skill(arrival, place):
            return responses.skill(place, self._public_base_url)
        if len(segments) != len(place.terms.path_parameters):
            return responses.NOT_FOUND
        return None

    def _quote(self, place: Shelved, dialect: Dialect, headers: Mapping[bytes, bytes]) -> Response:
        wait_seconds = self._wait_seconds(place)
        if wait_seconds:
            return responses.not_now(undeliverable(wait_seconds))
        ceiling = headers.get(b"x-max-price")
        if ceiling is not None and is_too_dear(place.offers, ceiling.decode("latin-1")):
            return dialect.quote_again(place, Reason.PRICE_ABOVE_MAX, "", {})
        if place.only_for is None:
            self._quoted(place.listing_id)
        if b"text/html" in headers.get(b"accept", b""):
            return dialect.quote_page(place)
        return dialect.quote(place)

    async def _wants_sample(self, arrival: Arrival) -> bool:
        """`?demo=true`, or a JSON body that says so; HEAD has no body worth reading."""
        if asks_for_demo(arrival.query or ()):
            return True
        if not arrival.brings_body or arrival.scope["method"] == "HEAD":
            return False
        inbox = self._inbox(arrival, None)
        try:
            return body_asks_for_demo(await inbox.read())
        except (BodyTooLarge, BodyIncomplete):
            return False
        finally:
            inbox.close()

    async def _answer_paid(self, arrival: Arrival, place: Place) -> Response | Delivery:
        if arrival.query is None:
            return responses.BAD_QUERY
        if asks_for_demo(arrival.query) and not isinstance(place, Absent):
            return responses.sample(place)
        if arrival.dialect.credential not in arrival.headers:
            return arrival.dialect.elsewhere
        path = arrival.route.path
        seat = Seat(self.places, path)
        inbox = self._inbox(arrival, seat if arrival.brings_body else None)
        flow: Flow | None = None
        is_large = False
        try:
            if not arrival.brings_body:
                seat.take()
            outcome = await self._paid_call(place, path, arrival.request(arrival.query, inbox))
            if isinstance(outcome, Streamed):  # it keeps its place until its end
                flow = Flow(outcome, inbox, seat.give_back)
                return Delivery(head_of(outcome, arrival.dialect), flow=flow)
            if isinstance(outcome, Challenged) and not isinstance(place, Absent):
                place = addressed(place, arrival.route.segments)
            response = response_of(outcome, place, arrival.dialect, self._public_base_url)
            is_large = len(response.body) > PIECE_BYTES
        except NoPlace:
            return responses.BUSY
        finally:
            if flow is None:
                seat.give_back()
                connected = is_large or inbox.close()
        told = outcome.handed_over if isinstance(outcome, Delivered) else None
        if is_large:
            return Delivery(response, told=told, inbox=inbox, kept=outcome)
        return Delivery(response, connected, told, kept=outcome)

    def _inbox(self, arrival: Arrival, seat: Seat | None) -> Inbox:
        return Inbox(
            arrival.receive,
            declared=arrival.headers.get(b"content-length", b""),
            bytes_max=self._limits.body_bytes_max,
            seconds=self._limits.body_seconds,
            arrivals=self.arrivals,
            seat=seat,
            empty=arrival.ends_with_its_head,
        )


def _asks_for_skill(arrival: Arrival, place: Shelved) -> bool:
    """`…/SKILL.md`, where that is no value of a path parameter that somebody could buy."""
    asked = arrival.route.segments == ("SKILL.md",) and len(place.terms.path_parameters) != 1
    return asked and arrival.scope["method"] in ("GET", "HEAD")


def _readable(query_string: bytes) -> Query | None:
    try:
        return read_query(query_string)
    except BadQuery:
        return None


def _log(error: Exception) -> None:
    logger.error("The door failed: %s", traced(error))
