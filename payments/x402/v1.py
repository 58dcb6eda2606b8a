"""Version 1 of x402, which older programs still speak: its names and shapes, and nothing else.

What is signed is the same in both versions, so a payment is one and the same payment whichever
of them presents it. All that differs is how the quote, the payment and its outcome are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from payments.x402.fields import address_of, object_of, text_of, uint256_of
from payments.x402.headers import decode_header, in_version
from payments.x402.networks import NETWORKS, Asset
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import PaymentPayload, Requirements, Settlement

X402_VERSION = 1
QUERY = f"x402Version={X402_VERSION}"

_NAMES = {network.caip2: network.v1_name for network in NETWORKS.values() if network.v1_name}
_NETWORKS = {name: caip2 for caip2, name in _NAMES.items()}
# The names that programs of version 1 know. One that they do not know costs them the whole quote:
# they read every entry before they choose. Python's x402 1.0.0 knows the first, x402-fetch 1.2.0
# the first and the second.
_KNOWN_TO_ALL = frozenset({"avalanche", "base", "base-sepolia"})
_KNOWN_TO_MOST = _KNOWN_TO_ALL | {"polygon", "sei", "sei-testnet"}


def name_of(network: str) -> str:
    """The old name of a network; a network that has none keeps its own."""
    return _NAMES.get(network, network)


def network_of(name: str) -> str | None:
    """The network of an old name, as we call it."""
    return _NETWORKS.get(name)


def url_of(listing_url: str) -> str:
    """Where a listing speaks version 1."""
    return f"{listing_url}?{QUERY}"


def payable(offers: Iterable[Requirements]) -> tuple[Requirements, ...]:
    """The offers that version 1 has words for, those that the most programs can read."""
    named = [offer for offer in offers if offer.network in _NAMES]
    for known in (_KNOWN_TO_ALL, _KNOWN_TO_MOST):
        if found := tuple(offer for offer in named if _NAMES[offer.network] in known):
            return found
    return tuple(named)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The 402 of version 1, which is its body; `more` is what else stands at its top."""

    url: str
    description: str
    mime_type: str
    accepts: tuple[Requirements, ...]
    error: str
    output_schema: Mapping[str, object] | None = None  # how to call it, and what it answers
    more: Mapping[str, object] = field(default_factory=dict)

    def to_wire(self) -> dict[str, object]:
        """Write the document."""
        wire = {
            "x402Version": X402_VERSION,
            "error": self.error,
            "accepts": [self._entry(offer) for offer in self.accepts],
        }
        return {**self.more, **wire}

    def _entry(self, offer: Requirements) -> dict[str, object]:
        """An entry of `accepts`; old readers want all of these, and nothing that is null."""
        terms = offer.to_wire()
        entry = {
            "scheme": terms["scheme"],
            "network": name_of(offer.network),
            "maxAmountRequired": terms["amount"],
            "resource": self.url,
            "description": self.description,
            "mimeType": self.mime_type,
            "payTo": terms["payTo"],
            "maxTimeoutSeconds": terms["maxTimeoutSeconds"],
            "asset": terms["asset"],
            "extra": terms["extra"],
        }
        if self.output_schema is not None:
            entry["outputSchema"] = self.output_schema
        return entry


@dataclass(frozen=True, slots=True)
class Payment:
    """What a buyer attached: their signed word, without the offer or the token it is for."""

    scheme: str
    network: str  # in our words, eip155:<chain id>
    pay_to: str
    amount_atomic: int
    payload: Mapping[str, object]

    def pays(self, offer: Requirements) -> bool:
        """Tell whether this names everything of the offer that version 1 has a word for."""
        return (
            self.scheme == offer.scheme
            and self.network == offer.network
            and self.amount_atomic == offer.amount_atomic
            and self.pay_to.lower() == offer.pay_to.lower()
        )

    def terms(self, token: Asset) -> Requirements:
        """What this is a payment for if it is signed for that token; never an offer of ours."""
        return Requirements(
            scheme=self.scheme,
            network=self.network,
            amount_atomic=self.amount_atomic,
            asset=token.address,
            pay_to=self.pay_to,
            max_timeout_seconds=0,
            extra={"name": token.eip712_name, "version": token.eip712_version},
        )

    def accepting(self, accepted: Requirements) -> PaymentPayload:
        """The payment as it stands once it is known what it accepts."""
        return PaymentPayload(
            version=X402_VERSION,
            accepted=accepted,
            payload=self.payload,
            resource_url=None,
            extensions={},
        )


def decode_payment(header: str) -> Payment:
    """Read the X-PAYMENT header a buyer sent, as strictly as that of version 2."""
    document = in_version(X402_VERSION, decode_header(header))
    scheme, name = text_of(document, "scheme"), text_of(document, "network")
    payload = object_of(document, "payload")
    authorization = object_of(payload, "authorization")
    pay_to, amount = address_of(authorization, "to"), uint256_of(authorization, "value")
    network = network_of(name)
    if network is None:
        raise PaymentRefused(
            Reason.NO_MATCHING_REQUIREMENTS, "x402 version 1 has no such network here"
        )
    return Payment(scheme, network, pay_to, amount, payload)


def settlement_to_wire(settlement: Settlement) -> dict[str, object]:
    """Write what became of a payment: as in version 2, with the network's old name."""
    return settlement.to_wire() | {"network": name_of(settlement.network)}
