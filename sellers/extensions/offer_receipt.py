"""The `offer-receipt` extension of a 402: the site's signature under each price it quotes.

A buyer who keeps one can show to anybody, without us, what was asked for the call and until
when. The key is the site's own: the money goes to the seller, whose key we do not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from payments.receipts.signing import Signer, read_jws
from payments.x402.types import Requirements
from sellers.schemas.rules import DIALECT

KIND: Final = "souk-offer"
_VERSION: Final = 1  # of the extension's offer payload
_SCHEMA: Final[dict[str, Any]] = {
    "$schema": DIALECT,
    "type": "object",
    "properties": {
        "offers": {
            "type": "array",
            "items": {"type": "object", "required": ["format", "signature"]},
        }
    },
    "required": ["offers"],
}


@dataclass(frozen=True, slots=True)
class SignedPrices:
    """What the site signed of one revision: a JWS for each price, all good until one moment."""

    jws: tuple[str, ...]
    valid_until_unix: int


def sign_prices(
    accepts: Sequence[Requirements], url: str, valid_until_unix: int, signer: Signer
) -> SignedPrices:
    """Promise these prices for the listing at this URL until then."""
    promises = (_promise(price, url, valid_until_unix) for price in accepts)
    return SignedPrices(tuple(signer.sign(promise, KIND) for promise in promises), valid_until_unix)


def signed_offers(
    signed: SignedPrices, accepts: Sequence[Requirements], url: str
) -> dict[str, Any] | None:
    """What stands under `offer-receipt`; None when nothing signed is what is quoted now.

    A signature goes beside the price it is for and beside no other, so that a change of the
    operator's terms that reached the signer earlier or later is never a contradiction.
    """
    by_promise = [(read_jws(jws, KIND).document, jws) for jws in signed.jws]
    offers = [
        {"format": "jws", "acceptIndex": index, "signature": jws}
        for index, price in enumerate(accepts)
        for promise, jws in by_promise
        if promise == _promise(price, url, signed.valid_until_unix)
    ]
    return {"info": {"offers": offers}, "schema": _SCHEMA} if offers else None


def _promise(price: Requirements, url: str, valid_until_unix: int) -> dict[str, Any]:
    wire = price.to_wire()
    quoted = {name: wire[name] for name in ("scheme", "network", "asset", "payTo", "amount")}
    return {
        "version": _VERSION,
        "resourceUrl": url,
        **quoted,
        "validUntil": valid_until_unix,
    }
