"""A transaction in the chain's own bytes, for the one shape that we sign (EIP-1559, no value).

eth-account does the same by way of several libraries: 2.9 ms a transaction, and here a twentieth.
"""

from __future__ import annotations

from dataclasses import dataclass

from payments.x402.crypto import keccak256
from payments.x402.networks import address_bytes

_TYPE = b"\x02"
_NOTHING = b"\x80"
_NO_ACCESS_LIST = b"\xc0"
_SHORT = 56  # what is shorter says its length in its first byte


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is called, under which number, and the most that it may cost."""

    chain_id: int
    nonce: int
    to: str
    data: bytes
    gas: int
    max_fee_wei: int
    priority_fee_wei: int

    @property
    def digest(self) -> bytes:
        """What its sender signs."""
        return keccak256(_TYPE + _listed(self._fields))

    def signed(self, signature: bytes) -> bytes:
        """What a node takes; `signature` is r, s and which of two keys made it (0 or 1)."""
        parity, r, s = signature[64], signature[:32], signature[32:64]
        return _TYPE + _listed(
            self._fields
            + _number(parity)
            + _number(int.from_bytes(r, "big"))
            + _number(int.from_bytes(s, "big"))
        )

    @property
    def _fields(self) -> bytes:
        numbers = (self.chain_id, self.nonce, self.priority_fee_wei, self.max_fee_wei, self.gas)
        return b"".join(
            (
                *map(_number, numbers),
                _text(address_bytes(self.to)),
                _NOTHING,
                _text(self.data),
                _NO_ACCESS_LIST,
            )
        )


# RLP (Ethereum's yellow paper, appendix B).


def _number(number: int) -> bytes:
    return _text(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _text(content: bytes) -> bytes:
    if len(content) == 1 and content < _NOTHING:
        return content
    return _headed(0x80, content)


def _listed(content: bytes) -> bytes:
    return _headed(0xC0, content)


def _headed(kind: int, content: bytes) -> bytes:
    size = len(content)
    if size < _SHORT:
        return bytes((kind + size,)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((kind + _SHORT - 1 + len(length),)) + length + content
