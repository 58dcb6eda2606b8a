"""Buyers who come at a steady pace and do what a payment promises: they send it again.

Each pays once for a call of its own, under a name that proves whose the payment is. Whatever it is
told meanwhile (refused, cut off, wait), it presents the same payment until its answer is there or
its signature runs out.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.fixtures.cast import Person
from tests.fixtures.upstream import Behaviour, Call, Wire, answer
from tests.fixtures.wallet import authorize, pack

AGAIN_SECONDS = 1.0
PATIENCE_SECONDS = 60  # of one request; nginx has more
TOLD_TO_WAIT = {409, 502, 503, 504}


class Here(AbstractResolver):
    """Every name is this machine."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Bought:
    """One purchase: its payment, and everything it was told, in order."""

    number: int
    nonce: bytes
    method: str
    told: list[int] = field(default_factory=list)
    words: str = ""
    answer: Any = None


def echo(seconds: float) -> Behaviour:
    """A seller who takes a moment, and answers with the number that was asked for."""

    async def behave(call: Call, wire: Wire) -> bool:
        await asyncio.sleep(seconds)
        (number,) = [value for name, value in call.query if name == "n"]
        return await answer(json.dumps({"n": int(number)}).encode())(call, wire)

    return behave


class SteadyBuyers:
    """So many new purchases a second, from `start` until `stop`; `finish` waits for the last."""

    def __init__(
        self,
        urls: dict[str, tuple[str, Any]],
        people: Sequence[Person],
        trust: ssl.SSLContext,
        per_second: float,
    ) -> None:
        """Buy at these urls in turn, by method, each with the challenge it gave."""
        self._urls, self._people, self._trust = list(urls.items()), people, trust
        self._pause = 1 / per_second
        self._ended, self._given_up = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self.bought: list[Bought] = []
        self.served = 0

    def __enter__(self) -> SteadyBuyers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._given_up.set()
        self.finish()

    def finish(self) -> None:
        """No new ones; wait until everybody has an answer, or cannot have one any more."""
        self._ended.set()
        self._thread.join()

    @property
    def told(self) -> Counter[int]:
        return Counter(status for each in self.bought for status in each.told)

    async def _run(self) -> None:
        connector = aiohttp.TCPConnector(limit=0, resolver=Here(), ssl=self._trust)
        patience = aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=patience) as session,
            asyncio.TaskGroup() as shopping,
        ):
            due = time.monotonic()
            while not self._ended.is_set():
                shopping.create_task(self._buy(session, len(self.bought)))
                await asyncio.sleep(0)
                due += self._pause
                await asyncio.sleep(max(0, due - time.monotonic()))

    async def _buy(self, session: aiohttp.ClientSession, number: int) -> None:
        method, (url, challenge) = self._urls[number % len(self._urls)]
        payload = authorize(challenge, self._people[number % len(self._people)])
        payload["extensions"] = {"payment-identifier": {"info": {"id": f"pay_{token_hex(16)}"}}}
        terms = payload["payload"]["authorization"]
        bought = Bought(number, bytes.fromhex(terms["nonce"][2:]), method)
        self.bought.append(bought)
        headers = {"PAYMENT-SIGNATURE": pack(payload)}
        if method == "POST":
            headers["Content-Type"] = "application/json"
        while time.time() < int(terms["validBefore"]) and not self._given_up.is_set():
            status, body = await self._send(session, method, f"{url}?n={number}", headers)
            bought.told.append(status)
            if status == 200:
                bought.answer = json.loads(body)
                self.served += 1
            else:
                bought.words = body
            if status not in {0, *TOLD_TO_WAIT}:
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def _send(
        self, session: aiohttp.ClientSession, method: str, url: str, headers: dict[str, str]
    ) -> tuple[int, str]:
        body = b"{}" if method == "POST" else None
        try:
            async with session.request(method, url, headers=headers, data=body) as said:
                return said.status, await said.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, f"{type(error).__name__}: {error}"
