"""A quote that is given again, with why what was attached or wished for does not do."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from payments.x402 import v1
from payments.x402.reasons import Reason
from payments.x402.types import Challenge

Quote = TypeVar("Quote", Challenge, v1.Challenge)


def refusing(challenge: Quote, reason: Reason, detail: str) -> Quote:
    """The same quote, and the reason why it is said once more."""
    more = {**challenge.more, "detail": detail} if detail else challenge.more
    return replace(challenge, error=reason, more=more)
