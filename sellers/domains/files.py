"""The file at a domain that names its seller: fetched within limits, each failure with its fix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import aiohttp
from yarl import URL

from payments.egress import (
    EgressRefused,
    Failed,
    FailureKind,
    Limits,
    Reply,
    exchange,
    vetted_addresses,
)
from sellers.models.domains import LINE_BEGINS
from sellers.site import Site
from sellers.texts import shorten

PATH: Final = "/.well-known/souk.txt"
FILE_BYTES_MAX: Final = 8_192
SECONDS_MAX: Final = 15.0
_SHOWN_CHARACTERS_MAX: Final = 80
_FAILURES: Final[Mapping[FailureKind, tuple[str, str]]] = {
    FailureKind.REFUSED_BY_EGRESS: (
        "it may not be called from here",
        "Give the domain an address that is reachable from the public internet.",
    ),
    FailureKind.CONNECT: (
        "no connection came about",
        "Check that the server runs, and that its firewall lets port 443 in.",
    ),
    FailureKind.TLS: (
        "its certificate was not accepted",
        "Renew the certificate, and serve the whole chain for this very name.",
    ),
    FailureKind.TIMEOUT_FIRST_BYTE: ("it did not answer in time", "Answer within 15 seconds."),
    FailureKind.TIMEOUT_TOTAL: ("the file did not come in time", "Send it within 15 seconds."),
    FailureKind.CUT: (
        "the connection ended early",
        "Look into the server's own log.",
    ),
    FailureKind.TOO_LARGE: (
        "what it answers with is too large for the file",
        f"The file holds one line; at most {FILE_BYTES_MAX // 1024} KiB of it are read.",
    ),
    FailureKind.PROTOCOL: (
        "what came back is no HTTP",
        "Check what listens at port 443 of it.",
    ),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a domain was not found to be its seller's, and what to do."""

    said: str
    fix: str


@dataclass(frozen=True, slots=True)
class File:
    """What stands at the domain, line by line."""

    lines: tuple[str, ...]
    is_page: bool = False

    def instead(self) -> str:
        """In words what is there, where the line that is wanted is not."""
        others = [line for line in self.lines if line.startswith(LINE_BEGINS)]
        if others:
            shown = shorten(others[0], _SHOWN_CHARACTERS_MAX)
            return f"holds another line: {shown}"
        if self.is_page:
            return "is answered with a web page"
        if not self.lines:
            return "is empty"
        return f"begins with “{shorten(self.lines[0], _SHOWN_CHARACTERS_MAX)}”"


def address_of(name: str) -> URL:
    """Where a domain's file is."""
    return URL.build(scheme="https", host=name, path=PATH)


async def fetched(client: aiohttp.ClientSession, name: str, site: Site) -> File | Trouble:
    """The file as it is now, by the rule of all outbound calls; no redirect is followed."""
    url = address_of(name)
    try:
        await vetted_addresses(site.egress, url)
    except EgressRefused as refused:
        return Trouble(refused.reason, _FAILURES[FailureKind.REFUSED_BY_EGRESS][1])
    except OSError:
        return Trouble(
            f"{name} was not found in DNS.",
            "Check the spelling, and that the name has an A or AAAA record.",
        )
    reply = await exchange(client, "GET", url, limits=_limits(site))
    if isinstance(reply, Failed):
        return _of_failure(name, reply)
    return _of_reply(url, reply)


def _limits(site: Site) -> Limits:
    return Limits(site.connect_seconds, SECONDS_MAX, SECONDS_MAX, FILE_BYTES_MAX)


def _of_failure(name: str, failed: Failed) -> Trouble:
    said, fix = _FAILURES.get(failed.kind, ("it could not be asked", "Check it again later."))
    return Trouble(f"{name}: {said}.", fix)


def _of_reply(url: URL, reply: Reply) -> File | Trouble:
    if 300 <= reply.status < 400:
        to = shorten(reply.headers.get("Location", "another address"), 2 * _SHOWN_CHARACTERS_MAX)
        return Trouble(
            f"{url} redirects to {to}.",
            "Redirects are not followed: serve the file at that very address, or name the"
            " domain to which it leads.",
        )
    if reply.status != 200:
        return Trouble(f"{url} is answered with status {reply.status}.", _status_fix(reply.status))
    text = reply.body.decode("utf-8-sig", "replace")
    lines = tuple(line.strip() for line in text.splitlines() if line.strip())
    media_type = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return File(lines, is_page=media_type == "text/html" or text.lstrip().startswith("<"))


def _status_fix(status: int) -> str:
    if status == 404:
        return "Put the file there; some servers hide folders that begin with a dot."
    if status in (401, 403):
        return "Let everybody read the file, programs among them."
    if status >= 500:
        return "The server failed by itself. Look into its log."
    return "Answer a plain GET with the file and status 200."
