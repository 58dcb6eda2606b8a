"""What a seller asks for a call, read from its 402, and the payment that answers it."""

from __future__ import annotations

import binascii
import json
import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from marketplace.agent.wallet import Wallet
from payments.amounts import token
from payments.x402 import v1
from payments.x402.fields import address_of, object_of, text_of, uint256_of
from payments.x402.headers import decode_json, encode_header
from payments.x402.networks import NETWORKS, Asset, chain_id_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.schemes import exact_eip3009
from payments.x402.types import X402_VERSION, Authorization, Requirements

SCHEME = "exact"
HEADER_CHARACTERS_MAX = 64 * 1024
SIGNED_SECONDS_ORDINARY = 60  # where the seller does not say
# No seller here asks for more. Until its time is over the money of a signature may still go.
SIGNED_SECONDS_MAX = 3_600


class NoQuote(Exception):
    """What came back is no price that this agent could pay."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to pay, as read and as it was written; the seller wants the latter back."""

    requirements: Requirements
    asset: Asset
    written: Mapping[str, object]

    @property
    def dollars(self) -> Decimal:
        return Decimal(self.requirements.amount_atomic).scaleb(-self.asset.decimals)


@dataclass(frozen=True, slots=True)
class Quote:
    """A 402: what is for sale, and every way to pay for it that this agent knows."""

    document: Mapping[str, Any]
    offers: tuple[Offer, ...]
    version: int = X402_VERSION

    @property
    def error(self) -> str:
        return " ".join(
            str(self.document[key]) for key in ("error", "detail") if self.document.get(key)
        )

    def status_url(self, payment_id: str) -> str:
        """Where the seller says a payment can be looked up; empty when it says nothing."""
        retry = self.document.get("retry")
        template = retry.get("status_url") if isinstance(retry, dict) else None
        return template.replace("{payment_id}", payment_id) if isinstance(template, str) else ""


@dataclass(frozen=True, slots=True)
class Payment:
    """One signed promise: what it says, and the header that carries it."""

    offer: Offer
    authorization: Authorization
    header: str
    header_name: str


def read_quote(header: str) -> Quote:
    """Read the PAYMENT-REQUIRED header of a 402."""
    if len(header) > HEADER_CHARACTERS_MAX:
        raise NoQuote("the PAYMENT-REQUIRED header is too long")
    try:
        document = decode_json(b64decode(header, validate=True))
    except (binascii.Error, Malformed):
        raise NoQuote("the PAYMENT-REQUIRED header is not JSON in base64") from None
    accepts = document.get("accepts") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(accepts, list):
        raise NoQuote("the PAYMENT-REQUIRED header offers no way to pay")
    if document.get("x402Version") != X402_VERSION:
        raise NoQuote(f"only x402 version {X402_VERSION} is spoken here")
    offers = [offer for entry in accepts if (offer := _offer(entry)) is not None]
    return Quote(document, tuple(sorted(offers, key=lambda offer: offer.dollars)))


def read_quote_v1(body: bytes) -> Quote:
    """Read the body of a 402 in version 1 of x402; its offers as version 2 would write them."""
    try:
        document = decode_json(body)
    except Malformed:
        raise NoQuote("its body is not JSON") from None
    accepts = document.get("accepts") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(accepts, list):
        raise NoQuote("its body offers no way to pay")
    if document.get("x402Version") != v1.X402_VERSION:
        raise NoQuote(f"it does not speak x402 version {v1.X402_VERSION}")
    offers = [offer for entry in accepts if (offer := _offer(_renewed(entry))) is not None]
    return Quote(document, tuple(sorted(offers, key=lambda offer: offer.dollars)), v1.X402_VERSION)


def _renewed(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    network = v1.network_of(str(entry.get("network")))
    return {**entry, "network": network, "amount": entry.get("maxAmountRequired")}


def _offer(entry: object) -> Offer | None:
    """An offer in a dollar we know; what is asked in any other token has no price to judge."""
    try:
        requirements = _requirements(entry)
    except (Malformed, PaymentRefused):
        return None
    asset = token(requirements.network, requirements.asset)
    named = {"name", "version"} <= requirements.extra.keys()
    if asset is None or not named or requirements.scheme != SCHEME:
        return None
    assert isinstance(entry, dict)
    return Offer(requirements, asset, entry)


def _requirements(entry: object) -> Requirements:
    whole = {"offer": entry}
    written = object_of(whole, "offer")
    extra = object_of(written, "extra")
    network = text_of(written, "network")
    chain_id_of(network)
    return Requirements(
        scheme=text_of(written, "scheme"),
        network=network,
        amount_atomic=uint256_of(written, "amount"),
        asset=address_of(written, "asset"),
        pay_to=address_of(written, "payTo"),
        max_timeout_seconds=_seconds(written.get("maxTimeoutSeconds")),
        extra={key: value for key, value in extra.items() if isinstance(value, str)},
    )


def _seconds(asked: object) -> int:
    """How long a signature for it lasts: as long as is asked, and no longer than is sensible."""
    if not isinstance(asked, int) or isinstance(asked, bool):
        return SIGNED_SECONDS_ORDINARY
    if asked < 1:
        raise Malformed(Reason.MALFORMED_PAYLOAD, "maxTimeoutSeconds must be at least 1")
    return min(asked, SIGNED_SECONDS_MAX)


def sign(quote: Quote, offer: Offer, wallet: Wallet, *, now: int) -> Payment:
    """Promise this offer's amount to its seller, once, within its time and no longer."""
    asked = offer.requirements
    name, write, past_seconds = _WRITTEN[quote.version]
    unsigned = Authorization(
        payer=wallet.address,
        pay_to=asked.pay_to,
        amount_atomic=asked.amount_atomic,
        valid_after=now - past_seconds if past_seconds else 0,
        valid_before=now + asked.max_timeout_seconds,
        nonce=os.urandom(32),
        signature=b"",
    )
    digest = exact_eip3009.digest(unsigned, asked, chain_id_of(asked.network))
    signed = replace(unsigned, signature=wallet.sign(digest))
    return Payment(offer, signed, encode_header(write(quote, offer, signed)), name)


def _document_v1(quote: Quote, offer: Offer, signed: Authorization) -> dict[str, object]:
    return {
        "x402Version": v1.X402_VERSION,
        "scheme": offer.requirements.scheme,
        "network": v1.name_of(offer.requirements.network),
        "payload": exact_eip3009.payload_of(signed),
    }


def _document(quote: Quote, offer: Offer, signed: Authorization) -> dict[str, object]:
    document: dict[str, object] = {
        "x402Version": X402_VERSION,
        "accepted": offer.written,
        "payload": exact_eip3009.payload_of(signed),
    }
    if isinstance(quote.document.get("resource"), dict):
        document["resource"] = quote.document["resource"]
    extensions = quote.document.get("extensions")
    if isinstance(extensions, dict) and "payment-identifier" in extensions:
        # Known to us and the seller alone, it opens the stored answer when this one gets lost.
        identifier = {"info": {"required": False, "id": os.urandom(24).hex()}}
        document["extensions"] = {"payment-identifier": identifier}
    return document


# The header, its document, and how far back the window begins, as each version's clients have it.
_WRITTEN = {
    X402_VERSION: ("PAYMENT-SIGNATURE", _document, 0),
    v1.X402_VERSION: ("X-PAYMENT", _document_v1, 600),
}


def in_words(offer: Offer) -> str:
    """The price as a person reads it."""
    network = NETWORKS.get(offer.requirements.network)
    where = network.name if network else offer.requirements.network
    amount = f"{offer.dollars.normalize():f}"
    return f"{amount} {offer.asset.symbol} on {where}"


def readable(document: Mapping[str, Any]) -> str:
    """A 402 as a person reads it: without the schemas, which are for programs."""
    shown = {key: value for key, value in document.items() if key != "extensions"}
    if document.get("extensions"):
        shown["extensions"] = dict.fromkeys(document["extensions"], "…")
    shown["accepts"] = [
        {**entry, "outputSchema": "…"}
        if isinstance(entry, dict) and "outputSchema" in entry
        else entry
        for entry in document["accepts"]
    ]
    return json.dumps(shown, indent=2, ensure_ascii=False)
