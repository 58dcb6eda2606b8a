"""Which headers a listing may name: of a buyer's to pass on, and of its seller's own to add.

What no call would carry is refused where it is named, with the reason. Listings that named it
before there was this rule go on selling: their calls leave it out, as they always have.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from sellers.refusals import bad

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
# Framing, and what only the marketplace vouches for.
_OURS: Final = (
    r"x-souk-.*|idempotency-key|host|content-length|accept-encoding|connection|keep-alive|te"
    r"|trailer|transfer-encoding|upgrade|expect"
)
_NEVER_SECRET: Final = re.compile(_OURS)
# The buyer's says how the body was judged; a second one could be read in its place.
_NO_SECRET: Final = re.compile(rf"{_OURS}|content-type")
_NEVER_FORWARDED: Final = tuple(
    (re.compile(names), why)
    for names, why in (
        (r"payment-.*|x-payment.*|sign-in-with-x", "payments stay with the marketplace"),
        (
            r"cookie2?|authorization|proxy-.*",
            "it is the buyer's own secret; a key of yours is a secret header",
        ),
        (
            r"x-forwarded-.*|forwarded|x-real-ip|via",
            "where buyers call from stays with the marketplace",
        ),
        (r"range|if-.*", "what is sold is a whole answer"),
        (r"content-encoding", "bodies are passed on unpacked"),
        (_OURS, "the marketplace writes it itself"),
    )
)


def header_name(name: str, field: str) -> str:
    """A header's name, or a refusal."""
    if not _NAME.fullmatch(name):
        raise bad(field, "a header's name is 1 to 64 letters, digits and hyphens")
    return name


def forwarded_name(name: str, field: str) -> str:
    """The name of a buyer's header to pass on, as it is stored, or a refusal."""
    low = header_name(name, field).lower()
    if why := _why_never_forwarded(low):
        raise bad(field, f"{low} is never passed on: {why}")
    return low


def secret_name(name: str, field: str) -> str:
    """The name of a header that only the endpoint gets to see, as it is stored, or a refusal."""
    low = header_name(name, field).lower()
    if _NO_SECRET.fullmatch(_spelled(low)):
        raise bad(field, f"{low} is written by the marketplace itself")
    return low


def is_never_forwarded(name: str) -> bool:
    """Whether no call carries a buyer's header of this name, though its listing asks for it."""
    return bool(_why_never_forwarded(name.lower()))


@lru_cache(maxsize=1_024)
def is_never_secret(name: str) -> bool:
    """Whether no call carries a secret header of this name, though its listing has one."""
    return _NEVER_SECRET.fullmatch(_spelled(name)) is not None


@lru_cache(maxsize=1_024)
def _why_never_forwarded(name: str) -> str:
    spelled = _spelled(name)
    return next((why for names, why in _NEVER_FORWARDED if names.fullmatch(spelled)), "")


def _spelled(name: str) -> str:
    # CGI-like servers read an underscore and a hyphen as the same header.
    return name.lower().replace("_", "-")
