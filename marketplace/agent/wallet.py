"""A buyer's key: its address, and the one signature that a payment needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coincurve import PrivateKey

from payments.x402.crypto import RECOVERY_IDS, keccak256
from payments.x402.networks import checksum

_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


class BadKey(ValueError):
    """The text is no private key; what it says is not repeated anywhere."""


@dataclass(frozen=True, slots=True)
class Wallet:
    """One plain account and its key."""

    address: str
    _key: PrivateKey = field(repr=False)

    @classmethod
    def of(cls, private_key: str) -> Wallet:
        """The wallet of a key written as 64 hexadecimal digits."""
        written = _KEY.fullmatch(private_key.strip())
        if written is None:
            raise BadKey("a private key is 64 hexadecimal digits, with or without 0x")
        try:
            key = PrivateKey(bytes.fromhex(written[1]))
        except ValueError:
            raise BadKey("these 64 digits are no private key") from None
        public = key.public_key.format(compressed=False)[1:]
        return cls(checksum(keccak256(public)[12:]), key)

    def sign(self, digest: bytes) -> bytes:
        """Sign 32 bytes, in the 65 bytes that tokens expect."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes((RECOVERY_IDS[0] + signature[64],))
