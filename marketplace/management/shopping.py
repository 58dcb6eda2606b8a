"""One purchase told step by step: price, promise, answer, receipt, timeline."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import mimetypes
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from marketplace.agent.purchase import Bought, NotBought, Question, ask, complaint, pay, plain
from marketplace.agent.quotes import Offer, Payment, Quote, in_words, readable, sign
from marketplace.agent.wallet import Wallet
from marketplace.embedded import rpc
from marketplace.embedded.chain import DOLLAR, ONE_DOLLAR, fund
from marketplace.embedded.demo_settings import NETWORK as DEMO_NETWORK
from payments.egress import Failed, Head, Limits, Reply, exchange, open_trusted_client
from payments.receipts.issuing import VerifiedReceipt, verify
from payments.receipts.signing import BadSignature

LOOK_LIMITS = Limits(
    connect_seconds=5, first_byte_seconds=15, total_seconds=20, body_bytes_max=1_000_000
)
RECEIPT_SECONDS = 45.0
LOOK_AGAIN_SECONDS = 0.5
FAUCET_DOLLARS = 10
TEXT_CHARACTERS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Trip:
    """What to buy, with what, and how to tell of it."""

    question: Question
    max_dollars: Decimal
    wallet: Wallet
    rpc_url: str  # of the demo's chain, when the wallet is the demo's own; else empty
    answers: Path
    say: Callable[[str], None]

    async def make(self) -> Bought | Reply:
        """Buy it, or raise what kept us from it."""
        async with open_trusted_client(str(self.question.url.origin())) as client:
            self.say(f"1. Ask  {self.question.method} {self.question.url}")
            quote = await ask(client, self.question)
            if isinstance(quote, Reply):
                return self._free(quote)
            self.say(f"   402, it has a price:\n{indented(readable(quote.document))}")
            payment = await self._promise(quote)
            self.say("3. Pay  the same request, with the signed promise")
            stream = Stream(self.say)
            bought = await pay(
                client, self.question, payment, lambda words: self.say(f"   {words}"), stream.watch
            )
            self._show_answer(bought, streamed=stream.has_begun)
            await self._show_proof(client, quote, payment, bought)
            return bought

    def _free(self, reply: Reply) -> Reply:
        if not 200 <= reply.status < 300:
            raise NotBought(f"It neither answers nor names a price: {complaint(reply)}.")
        self.say(f"   {reply.status}, it is free:\n{indented(self._body(reply, 'free'))}")
        return reply

    async def _promise(self, quote: Quote) -> Payment:
        offer = self._choose(quote)
        if self.rpc_url:
            await asyncio.to_thread(self._top_up, offer)
        now = int(time.time())
        payment = sign(quote, offer, self.wallet, now=now)
        until = by_when(payment.authorization.valid_before, now)
        self.say(
            f"2. Sign  as {self.wallet.address}: “whoever shows this may move {in_words(offer)}\n"
            f"   from me to {offer.requirements.pay_to}, once, before {until} UTC.”\n"
            "   No more than that can ever be lost by it."
        )
        return payment

    def _choose(self, quote: Quote) -> Offer:
        offers = [
            offer
            for offer in quote.offers
            if not self.rpc_url or offer.requirements.network == DEMO_NETWORK
        ]
        if not offers:
            raise NotBought("None of its prices is in a token and on a network this wallet has.")
        if offers[0].dollars > self.max_dollars:
            raise NotBought(
                f"It costs ${offers[0].dollars.normalize():f}, more than the "
                f"${self.max_dollars.normalize():f} you allow. Nothing was signed; allow more with "
                "--max."
            )
        return offers[0]

    def _top_up(self, offer: Offer) -> None:
        """The demo's faucet, for the demo's own wallet."""
        # balanceOf(address)
        data = f"0x70a08231{int(self.wallet.address, 16):064x}"
        answer = rpc.call(self.rpc_url, "eth_call", {"to": DOLLAR, "data": data}, "latest")
        if int(answer, 16) < offer.requirements.amount_atomic:
            fund(self.rpc_url, self.wallet.address, FAUCET_DOLLARS * ONE_DOLLAR, 0)
            self.say(f"   (the demo's faucet gave the wallet {FAUCET_DOLLARS} dollars)")

    def _show_answer(self, bought: Bought, *, streamed: bool) -> None:
        if not streamed:
            shown = self._body(bought.reply, bought.payment_id or "answer")
            self.say(f"   {bought.reply.status}, the answer:\n{indented(shown)}")
        if bought.settlement:
            self.say(
                f"   Paid: transaction {bought.settlement.get('transaction') or '(still to come)'}"
            )

    def _body(self, reply: Reply, name: str) -> str:
        """The answer for a person; what no terminal shows is saved instead."""
        content_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        try:
            text = reply.body.decode("utf-8")
        except UnicodeDecodeError:
            self.answers.mkdir(parents=True, exist_ok=True)
            file = self.answers / (name + (mimetypes.guess_extension(content_type) or ".bin"))
            file.write_bytes(reply.body)
            return f"{content_type or 'bytes'}, {len(reply.body)} bytes, saved to {file}"
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        cut = len(text) > TEXT_CHARACTERS_MAX
        return text[:TEXT_CHARACTERS_MAX] + (f"\n… {len(text)} characters" if cut else "")

    async def _show_proof(
        self, client: aiohttp.ClientSession, quote: Quote, payment: Payment, bought: Bought
    ) -> None:
        page = page_of(quote, bought)
        if page is None:
            self.say("   This seller keeps no receipts that this program could fetch.")
            return
        if page.origin() != self.question.url.origin():
            self.say(indented(f"4. Receipt  {elsewhere(page)}"))
            return
        jws = await self._receipt(client, page)
        if jws is None:
            self.say(f"4. Receipt  not signed yet; look again: {page}/receipt")
        else:
            receipt = await self._checked(client, jws, payment, bought)
            self.say(f"4. Receipt  {page}/receipt, checked:\n{indented(in_lines(receipt))}")
        self.say(f"5. Timeline  {page}\n{indented(timeline(await document(client, page)))}")

    async def _receipt(self, client: aiohttp.ClientSession, page: URL) -> str | None:
        """The signed receipt, which is written when the chain has buried the payment."""
        end = time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < end:
            reply = await look(client, URL(f"{page}/receipt"))
            if reply.status == 200:
                return reply.body.decode("ascii", "replace")
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return None

    async def _checked(
        self, client: aiohttp.ClientSession, jws: str, payment: Payment, bought: Bought
    ) -> VerifiedReceipt:
        """The receipt, once its signature holds and it speaks of this very purchase."""
        key = await document(client, self.question.url.origin() / ".well-known/did.json")
        try:
            receipt = verify(jws, key)
        except BadSignature as bad:
            raise NotBought(f"The answer came, but its receipt cannot be trusted: {bad}") from bad
        signed, says = payment.authorization, receipt.statement
        wrong = [
            name
            for name, expected in (
                ("payer", signed.payer),
                ("payTo", signed.pay_to),
                ("amount", str(signed.amount_atomic)),
                ("nonce", "0x" + signed.nonce.hex()),
            )
            # Joined: the answer to an earlier payment of ours for the same, and its receipt.
            if says.get(name) != expected
            and not (name == "nonce" and "X-Souk-Joined" in bought.reply.headers)
        ]
        if not receipt.is_of_answer(bought.reply.body):
            wrong.append("response")
        if wrong:
            raise NotBought(
                f"The answer came, but its receipt is of another call: {', '.join(wrong)} differ."
            )
        return receipt


@dataclass
class Stream:
    """Shows an answer of server-sent events line by line, as it comes."""

    say: Callable[[str], None]
    has_begun: bool = False

    def __post_init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""

    def watch(self, head: Head) -> Callable[[bytes], None] | None:
        content_type = head.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if head.status != 200 or content_type != "text/event-stream":
            return None
        self.has_begun = True
        self.say(f"   {head.status}, the answer, as it comes:")
        return self._show

    def _show(self, piece: bytes) -> None:
        *lines, self._line = (self._line + self._decoder.decode(piece)).split("\n")
        for line in lines:
            if line.strip():
                self.say(indented(line))


async def look(client: aiohttp.ClientSession, url: URL) -> Reply:
    reply = await exchange(
        client, "GET", url, headers=[("Accept", "application/json")], limits=LOOK_LIMITS
    )
    if isinstance(reply, Failed):
        raise NotBought(f"The answer came, but {url} did not: {reply.detail}")
    return reply


async def document(client: aiohttp.ClientSession, url: URL) -> dict[str, Any]:
    reply = await look(client, url)
    try:
        found = json.loads(reply.body)
    except ValueError:
        found = None
    if reply.status != 200 or not isinstance(found, dict):
        raise NotBought(f"The answer came, but {url} says nothing that can be read.")
    return found


def page_of(quote: Quote, bought: Bought) -> URL | None:
    """Where the seller says how the payment stands, if it says an address."""
    try:
        page = URL(quote.status_url(bought.payment_id) if bought.payment_id else "")
    except ValueError:
        return None
    return page if page.scheme in {"http", "https"} and page.host else None


def by_when(moment_unix: int, now_unix: int) -> str:
    """A moment in UTC, with its date unless that is today's."""
    then, today = (datetime.fromtimestamp(each, UTC) for each in (moment_unix, now_unix))
    return f"{then:%H:%M:%S}" if then.date() == today.date() else f"{then:%Y-%m-%d %H:%M:%S}"


def elsewhere(page: URL) -> str:
    """What to do about a receipt at another host than the call's: nothing is fetched from there."""
    receipt = shlex.quote(f"{page}/receipt")
    return (
        f"The seller keeps it at {page.host}, which this program does not call by itself.\n"
        f"Timeline: {page}\n"
        f"Check it: python3 manage.py verify_receipt {receipt}"
    )


def in_lines(receipt: VerifiedReceipt) -> str:
    """What a checked receipt vouches for."""
    says = receipt.statement
    block = says.get("block") or {}
    return "\n".join(
        (
            f"signed by      {receipt.kid}",
            f"status         {receipt.status}",
            f"transaction    {says.get('transaction')}",
            f"block          {block.get('number', 'none')}",
            "the answer     is the one you got (its hash is in the receipt)",
        )
    )


def timeline(status: Mapping[str, Any]) -> str:
    """The steps of a payment, with the seconds since it was claimed."""
    steps = status.get("steps") or [{}]
    began = moment(steps[0])
    return "\n".join(
        f"{(moment(step) - began).total_seconds():7.3f} s  {step.get('text')}, {step.get('why')}"
        for step in steps
    )


def moment(step: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(step.get("at") or "1970-01-01T00:00:00+00:00")


def indented(text: str) -> str:
    """What others wrote, set off from what we say."""
    return "\n".join(f"   {line}" for line in plain(text).splitlines())
