"""One remote facilitator over HTTP: what it serves, and the settlement of one payment.

Whatever goes wrong on the way becomes a word with a meaning: was it certainly never asked, or
may it have acted? Only the chain decides what really happened.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import orjson
from yarl import URL

from payments.chains.answers import printable
from payments.egress import Failed, Limits, Reply, exchange, open_trusted_client
from payments.models import Submission
from payments.x402.facilitation import (
    BadHeaders,
    Headers,
    NotAnAnswer,
    Verdict,
    check_headers,
    read_settlement,
    serves,
)

Outcome = Submission.Outcome
CONNECT_SECONDS = 5.0
SAID_CHARACTERS_MAX = 160
# Turned away at the door: whoever answers so has not begun to look at the payment.
TURNED_AWAY = frozenset({401, 403, 404, 405, 429})
BUSY = 429  # ask me later: nothing about what it serves


@dataclass(frozen=True, slots=True)
class Facilitator:
    """One entry of the operator's list."""

    name: str
    url: str
    headers: Headers = field(repr=False)
    headers_file: str = ""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How long a facilitator may take and how much it may answer."""

    settle_seconds: float
    ask_seconds: float
    answer_bytes_max: int


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of asking for a settlement, as far as its word goes."""

    outcome: Submission.Outcome
    transaction: bytes | None
    said: str


@dataclass(frozen=True, slots=True)
class Service:
    """Whether it says that it settles our kind; None when it would not say just now."""

    serves: bool | None
    said: str


class HeaderFile:
    """The headers of a file, read again when it changes: another program may renew its tokens."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._read_from: tuple[int, int] | None = None
        self._headers: Headers = {}

    def read(self) -> Headers:
        try:
            facts = self._path.stat()
            if (facts.st_mtime_ns, facts.st_size) != self._read_from:
                self._headers = check_headers(json.loads(self._path.read_text(encoding="utf-8")))
                self._read_from = (facts.st_mtime_ns, facts.st_size)
        except OSError as error:
            raise BadHeaders(f"{self._path} cannot be read ({error.strerror})") from None
        except ValueError as error:
            words = str(error) if isinstance(error, BadHeaders) else "it is not JSON"
            raise BadHeaders(f"{self._path}: {words}") from None
        return self._headers


class FacilitatorCalls:
    """The calls to one facilitator. One object serves one event loop."""

    def __init__(
        self,
        facilitator: Facilitator,
        limits: CallLimits,
        *,
        open_client: Callable[[str], aiohttp.ClientSession] = open_trusted_client,
    ) -> None:
        self.name = facilitator.name
        self._url = facilitator.url.rstrip("/")
        self._inline = facilitator.headers
        self._file = HeaderFile(facilitator.headers_file) if facilitator.headers_file else None
        self._limits = limits
        self._open_client = open_client
        self._client: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def supported(self, network: str, scheme: str) -> Service:
        """Ask what it serves. A full list without our kind is a no; an empty one says nothing."""
        try:
            reply = await self._call("GET", "supported", b"", self._limits.ask_seconds)
        except BadHeaders as bad:
            return Service(False, f"its headers: {bad}")
        if isinstance(reply, Failed):
            return Service(False, f"it does not answer: {_words(reply.detail)}")
        if reply.status == BUSY:
            return Service(None, f"it is busy (HTTP {BUSY})")
        if reply.status != 200:
            return Service(False, f"GET /supported says HTTP {reply.status}")
        try:
            named = serves(_document(reply), network=network, scheme=scheme)
        except NotAnAnswer as error:
            return Service(False, f"GET /supported: {error}")
        if named is None:
            return Service(None, "its list of what it supports is empty")
        kind = f"(2, {network}, {scheme})"
        return Service(named, f"it {'serves' if named else 'does not serve'} {kind}")

    async def settle(self, request: Mapping[str, object], network: str, payer: str) -> Settled:
        """Ask for one settlement, once; nothing is repeated or followed here."""
        body = orjson.dumps(request)
        try:
            reply = await self._call("POST", "settle", body, self._limits.settle_seconds)
        except BadHeaders as bad:
            return Settled(Outcome.UNSENT, None, _words(f"its headers: {bad}"))
        if isinstance(reply, Failed):
            outcome = Outcome.UNKNOWN if reply.may_have_acted else Outcome.UNSENT
            return Settled(outcome, None, _words(f"{reply.kind.value}: {reply.detail}"))
        try:
            word = read_settlement(_document(reply), network=network, payer=payer)
        except NotAnAnswer as error:
            turned_away = reply.status in TURNED_AWAY
            outcome = Outcome.UNSENT if turned_away else Outcome.UNKNOWN
            return Settled(outcome, None, _words(f"HTTP {reply.status}: {error}"))
        return Settled(_OUTCOMES[word.verdict], word.transaction, _words(word.reason))

    async def _call(self, method: str, path: str, body: bytes, seconds: float) -> Reply | Failed:
        headers = self._file.read() if self._file is not None else self._inline
        if self._client is None:
            self._client = self._open_client(str(URL(self._url).origin()))
        sent = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        return await exchange(
            self._client,
            method,
            URL(f"{self._url}/{path}", encoded=True),
            headers=[*sent.items(), *headers.get(path, {}).items()],
            body=body,
            limits=Limits(
                connect_seconds=min(CONNECT_SECONDS, seconds),
                first_byte_seconds=seconds,
                total_seconds=seconds,
                body_bytes_max=self._limits.answer_bytes_max,
            ),
        )


_OUTCOMES = {
    Verdict.SETTLED: Outcome.SETTLED,
    Verdict.PENDING: Outcome.PENDING,
    Verdict.REFUSED: Outcome.REFUSED,
    Verdict.NEVER_BEGAN: Outcome.UNSENT,
}


def _document(reply: Reply) -> object:
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        raise NotAnAnswer("it is not JSON") from None


def _words(text: str) -> str:
    return printable(text, SAID_CHARACTERS_MAX)
