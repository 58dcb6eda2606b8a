"""`manage.py buy <url>`: a real agent in one command, from the price to the verified receipt."""

from __future__ import annotations

import asyncio
import json
import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from yarl import URL

from marketplace.agent.purchase import Bought, NotBought, Question
from marketplace.agent.wallet import BadKey, Wallet
from marketplace.embedded.anvil import ChainError
from marketplace.embedded.demo_accounts import BUYER
from marketplace.embedded.rpc import NodeRefusedError, NodeSilentError
from marketplace.management.shopping import Trip
from payments.x402 import v1
from payments.x402.types import X402_VERSION

MAX_DOLLARS = "0.05"


class Command(BaseCommand):
    help = "Buy one call as an agent would: the price, what is signed, the answer, its receipt."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("url", help="the call, with its query")
        parser.add_argument("--method", default="", help="default: GET, or POST with a body")
        body = parser.add_mutually_exclusive_group()
        body.add_argument("--json", dest="json_body", metavar="BODY", help="a JSON body")
        body.add_argument("--data", metavar="TEXT", help="a text body; @file reads a file")
        parser.add_argument(
            "--max",
            dest="max_dollars",
            default=MAX_DOLLARS,
            help=f"dollars (default {MAX_DOLLARS})",
        )
        parser.add_argument("--key-file", type=Path, help="default: the demo's own buyer")
        parser.add_argument(
            "--v1", action="store_true", help="ask and pay as the clients of x402 version 1 do"
        )
        parser.add_argument("--quiet", action="store_true", help="print the answer, nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        trip = Trip(
            read_question(options),
            max_dollars=read_dollars(options["max_dollars"]),
            wallet=read_wallet(options["key_file"]),
            rpc_url="" if options["key_file"] else settings.DEMO_CHAIN_RPC,
            answers=settings.STATE_DIR / "bought",
            say=(lambda words: None) if options["quiet"] else self._say,
        )
        try:
            had = asyncio.run(trip.make())
        except NotBought as refused:
            raise CommandError(str(refused)) from refused
        except (ChainError, NodeRefusedError, NodeSilentError) as error:
            raise CommandError(f"The demo's faucet gave nothing: {error}") from error
        if options["quiet"]:
            sys.stdout.buffer.write(had.reply.body if isinstance(had, Bought) else had.body)
            sys.stdout.flush()

    def _say(self, words: str) -> None:
        """At once, also into a pipe: a stream is told as it comes."""
        self.stdout.write(words)
        self.stdout.flush()


def usage(words: str) -> CommandError:
    return CommandError(words, returncode=2)


def read_question(options: dict[str, Any]) -> Question:
    url = read_url(options["url"])
    version = v1.X402_VERSION if options["v1"] else X402_VERSION
    if options["v1"]:
        url = url.update_query({"x402Version": str(version)})
    body, content_type = read_body(options["json_body"], options["data"])
    method = options["method"].upper() or ("POST" if content_type else "GET")
    return Question(method, url, body, content_type, version)


def read_url(text: str) -> URL:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise usage(f"{text} is no address; expected http://… or https://…")
    return url


def read_body(json_body: str | None, data: str | None) -> tuple[bytes, str]:
    if json_body is not None:
        try:
            json.loads(json_body)
        except ValueError as error:
            raise usage(f"--json is not JSON: {error}") from error
        return json_body.encode(), "application/json"
    if data is None:
        return b"", ""
    if data.startswith("@"):
        try:
            return Path(data[1:]).read_bytes(), "application/octet-stream"
        except OSError as error:
            raise usage(f"{data[1:]} cannot be read: {error.strerror}") from error
    return data.encode(), "text/plain; charset=utf-8"


def read_dollars(text: str) -> Decimal:
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        dollars = Decimal(-1)
    if not dollars.is_finite() or dollars < 0:
        raise usage(f"--max {text} is no amount of dollars; try 0.05")
    return dollars


def read_wallet(key_file: Path | None) -> Wallet:
    """The key in the file, else the demo's buyer, who is known to everybody."""
    if key_file is None:
        if not settings.DEMO_CHAIN_RPC:
            raise usage(
                "No demo runs in this checkout, so there is no demo wallet to pay with. Start "
                "python3 manage.py demo, or name the file of a private key: --key-file …"
            )
        return Wallet.of(BUYER.private_key)
    try:
        return Wallet.of(key_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise usage(f"{key_file} cannot be read: {error}") from error
    except BadKey as error:
        raise usage(f"{key_file}: {error}.") from error
