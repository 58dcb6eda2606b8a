"""What a payer signs for the dollar, and the two ways of handing the signature in."""

from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import pytest
from eth_account import Account

from marketplace.embedded.chain import CHAIN_ID, DOLLAR, DOLLAR_NAME, DOLLAR_VERSION
from marketplace.embedded.rpc import NodeRefusedError
from tests.fixtures.cast import Person
from tests.fixtures.chain import Chain, calldata

_TERMS = {
    "from": "address",
    "to": "address",
    "value": "uint256",
    "validAfter": "uint256",
    "validBefore": "uint256",
    "nonce": "bytes32",
}
KINDS = {
    "TransferWithAuthorization": _TERMS,
    "ReceiveWithAuthorization": _TERMS,
    "CancelAuthorization": {"authorizer": "address", "nonce": "bytes32"},
    "Permit": {
        "owner": "address",
        "spender": "address",
        "value": "uint256",
        "nonce": "uint256",
        "deadline": "uint256",
    },
}
DOMAIN = {
    "name": DOLLAR_NAME,
    "version": DOLLAR_VERSION,
    "chainId": CHAIN_ID,
    "verifyingContract": DOLLAR,
}
FORMS = ("joined", "split")
FAR_FUTURE = 2**40


def sign(signer: Person, kind: str, values: list[Any], **domain: Any) -> bytes:
    """A key's signature over one of the dollar's messages, values in the message's order."""
    types = {kind: [{"name": name, "type": of} for name, of in KINDS[kind].items()]}
    message = dict(zip(KINDS[kind], values, strict=True))
    signed = Account.sign_typed_data(signer.private_key, {**DOMAIN, **domain}, types, message)
    return bytes(signed.signature)


def handed_in(form: str, kind: str, values: list[Any], signature: bytes) -> str:
    """The call that hands a signed message to the dollar, signature as bytes or as v, r, s."""
    name = kind[0].lower() + kind[1:]
    types = list(KINDS[kind].values())
    if kind == "Permit":  # its nonce is signed, but not handed in
        types, values = types[:3] + types[4:], values[:3] + values[4:]
    if form == "joined":
        return calldata(f"{name}({','.join([*types, 'bytes'])})", *values, signature)
    parts = (signature[64], signature[:32], signature[32:64])
    return calldata(f"{name}({','.join([*types, 'uint8', 'bytes32', 'bytes32'])})", *values, *parts)


@dataclass
class Payment:
    """An authorization to pay: change a field, then sign."""

    payer: Person
    payee: str
    value: int = 250_000
    valid_after: int = 0
    valid_before: int = FAR_FUTURE
    nonce: bytes = field(default_factory=lambda: token_bytes(32))

    @property
    def values(self) -> list[Any]:
        return [
            self.payer.address,
            self.payee,
            self.value,
            self.valid_after,
            self.valid_before,
            self.nonce,
        ]

    def call(
        self,
        form: str,
        *,
        kind: str = "TransferWithAuthorization",
        signer: Person | None = None,
        signature: bytes | None = None,
    ) -> str:
        signature = signature or sign(signer or self.payer, kind, self.values)
        return handed_in(form, kind, self.values, signature)


def refusal(chain: Chain, data: str, sender: str | None = None) -> str:
    """Why the dollar refuses a call; the test fails when it does not."""
    question = {"to": DOLLAR, "data": data, "from": sender or chain.relayer.address}
    with pytest.raises(NodeRefusedError) as refused:
        chain.rpc("eth_call", [question, "latest"])
    return refused.value.message.removeprefix("execution reverted: ")
