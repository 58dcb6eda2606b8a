"""What buyer and shop tell each other about a payment, as plain values.

The fields are those of x402 version 2; money is whole atomic units of the asset beside it, and
addresses are written as wallets show them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from payments.x402.networks import address_bytes, checksum
from payments.x402.reasons import Malformed, Reason

X402_VERSION = 2

_PAYMENT_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True, slots=True)
class Requirements:
    """One way to pay: so much of this token, to this address, within this time."""

    scheme: str
    network: str
    amount_atomic: int
    asset: str
    pay_to: str
    max_timeout_seconds: int
    extra: Mapping[str, str]

    def to_wire(self) -> dict[str, object]:
        """Write this offer as an entry of `accepts`."""
        return {
            "scheme": self.scheme,
            "network": self.network,
            "amount": str(self.amount_atomic),
            "asset": checksum(address_bytes(self.asset)),
            "payTo": checksum(address_bytes(self.pay_to)),
            "maxTimeoutSeconds": self.max_timeout_seconds,
            "extra": dict(self.extra),
        }


@dataclass(frozen=True, slots=True)
class Resource:
    """What is for sale, in the words a buyer's program shows."""

    url: str
    description: str = ""
    mime_type: str = "application/json"
    service_name: str = ""
    tags: tuple[str, ...] = ()
    icon_url: str = ""

    def to_wire(self) -> dict[str, object]:
        """Write the resource, leaving out what is empty: clients reject null and odd blanks."""
        wire: dict[str, object] = {
            "url": self.url,
            "description": self.description,
            "mimeType": self.mime_type,
            "serviceName": self.service_name,
            "tags": list(self.tags),
            "iconUrl": self.icon_url,
        }
        return {key: value for key, value in wire.items() if value}


@dataclass(frozen=True, slots=True)
class Challenge:
    """The 402 answer: what it costs and how to pay; `more` is what else stands at its top."""

    resource: Resource
    accepts: tuple[Requirements, ...]
    error: str
    extensions: Mapping[str, object] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)

    def to_wire(self) -> dict[str, object]:
        """Write the document that header and body both carry."""
        wire: dict[str, object] = {
            "x402Version": X402_VERSION,
            "error": self.error,
            "resource": self.resource.to_wire(),
            "accepts": [offer.to_wire() for offer in self.accepts],
        }
        if self.extensions:
            wire["extensions"] = dict(self.extensions)
        return {**self.more, **wire}


@dataclass(frozen=True, slots=True)
class PaymentPayload:
    """What a buyer attached to a request: the offer they chose and their signed word."""

    version: int
    accepted: Requirements
    payload: Mapping[str, object]
    resource_url: str | None
    extensions: Mapping[str, object]

    @property
    def payment_identifier(self) -> str | None:
        """The buyer's own secret name for this purchase, if they gave one."""
        holder = self.extensions.get("payment-identifier")
        if holder is None:
            return None
        info = holder.get("info") if isinstance(holder, dict) else None
        if not isinstance(info, dict):
            raise Malformed(Reason.MALFORMED_IDENTIFIER, "payment-identifier must hold an info")
        identifier = info.get("id")
        if identifier is None:
            return None
        if not isinstance(identifier, str) or not _PAYMENT_IDENTIFIER.fullmatch(identifier):
            raise Malformed(
                Reason.MALFORMED_IDENTIFIER, "a payment identifier is 16 to 128 of A-Z a-z 0-9 _ -"
            )
        return identifier


@dataclass(frozen=True, slots=True)
class Authorization:
    """The buyer's signed word that lets anyone move this money, once, within this window."""

    payer: str
    pay_to: str
    amount_atomic: int
    valid_after: int
    valid_before: int
    nonce: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a payment, as told to the buyer."""

    success: bool
    payer: str
    transaction: str
    network: str
    amount_atomic: int | None = None
    error_reason: str = ""
    extensions: Mapping[str, object] = field(default_factory=dict)

    def to_wire(self) -> dict[str, object]:
        """Write it; clients want `transaction` and `network` even when there is nothing to say."""
        wire: dict[str, object] = {"success": self.success}
        if self.error_reason:
            wire["errorReason"] = self.error_reason
        if self.payer:
            wire["payer"] = self.payer
        wire |= {"transaction": self.transaction, "network": self.network}
        if self.amount_atomic is not None:
            wire["amount"] = str(self.amount_atomic)
        if self.extensions:
            wire["extensions"] = dict(self.extensions)
        return wire


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a contract, and the most gas it may burn."""

    to: str
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One event of a transaction, in the order the chain recorded it."""

    address: str
    topics: tuple[bytes, ...]
    data: bytes
    index: int


class Evidence(Enum):
    """What the events of one transaction say about one authorization."""

    PAID = "paid"
    CANCELLED = "cancelled"
    SPENT_ELSEWHERE = "spent_elsewhere"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Finding:
    """The evidence, and where the transfer that proves a payment stands among the events."""

    evidence: Evidence
    transfer_log_index: int | None = None
