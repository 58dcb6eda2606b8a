"""Check a receipt: who signed it, what it says, and whether your own bytes fit it."""

from __future__ import annotations

import asyncio
import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from yarl import URL

from payments.egress import Failed, Limits, exchange, open_client, open_trusted_client
from payments.receipts.checks import (
    Check,
    answer_check,
    chain_check,
    request_check,
    what_it_says,
)
from payments.receipts.issuing import KIND, VerifiedReceipt, verify
from payments.receipts.signing import JWS_CHARACTERS_MAX, BadSignature, did_document_url, read_jws
from payments.wiring.bounds import egress_rule
from payments.wiring.networks import networks, open_chain
from payments.x402.headers import decode_json
from payments.x402.reasons import Malformed

GENUINE, NOT_GENUINE, UNKNOWN = 0, 1, 2
_LIMITS = Limits(
    connect_seconds=5, first_byte_seconds=10, total_seconds=10, body_bytes_max=JWS_CHARACTERS_MAX
)


class CannotCheck(Exception):
    """Something that is needed could not be read; says what, and what would help."""


class Command(BaseCommand):
    """Ends with 0 when the receipt is genuine, 1 when it is not, 2 when nobody could say."""

    help = (
        "Check a receipt: its signature, what it says, and that your own answer fits it. "
        "Ends with 0 (genuine, and says paid), 1 (forged, reversed, or not yours), "
        "2 (could not be checked)."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("receipt", help="a file, - for standard input, or https://…/receipt")
        parser.add_argument("--did-document", help="the signer's did.json: then no network is used")
        parser.add_argument("--body", help="a file with the answer you received")
        parser.add_argument("--url", help="the whole address you called, with its query")
        parser.add_argument("--request-body", help="a file with the body you sent to --url")
        parser.add_argument("--rpc", action="store_true", help="also ask a node of CHAINS")
        parser.add_argument("--json", action="store_true", help="the verdict as JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            checks, statement = asyncio.run(_check(options))
        except CannotCheck as reason:
            checks, statement = [Check("readable", None, str(reason))], None
        code = _verdict(checks)
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(code, checks, statement), ensure_ascii=False))
        else:
            self.stdout.write(_as_text(code, checks))
        sys.exit(code)


async def _check(options: dict[str, Any]) -> tuple[list[Check], dict[str, Any] | None]:
    source: str = options["receipt"]
    jws = (await _receipt(source)).decode("ascii", "replace").strip()
    try:
        did = read_jws(jws, KIND).did
        receipt = verify(jws, await _did_document(did, source, options["did_document"]))
    except BadSignature as forged:
        return [Check("signature", False, str(forged))], None
    checks = [Check("signature", True, f"signed by {receipt.kid}"), what_it_says(receipt)]
    if options["body"]:
        checks.append(answer_check(receipt, _read(options["body"])))
    if options["url"]:
        sent = _read(options["request_body"]) if options["request_body"] else b""
        checks.append(request_check(receipt, options["url"], sent))
    if options["rpc"]:
        checks.append(await _on_chain(receipt))
    return checks, dict(receipt.statement)


async def _receipt(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(JWS_CHARACTERS_MAX + 1)
    return await _fetch(source, trusted=True) if _is_url(source) else _read(source)


async def _did_document(did: str, source: str, given: str | None) -> dict[str, Any]:
    """The signer's own word for its key, from a file or from the site that the receipt names."""
    if given:
        raw = _read(given)
    else:
        url = did_document_url(did)
        # The receipt chose this address: only where the operator pointed may be private.
        known = {_origin(each) for each in (source, settings.PUBLIC_BASE_URL) if _is_url(each)}
        raw = await _fetch(url, trusted=_origin(url) in known)
    try:
        document = decode_json(raw)
    except Malformed:
        document = None
    if not isinstance(document, dict):
        raise CannotCheck(f"the DID document of {did} is not a JSON object")
    return document


async def _fetch(url: str, *, trusted: bool) -> bytes:
    origin = _origin(url)
    opened = open_trusted_client(origin) if trusted else open_client(egress_rule())
    async with opened as client:
        answer = await exchange(client, "GET", URL(url), limits=_LIMITS)
    if isinstance(answer, Failed):
        raise CannotCheck(f"{url}: {answer.detail} (--did-document checks without a network)")
    if answer.status != 200:
        raise CannotCheck(f"{url} answered {answer.status}")
    return answer.body


async def _on_chain(receipt: VerifiedReceipt) -> Check:
    network = str(receipt.statement.get("network"))
    if network not in networks():
        example = json.dumps({network: {"RPC": ["https://…"]}}, ensure_ascii=False)
        nobody = f"--rpc asks a node of CHAINS, which names none of {network}"
        return Check("chain", None, f"{nobody}: set CHAINS='{example}'")
    chain = open_chain(network)
    try:
        return await chain_check(receipt, chain)
    finally:
        await chain.close()


def _origin(url: str) -> str:
    try:
        return str(URL(url).origin())
    except ValueError:
        raise CannotCheck(f"{url} is no address of a site") from None


def _is_url(source: str) -> bool:
    return source.startswith(("http://", "https://"))


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CannotCheck(f"{path}: {error.strerror}") from None


def _verdict(checks: list[Check]) -> int:
    answers = {check.passed for check in checks}
    if False in answers:
        return NOT_GENUINE
    return UNKNOWN if None in answers else GENUINE


_WORDS = {
    GENUINE: "Genuine.",
    NOT_GENUINE: "Not good: see the lines marked ✗.",
    UNKNOWN: "Could not be checked: see the lines marked ?.",
}
_MARKS = {True: "✓", False: "✗", None: "?"}


def _as_text(code: int, checks: list[Check]) -> str:
    lines = [f"{_MARKS[check.passed]} {check.text}" for check in checks]
    if code == GENUINE:
        lines.append(
            "  A later version would supersede it: the site's /receipt page has the latest."
        )
    return "\n".join([*lines, _WORDS[code]])


def _as_json(code: int, checks: list[Check], statement: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "verdict": {GENUINE: "genuine", NOT_GENUINE: "not genuine", UNKNOWN: "unknown"}[code],
        "checks": [
            {"name": check.name, "passed": check.passed, "text": check.text} for check in checks
        ],
        "receipt": statement,
    }
