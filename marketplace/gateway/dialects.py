"""The two versions of x402 that the door speaks; which of them, the address says.

`?x402Version=1` asks for version 1 and everything else is version 2: graders and clients put
anything into a query, and an unpaid request is quoted whatever it says. One address speaks one
version, paid and unpaid, so that no program has to guess what it will be answered in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from marketplace.calls.http import Response, with_length
from marketplace.calls.quoting import refusing
from marketplace.calls.requests import Query
from marketplace.calls.shelf import Shelved
from marketplace.gateway.responses import (
    QUOTE,
    QUOTES_REMEMBERED_MAX,
    challenge_again,
    plain,
    quote,
    quote_page,
)
from payments.x402 import headers, v1
from payments.x402.reasons import Reason
from payments.x402.types import PaymentPayload, Settlement


@dataclass(frozen=True, slots=True)
class Dialect:
    """One version of x402 in HTTP."""

    credential: bytes  # the header that a payment comes in
    decode: Callable[[str], PaymentPayload | v1.Payment]
    quote: Callable[[Shelved], Response]
    quote_page: Callable[[Shelved], Response]  # the same for a person's browser
    quote_again: Callable[[Shelved, Reason, str, Mapping[str, Any]], Response]
    outcome: bytes  # the header that says what became of a payment
    settlement: Callable[[Settlement], Mapping[str, object]]
    marks: Mapping[str, Any]  # what our own words about a payment carry besides
    elsewhere: Response  # to a payment in the other version


def spoken(query: Query) -> Dialect:
    """The version that this address speaks."""
    return V1 if ("x402Version", "1") in query else V2


@lru_cache(maxsize=QUOTES_REMEMBERED_MAX)
def _quote_v1(shelved: Shelved) -> Response:
    """Version 1 quotes in the body, so a browser gets the same body and no page."""
    body = shelved.challenge_v1_body
    return Response(402, with_length(QUOTE, body), body)


def _quote_v1_again(
    shelved: Shelved, reason: Reason, detail: str, also: Mapping[str, Any]
) -> Response:
    body = headers.encode_json(refusing(shelved.challenge_v1, reason, detail, also).to_wire())
    return Response(402, with_length(QUOTE, body), body)


V2: Final = Dialect(
    credential=b"payment-signature",
    decode=headers.decode_payment,
    quote=quote,
    quote_page=quote_page,
    quote_again=challenge_again,
    outcome=b"payment-response",
    settlement=Settlement.to_wire,
    marks={},
    elsewhere=plain(
        400,
        Reason.OTHER_VERSION,
        "X-PAYMENT is x402 version 1, which this address speaks with x402Version=1 in its query."
        " Send the same payment there. This request charged nothing.",
    ),
)
V1: Final = Dialect(
    credential=b"x-payment",
    decode=v1.decode_payment,
    quote=_quote_v1,
    quote_page=_quote_v1,
    quote_again=_quote_v1_again,
    outcome=b"x-payment-response",
    settlement=v1.settlement_to_wire,
    marks={"x402Version": v1.X402_VERSION},
    elsewhere=plain(
        400,
        Reason.OTHER_VERSION,
        "PAYMENT-SIGNATURE is x402 version 2, which this address speaks without x402Version=1."
        " Send the same payment there. This request charged nothing.",
    ),
)
