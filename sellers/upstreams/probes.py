"""A look at a seller's upstream: one call, as a buyer's would be, told step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

from yarl import URL

from payments.egress import (
    EgressRefused,
    Failed,
    FailureKind,
    Limits,
    Reply,
    exchange,
    open_client,
    vetted_addresses,
)
from sellers.drafts import SAMPLE_BYTES_MAX
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import Sample
from sellers.texts import shorten

Headers = Sequence[tuple[str, str]]
SHOWN_CHARACTERS_MAX = 200
SLOW_MS = 2_000

_FIXES = {
    FailureKind.REFUSED_BY_EGRESS: "Give an address that is reachable from the public internet.",
    FailureKind.CONNECT: "Check that the server runs, and that its firewall lets port 443 in.",
    FailureKind.TLS: "Renew the certificate, and serve the whole chain for this host name.",
    FailureKind.TIMEOUT_FIRST_BYTE: "Answer sooner: calls wait no longer.",
    FailureKind.TIMEOUT_TOTAL: "Send the whole answer sooner; calls wait no longer.",
    FailureKind.CUT: "The connection ended early. Look into the server's own log.",
    FailureKind.TOO_LARGE: f"For a sample, ask for at most {SAMPLE_BYTES_MAX // 1024} KiB.",
    FailureKind.PROTOCOL: "What came back is no HTTP. Check the port and the server.",
}
_STATUS_FIXES = {
    401: "Add the header that lets calls in, such as Authorization, to the secret headers.",
    403: "Add the header that lets calls in to the secret headers, or allow this marketplace.",
    402: "The endpoint asks to be paid itself. Give its address behind the paywall.",
    404: "Check the path, and that the example's path parameters exist.",
    405: "Choose the method that the endpoint answers to.",
    400: "Fill the example in: the endpoint wants parameters.",
    422: "Fill the example in: the endpoint wants other parameters.",
    429: "The endpoint limits how often it is called. Let this marketplace call it.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at: how it went, and what to do when it went badly."""

    name: str
    good: bool
    said: str
    fix: str = ""
    ms: int | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def probe(site: Site, method: str, url: URL, headers: Headers, body: bytes) -> Sample:
    """Call the upstream once and keep what it answers, or say why there is no answer."""
    reply = await _called(site, method, url, headers, body)
    if isinstance(reply, Failed):
        raise bad("sample", f"the upstream gave no answer ({reply.kind}): {reply.detail}")
    if not reply.framed:
        # Calls refuse it too: without a length or chunks a cut answer looks like a whole one.
        raise bad("sample", "the upstream says neither a Content-Length nor sends chunks")
    return _sample(reply)


def look(
    site: Site, method: str, url: URL, headers: Headers, body: bytes
) -> Generator[Step, None, Sample | None]:
    """Look at an upstream, one step after the other; ends with its answer when it is a good one."""
    with asyncio.Runner() as runner:
        yield from _found(runner, site, url)
        started = perf_counter()
        reply = runner.run(_called(site, method, url, headers, body))
        ms = round((perf_counter() - started) * 1000)
        if isinstance(reply, Failed):
            name = {FailureKind.CONNECT: "Connection", FailureKind.TLS: "TLS"}.get(
                reply.kind, "Call"
            )
            yield Step(
                name, False, f"{_cause(reply)}: {shorten(reply.detail, 150)}", _FIXES[reply.kind]
            )
            return None
        if url.scheme == "https":
            yield Step("TLS", True, "the certificate is valid for this host")
        return (yield from _judged(method, reply, ms))


def _found(runner: asyncio.Runner, site: Site, url: URL) -> Generator[Step, None, None]:
    started = perf_counter()
    try:
        addresses = runner.run(vetted_addresses(site.egress, url))
    except EgressRefused as refused:
        yield Step("Address", False, refused.reason, _FIXES[FailureKind.REFUSED_BY_EGRESS])
        raise Stopped from None
    except OSError:
        yield Step(
            "DNS", False, f"{url.host} was not found", "Check the spelling of the host name."
        )
        raise Stopped from None
    ms = round((perf_counter() - started) * 1000)
    yield Step("DNS", True, f"{url.host} is {', '.join(addresses[:3])}", ms=ms)
    yield Step("Address", True, "it may be called from here")


class Stopped(Exception):
    """There was nothing left to look at; the last step says why."""


def _judged(method: str, reply: Reply, ms: int) -> Generator[Step, None, Sample | None]:
    good = 200 <= reply.status < 300
    yield Step("Status", good, f"{method} was answered with {reply.status}", _status_fix(reply))
    if not good:
        return None
    slow = "Buyers' programs prefer what answers within a second." if ms > SLOW_MS else ""
    yield Step("Latency", True, f"the whole answer took {ms} ms", slow, ms)
    sample = _sample(reply)
    yield Step("Type and size", True, f"{sample.media_type}, {len(reply.body)} bytes")
    if not reply.framed:
        yield Step(
            "Framing", False, "it says no Content-Length and sends no chunks",
            "Send one of them: a cut answer would look like a whole one, and be charged.",
        )  # fmt: skip
        return None
    if sample.is_json and not _is_json(sample):
        yield Step(
            "JSON", False, "it says it is JSON and is none", "Answer with JSON, or name its type."
        )
        return None
    return sample


async def _called(
    site: Site, method: str, url: URL, headers: Headers, body: bytes
) -> Reply | Failed:
    limits = Limits(
        connect_seconds=site.connect_seconds,
        first_byte_seconds=site.first_byte_seconds,
        total_seconds=site.total_seconds,
        body_bytes_max=SAMPLE_BYTES_MAX,
    )
    async with open_client(site.egress) as client:
        return await exchange(client, method, url, headers=headers, body=body, limits=limits)


def _cause(failed: Failed) -> str:
    words: Mapping[FailureKind, str] = {
        FailureKind.CONNECT: "no connection",
        FailureKind.TLS: "the certificate was not accepted",
        FailureKind.REFUSED_BY_EGRESS: "it may not be called from here",
        FailureKind.TOO_LARGE: "the answer is too large for a sample",
    }
    return words.get(failed.kind, failed.kind.replace("_", " "))


def _status_fix(reply: Reply) -> str:
    if 200 <= reply.status < 300:
        return ""
    if 300 <= reply.status < 400:
        to = shorten(reply.headers.get("Location", "another address"), SHOWN_CHARACTERS_MAX)
        return f"Calls follow no redirect. It points to {to}: give the final address."
    if reply.status >= 500:
        return "The endpoint failed by itself. Look into its log, or fill the example in."
    return _STATUS_FIXES.get(reply.status, "Answer a good call with a status from 200 to 299.")


def _sample(reply: Reply) -> Sample:
    content_type = reply.headers.get("Content-Type", "application/octet-stream")
    return Sample(reply.status, content_type, reply.body)


def _is_json(sample: Sample) -> bool:
    try:
        sample.document()
    except ValueError:
        return False
    return True
