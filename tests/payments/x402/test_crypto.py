"""The hash and the signature, and the warning when they would be slow."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from eth_keys.backends import CoinCurveECCBackend, NativeECCBackend
from hypothesis import given
from hypothesis import strategies as st

from payments.x402.crypto import fast_crypto, keccak256, recover_address
from tests.payments.x402.cast import buyer

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DIGEST = bytes(range(32))


def signature_of(digest: bytes) -> bytes:
    signed = PrivateKey(bytes(buyer.key)).sign_recoverable(digest, hasher=None)
    return signed[:64] + bytes((signed[64] + 27,))


def test_the_hash_is_the_one_of_the_chains():
    assert keccak256(b"").hex() == (
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )


@given(st.binary(min_size=32, max_size=32))
def test_whoever_signed_is_found(digest):
    assert recover_address(digest, signature_of(digest)) == bytes.fromhex(buyer.address[2:])


def test_the_mirror_image_of_a_signature_is_nobodys():
    signature = signature_of(DIGEST)
    mirrored = ORDER - int.from_bytes(signature[32:64], "big")
    other_v = {27: 28, 28: 27}[signature[64]]
    high = signature[:32] + mirrored.to_bytes(32, "big") + bytes((other_v,))
    assert recover_address(DIGEST, high) is None


@pytest.mark.parametrize(("s", "is_taken"), [(ORDER // 2, True), (ORDER // 2 + 1, False)])
def test_s_may_be_half_the_order_and_not_one_more(s, is_taken):
    signature = signature_of(DIGEST)[:32] + s.to_bytes(32, "big") + b"\x1b"
    assert (recover_address(DIGEST, signature) is not None) is is_taken


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 35, 255])
def test_only_27_and_28_end_a_signature(v):
    assert recover_address(DIGEST, signature_of(DIGEST)[:64] + bytes((v,))) is None


@given(st.binary(max_size=130))
def test_no_bytes_are_ever_more_than_nobodys(signature):
    found = recover_address(DIGEST, signature)
    assert found is None or len(found) == 20


@pytest.mark.parametrize(
    "r_s", [bytes(64), b"\xff" * 32 + bytes(31) + b"\x01", bytes(63) + b"\x01"]
)
def test_numbers_off_the_curve_are_nobodys(r_s):
    assert recover_address(DIGEST, r_s + b"\x1b") is None


def test_this_installation_is_fast():
    assert fast_crypto() == []


def test_a_slow_installation_is_named(monkeypatch):
    name = f"eth_keys.backends.{NativeECCBackend.__name__}"
    monkeypatch.setenv("ECC_BACKEND_CLASS", name)
    assert [text for text in fast_crypto() if "coincurve" in text]
    monkeypatch.setenv("ECC_BACKEND_CLASS", f"eth_keys.backends.{CoinCurveECCBackend.__name__}")
    assert fast_crypto() == []
