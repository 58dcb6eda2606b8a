"""Which part of Souk answers a request, and what the process holds open for it."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from types import FrameType
from typing import Any, Final, TypeAlias

import psycopg
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope
from django.conf import settings

from marketplace.calls import paid_call
from marketplace.calls.http import send_response
from marketplace.calls.readiness import wait_seconds
from marketplace.calls.room import Room
from marketplace.catalog.mcp.app import McpServer
from marketplace.gateway.app import Door, DoorLimits
from marketplace.gateway.responses import NOT_FOUND
from marketplace.logs import note_request
from payments.counter import close_counter
from payments.database.pool import NotDurable
from payments.denials import ListUnread
from payments.live.open_pages import close_hub, hub
from payments.loaded import keep_loaded
from payments.x402.crypto import slow_keccak

App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

_DOOR: Final = (b"/call/", b"/preview/")
_HEALTH: Final = frozenset({b"/healthz", b"/readyz"})


class Surface:
    """The process's one ASGI app. The door and what it needs are opened once, and closed."""

    def __init__(self, site: App, *, surface: str) -> None:
        """Serve all, only the door (and its health), or only the site."""
        self._site = site
        self._surface = surface
        self._room: Room | None = None
        self._door: Door | None = None
        self._mcp: McpServer | None = None
        self._opening = asyncio.Lock()

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Send a request to the part it is for."""
        if scope["type"] == "http":
            path = scope["raw_path"]
            if self._door is not None and path.startswith(_DOOR):  # hot: nothing else is asked
                quote = self._door.at_once(scope)
                if quote is not None:
                    try:
                        await send(quote.start)
                        await send(quote.end)
                    except OSError:  # nobody waits for it any more
                        return
                else:
                    note_request(scope)
                    await self._door(scope, receive, send)
            else:
                note_request(scope)
                await self._app_for(path)(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000, "reason": ""})

    def _app_for(self, path: bytes) -> App:
        if path.startswith(_DOOR) and self._surface != "site":
            return self._door or self._open_door
        if (path == b"/mcp" or path.startswith(b"/mcp/")) and self._surface != "site":
            return self._mcp or self._open_door
        if self._surface == "door" and path not in _HEALTH:
            return _nothing_here
        return self._site

    async def _open_door(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Serve the first request of a server that did not say it was starting."""
        await self._open()
        await self._app_for(scope["raw_path"])(scope, receive, send)

    async def _live(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if slow := slow_keccak():  # servers do not run Django's system checks
                    await send({"type": "lifespan.startup.failed", "message": slow[0]})
                    return
                try:
                    await self._open()
                except (psycopg.Error, OSError, NotDurable, ListUnread) as error:
                    is_ours = isinstance(error, NotDurable | ListUnread)
                    what = str(error) if is_ours else type(error).__name__
                    why = f"The door cannot open: {what}"
                    await send({"type": "lifespan.startup.failed", "message": why})
                    return
                _when_stopped(hub().leave)
                await send({"type": "lifespan.startup.complete"})
            else:
                await self._close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _open(self) -> None:
        async with self._opening:
            if self._room is None and self._surface != "site":
                room = Room()
                await room.open()
                keep_loaded()
                self._room, self._door = room, _door(room)
                self._mcp = McpServer(room, self._door.places, self._door.arrivals)

    async def _close(self) -> None:
        await close_hub()
        await close_counter()
        if self._room is not None:
            room, self._room, self._door = self._room, None, None
            mcp, self._mcp = self._mcp, None
            await room.close()
            if mcp is not None:
                mcp.close()


def _door(room: Room) -> Door:
    return Door(
        shelf=room.shelf,
        paid_call=partial(paid_call.call, room),
        wait_seconds=partial(wait_seconds, room),
        quoted=room.tally.quoted,
        limits=DoorLimits(
            calls_in_flight_max=settings.CALLS_IN_FLIGHT_MAX,
            listing_in_flight_max=settings.LISTING_IN_FLIGHT_MAX,
            header_bytes_max=settings.HEADER_BYTES_MAX,
            body_bytes_max=settings.REQUEST_BODY_BYTES_MAX,
            body_seconds=settings.REQUEST_BODY_SECONDS,
            bodies_arriving_max=settings.BODIES_ARRIVING_MAX,
            bodies_arriving_bytes_max=settings.BODIES_ARRIVING_BYTES_MAX,
        ),
        public_base_url=settings.PUBLIC_BASE_URL,
    )


def _when_stopped(leave: Callable[[], None]) -> None:
    """End what never ends by itself as soon as the process is asked to stop.

    The server lets every answer finish first, and says nothing to us before. Its own handler
    still hears the signal: the event loop takes that from a pipe, whoever stands in the table.
    """
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        return

    def heard(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(leave)
        before(number, frame)

    signal.signal(signal.SIGTERM, heard)


async def _nothing_here(
    scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    await send_response(NOT_FOUND, scope["method"], send)
