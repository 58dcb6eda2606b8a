"""A quote that is given again, with why what was attached or wished for does not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from payments.x402 import v1
from payments.x402.reasons import Reason
from payments.x402.types import Challenge

Quote = TypeVar("Quote", Challenge, v1.Challenge)


def refusing(
    challenge: Quote, reason: Reason, detail: str, also: Mapping[str, object] | None = None
) -> Quote:
    """The same quote, the reason why it is said once more, and what else stands at its top."""
    more = {**challenge.more, **({"detail": detail} if detail else {}), **(also or {})}
    return replace(challenge, error=reason, more=more)
