"""The hash and the signature of EVM chains, at C speed.

Measured: one keccak-256 of 224 bytes 5 µs through eth-hash with pycryptodome (4.7 µs when
pycryptodome is called directly, so the common door is kept), one recovery 35 µs with coincurve
against 9.5 ms in pure Python.
"""

from __future__ import annotations

from functools import lru_cache

from coincurve import PublicKey
from eth_hash.auto import keccak as _keccak
from eth_hash.utils import auto_choose_backend

SIGNATURE_BYTES = 65
KEYS_KEPT_MAX = 8_192
RECOVERY_IDS = (27, 28)
COMPILED_KECCAKS = frozenset({"pycryptodome", "pysha3"})
# Half the order of secp256k1 (SEC 2, 2.4.1), as OpenZeppelin's ECDSA and the token compare it.
_HALF_ORDER = bytes.fromhex("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0")


def keccak256(data: bytes) -> bytes:
    """Return the hash every EVM chain uses."""
    digest: bytes = _keccak(data)
    return digest


def has_low_s(signature: bytes) -> bool:
    """Tell whether this is the one of a signature's two spellings that tokens accept."""
    return signature[32:64] <= _HALF_ORDER


def recover_address(digest: bytes, signature: bytes) -> bytes | None:
    """Return the 20 bytes of whoever made this 65-byte signature, or None if nobody did."""
    if len(signature) != SIGNATURE_BYTES or signature[64] not in RECOVERY_IDS:
        return None
    if not has_low_s(signature):
        return None
    recoverable = signature[:64] + bytes((signature[64] - RECOVERY_IDS[0],))
    try:
        public_key = PublicKey.from_signature_and_message(recoverable, digest, hasher=None)
    except ValueError:
        return None
    return _address_of(public_key.format(compressed=False))


@lru_cache(maxsize=KEYS_KEPT_MAX)
def _address_of(public_key: bytes) -> bytes:
    """The 20 bytes that name a key; buyers come again, and a hash is a seventh of a recovery."""
    return keccak256(public_key[1:])[12:]


def fast_crypto() -> list[str]:
    """Name what would make payments slow here; empty when nothing does."""
    # Loaded here only: eth-keys takes longer to import than the rest of this package.
    from eth_keys.backends import get_backend_class
    from eth_keys.backends.coincurve import CoinCurveECCBackend

    slow = []
    if get_backend_class() is not CoinCurveECCBackend:
        slow.append("eth-keys signs in pure Python: install coincurve, unset ECC_BACKEND_CLASS")
    return [*slow, *slow_keccak()]


def slow_keccak() -> list[str]:
    """Name what would make hashing slow; all that the door needs, as it signs nothing."""
    backend = type(auto_choose_backend()).__module__.rpartition(".")[2]
    if backend in COMPILED_KECCAKS:
        return []
    return [f"keccak-256 comes from {backend}: install pycryptodome"]
