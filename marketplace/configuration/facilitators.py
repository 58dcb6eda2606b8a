"""Who else may settle a network's payments: the facilitators that an operator names for it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from marketplace.configuration.readers import is_url, wrong
from payments.x402.facilitation import BadHeaders, check_headers

FACILITATOR_DEFAULTS: dict[str, Any] = {"URL": "", "NAME": "", "HEADERS": {}, "HEADERS_FILE": ""}
_FACILITATOR_NAME = re.compile(r"[][A-Za-z0-9.:_-]{1,80}")


def facilitators_of(name: str, chain: dict[str, Any]) -> list[dict[str, Any]]:
    """`[{"URL": "https://facilitator.example", "HEADERS_FILE": "/run/secrets/facilitator"}]`."""
    given = chain["FACILITATORS"]
    if not isinstance(given, list) or bool(given) != (chain["SETTLE"] == "facilitator"):
        raise wrong(name, "…", "a list of one or more, with SETTLE facilitator, and else none")
    entries = [_facilitator(f"{name}[{place}]", entry) for place, entry in enumerate(given)]
    names = [entry["NAME"] for entry in entries]
    if len(set(names)) < len(names):
        raise wrong(name, ", ".join(names), "a NAME of its own for each; the host is the default")
    return entries


def _facilitator(name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not set(entry) <= set(FACILITATOR_DEFAULTS):
        unknown = sorted(set(entry) - set(FACILITATOR_DEFAULTS)) if isinstance(entry, dict) else "…"
        raise wrong(name, str(unknown), f"keys among {sorted(FACILITATOR_DEFAULTS)}")
    facilitator = {**FACILITATOR_DEFAULTS, **entry}
    host = _plain_host(f"{name}[URL]", facilitator["URL"])
    facilitator["NAME"] = facilitator["NAME"] or host
    if not isinstance(facilitator["NAME"], str) or not _FACILITATOR_NAME.fullmatch(
        facilitator["NAME"]
    ):
        raise wrong(f"{name}[NAME]", str(facilitator["NAME"]), "up to 80 of A-Z a-z 0-9 . : _ -")
    if not isinstance(facilitator["HEADERS_FILE"], str):
        raise wrong(f"{name}[HEADERS_FILE]", "…", "the path of a file")
    if facilitator["HEADERS"] and facilitator["HEADERS_FILE"]:
        raise wrong(name, "HEADERS, HEADERS_FILE", "one of the two")
    try:
        check_headers(facilitator["HEADERS"])
    except BadHeaders as bad:
        raise wrong(f"{name}[HEADERS]", "…", f"headers by path ({bad})") from None
    return facilitator


def _plain_host(name: str, url: Any) -> str:
    """Host and port of a URL to which only paths are added."""
    parts = urlsplit(url) if is_url(url, "http") else urlsplit("")
    extra = parts.query or parts.fragment or "@" in parts.netloc
    if not parts.hostname or extra or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise wrong(name, "…", "an http(s) URL without user name, query and fragment")
    return parts.netloc
