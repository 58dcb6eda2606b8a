"""One call bought: ask, pay, and ask again with the same payment until the answer is there."""

from __future__ import annotations

import asyncio
import binascii
import json
import time
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from marketplace.agent.quotes import NoQuote, Payment, Quote, read_quote, read_quote_v1
from payments.egress import Failed, Head, Limits, Reader, Reply, exchange
from payments.x402 import v1
from payments.x402.types import X402_VERSION

LIMITS = Limits(
    connect_seconds=5, first_byte_seconds=150, total_seconds=180, body_bytes_max=20_000_000
)
RETRY_SECONDS = 2.0  # where the seller does not say
RETRY_SECONDS_MAX = 30.0
PATIENCE_SECONDS = 180.0
# Nothing changes these, whatever Retry-After a door sends with them.
FINAL = frozenset({
    "already_used", "identifier_used", "listing_closed", "other_request", "refund_due",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What the agent wants to know, and of whom."""

    method: str
    url: URL
    body: bytes = b""
    content_type: str = ""
    version: int = X402_VERSION  # of x402, in which the price is asked for

    @property
    def headers(self) -> list[tuple[str, str]]:
        accept = [("Accept", "application/json, */*;q=0.5")]
        return accept + ([("Content-Type", self.content_type)] if self.content_type else [])


class NotBought(Exception):
    """No answer was had; the text says why, and what became of the money."""


@dataclass(frozen=True, slots=True)
class Bought:
    """An answer, and what the seller says of its payment."""

    reply: Reply
    settlement: Mapping[str, Any]
    payment_id: str


async def ask(client: aiohttp.ClientSession, question: Question) -> Quote | Reply:
    """Ask without paying: a price, or an answer that is free."""
    reply = await _send(client, question, ())
    if isinstance(reply, Failed):
        raise NotBought(f"{question.url.origin()} did not answer: {reply.detail}")
    if reply.status != 402:
        return reply
    try:
        return _quoted(question, reply)
    except NoQuote as refused:
        raise NotBought(f"It asks for a payment, but {refused}.") from refused


async def pay(
    client: aiohttp.ClientSession,
    question: Question,
    payment: Payment,
    say: Callable[[str], None],
    reader_for: Callable[[Head], Reader | None] | None = None,
) -> Bought:
    """Send the payment, and the same one again while its outcome is open: it buys only once.

    `reader_for` may name somebody who is shown the answer as it comes.
    """
    end = min(payment.authorization.valid_before, time.time() + PATIENCE_SECONDS)
    while True:
        paying = ((payment.header_name, payment.header),)
        reply = await _send(client, question, paying, reader_for)
        wait_seconds, why = _again(reply)
        if wait_seconds is None:
            assert isinstance(reply, Reply)
            return _bought(question, reply)
        if time.time() + wait_seconds > end:
            raise NotBought(
                f"{why}. It is not known yet what becomes of the payment"
                f"{_where(reply)}; it can be charged once at most, and not after its time."
            )
        say(f"{why}; the same payment again in {wait_seconds:g} s")
        await asyncio.sleep(wait_seconds)


async def _send(
    client: aiohttp.ClientSession,
    question: Question,
    more: tuple[tuple[str, str], ...],
    reader_for: Callable[[Head], Reader | None] | None = None,
) -> Reply | Failed:
    return await exchange(
        client,
        question.method,
        question.url,
        headers=[*question.headers, *more],
        body=question.body,
        limits=LIMITS,
        reader_for=reader_for,
    )


def _again(reply: Reply | Failed) -> tuple[float | None, str]:
    """How long to wait before the same payment is worth another try, if it is."""
    if isinstance(reply, Failed):
        return RETRY_SECONDS, f"the connection failed ({reply.detail})"
    if not _is_open(reply):
        return None, ""
    told = reply.headers.get("Retry-After", "")
    seconds = float(told) if told.isdecimal() else RETRY_SECONDS
    return min(seconds, RETRY_SECONDS_MAX), complaint(reply)


def _is_open(reply: Reply) -> bool:
    """Whether the seller may say something else of the same payment later."""
    if reply.status == 409:
        return "Retry-After" in reply.headers and _said(reply).get("error") not in FINAL
    return reply.status == 503


def _quoted(question: Question, reply: Reply) -> Quote:
    if question.version == v1.X402_VERSION:
        return read_quote_v1(reply.body)
    return read_quote(reply.headers.get("PAYMENT-REQUIRED", ""))


def _bought(question: Question, reply: Reply) -> Bought:
    settlement = settlement_of(reply)
    if 200 <= reply.status < 300:
        return Bought(reply, settlement, reply.headers.get("X-Souk-Payment", ""))
    if reply.status == 402:
        try:
            why = _quoted(question, reply).error
        except NoQuote:
            why = ""
        raise NotBought(f"The payment was refused: {why or complaint(reply)}.{_where(reply)}")
    charged = reply.headers.get("X-Payment-Charged", "")
    money = f" Charged: {charged}." if charged else ""
    raise NotBought(f"No answer: {complaint(reply)}.{money}{_where(reply)}")


def settlement_of(reply: Reply) -> dict[str, Any]:
    """What the seller says of the payment; empty when there is nothing that can be read."""
    said = (reply.headers.get(name) for name in ("PAYMENT-RESPONSE", "X-PAYMENT-RESPONSE"))
    try:
        document = json.loads(b64decode(next(filter(None, said), ""), validate=True))
    except (binascii.Error, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def complaint(reply: Reply) -> str:
    """What the other side says is wrong, in one line."""
    document = _said(reply)
    said = (document.get(key) for key in ("error", "detail"))
    words = plain(": ".join(str(part) for part in said if part).rstrip("."))
    return f"{words} (status {reply.status})" if words else f"status {reply.status}"


def _said(reply: Reply) -> dict[str, Any]:
    """The document of an answer; empty when it is none."""
    try:
        document = json.loads(reply.body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def plain(text: str) -> str:
    """Text of a stranger's without what a terminal would obey."""
    return "".join(mark if mark.isprintable() or mark in "\n\t" else "�" for mark in text)


def _where(reply: Reply | Failed) -> str:
    payment_id = "" if isinstance(reply, Failed) else reply.headers.get("X-Souk-Payment", "")
    return f" (payment {payment_id})" if payment_id else ""
