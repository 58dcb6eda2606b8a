"""Codes that change every half minute (RFC 6238), as every authenticator app makes them.

Written here because the libraries say whether a code is right but not which one it was, and a code
that was used once must not count again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from urllib.parse import quote, urlencode

DIGITS = 6
STEP_SECONDS = 30
DRIFT_STEPS = 1  # a phone's clock may be half a minute off
SECRET_BYTES = 20


def new_secret() -> bytes:
    return os.urandom(SECRET_BYTES)


def spelled(secret: bytes) -> str:
    """The secret as people type it into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, *, issuer: str, name: str) -> str:
    """What the picture says to the app."""
    label = quote(f"{issuer}:{name}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': spelled(secret), 'issuer': issuer})}"


def code_at(secret: bytes, step: int) -> str:
    """The code of one half minute."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), hashlib.sha1)
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def code_now(secret: bytes, *, after: int = -1) -> str:
    """The code of this half minute, or the one after a step that was used."""
    return code_at(secret, max(int(time.time()) // STEP_SECONDS, after + 1))


def step_of(secret: bytes, code: str, now: int) -> int | None:
    """The half minute that this code belongs to, if it is a present one."""
    present = now // STEP_SECONDS
    for step in range(present - DRIFT_STEPS, present + DRIFT_STEPS + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), code.encode()):
            return step
    return None
