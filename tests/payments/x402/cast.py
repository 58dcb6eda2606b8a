"""The buyers and the offer that the tests of the wire protocol share, and how they pay."""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from typing import Any

from eth_account import Account
from x402 import x402ClientSync
from x402.http.utils import decode_payment_required_header
from x402.mechanisms.evm.exact import register_exact_evm_client
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.mechanisms.evm.types import TypedDataDomain, TypedDataField

from payments.x402 import headers
from payments.x402.types import Challenge, Requirements, Resource

NOW = 1_800_000_000
CHAIN_ID = 84532
USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e"

buyer = Account.from_key(b"\x01" * 32)
other_buyer = Account.from_key(b"\x02" * 32)
attacker = Account.from_key(b"\x03" * 32)
seller = Account.from_key(b"\x04" * 32)
other_seller = Account.from_key(b"\x05" * 32)

OFFER = Requirements(
    scheme="exact",
    network=f"eip155:{CHAIN_ID}",
    amount_atomic=10_000,
    asset=USDC,
    pay_to=seller.address,
    max_timeout_seconds=300,
    extra={"name": "USDC", "version": "2"},
)
RESOURCE = Resource(url="https://souk.example/call/ada/weather", description="Weather, by city")
CHALLENGE = Challenge(RESOURCE, (OFFER,), "Payment required")

Document = dict[str, Any]


def terms_of(**changes: object) -> Document:
    """Return what a buyer signs for the offer, as the wire writes it."""
    terms = {
        "from": buyer.address,
        "to": OFFER.pay_to,
        "value": str(OFFER.amount_atomic),
        "validAfter": "0",
        "validBefore": str(NOW + 300),
        "nonce": "0x" + "ab" * 32,
    }
    return terms | changes


def signature_of(terms: Document, signer: Any = buyer, chain_id: int = CHAIN_ID) -> str:
    """Sign terms the way the official client does."""
    types = ["address", "address", "uint256", "uint256", "uint256", "bytes32"]
    fields = [TypedDataField(name=key, type=kind) for key, kind in zip(terms, types, strict=True)]
    message: Document = {
        key: int(value) if kind == "uint256" else value
        for (key, value), kind in zip(terms.items(), types, strict=True)
    }
    message["nonce"] = bytes.fromhex(terms["nonce"][2:])
    domain = TypedDataDomain("USDC", "2", chain_id, USDC)
    signed = EthAccountSigner(signer).sign_typed_data(
        domain, {"TransferWithAuthorization": fields}, "TransferWithAuthorization", message
    )
    return "0x" + signed.hex()


def payment_document(signer: Any = buyer, **changes: object) -> Document:
    """Return a payment for the offer, its terms changed as said and then signed."""
    terms = terms_of(**changes)
    return {
        "x402Version": 2,
        "payload": {"authorization": terms, "signature": signature_of(terms, signer)},
        "accepted": OFFER.to_wire(),
        "resource": RESOURCE.to_wire(),
    }


def with_change(document: Document, path: str, value: object) -> Document:
    """Return a copy in which one part, named like `accepted.amount`, is another."""
    changed = copy.deepcopy(document)
    *parents, last = path.split(".")
    holder = changed
    for parent in parents:
        holder = holder[parent]
    holder[last] = value
    return changed


def without(document: Document, path: str) -> Document:
    """Return a copy in which one part is missing."""
    changed = copy.deepcopy(document)
    *parents, last = path.split(".")
    holder = changed
    for parent in parents:
        holder = holder[parent]
    del holder[last]
    return changed


def header_of(document: object) -> str:
    """Write any JSON as a header, valid payment or not."""
    return b64encode(json.dumps(document).encode()).decode()


def official_payment(account: Any, challenge: Challenge = CHALLENGE) -> Any:
    """Let the official client, with its default settings, answer a challenge of ours."""
    client = register_exact_evm_client(x402ClientSync(), account)
    required = decode_payment_required_header(headers.encode_header(challenge.to_wire()))
    return client.create_payment_payload(required)
