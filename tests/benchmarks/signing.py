"""Payments signed before the clock runs, each for one call and no two alike.

Written from the protocol's text, without the product's own code: what is measured must not be
what measures.
"""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from coincurve import PrivateKey
from Crypto.Hash import keccak as _keccak

from marketplace.embedded.demo_accounts import DemoAccount, demo_account

TERMS = (
    b"TransferWithAuthorization(address from,address to,uint256 value,"
    b"uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
DOMAIN = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
PORTION = 2_000  # payments that one process signs at a time


def keccak256(data: bytes) -> bytes:
    return _keccak.new(data=data, digest_bits=256).digest()


def word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Signed:
    """One payment: its nonce, by which the chain will name it, and the header that carries it."""

    nonce: bytes
    header: bytes


def purses(count: int) -> list[DemoAccount]:
    """The wallets that pay, the same on every run."""
    return [demo_account(f"benchmark buyer {number}") for number in range(count)]


def sign_many(
    challenge: Mapping[str, Any], payers: Sequence[DemoAccount], count: int, workers: Executor
) -> list[Signed]:
    """So many payments for the first offer of a challenge, from the payers in turn."""
    portions = [
        (challenge, [payers[at % len(payers)] for at in range(first, min(first + PORTION, count))])
        for first in range(0, count, PORTION)
    ]
    return [signed for portion in workers.map(_sign_portion, portions) for signed in portion]


def _sign_portion(portion: tuple[Mapping[str, Any], list[DemoAccount]]) -> list[Signed]:
    challenge, payers = portion
    return list(_sign(challenge, payers))


def _sign(challenge: Mapping[str, Any], payers: Sequence[DemoAccount]) -> Iterator[Signed]:
    offer = challenge["accepts"][0]
    separator = domain_separator(offer)
    valid_before = int(time.time()) + int(offer["maxTimeoutSeconds"])
    fixed = (
        word(int(offer["payTo"], 16)) + word(int(offer["amount"])) + word(0) + word(valid_before)
    )
    terms_hash = keccak256(TERMS)
    keys = {
        payer.address: PrivateKey(bytes.fromhex(payer.private_key[2:])) for payer in set(payers)
    }
    # The header is made of texts prepared once: building it anew costs more than signing it.
    # Without a spare byte, as the official clients write it.
    told = {"accepted": offer, "resource": challenge["resource"]}
    rest = json.dumps(told, separators=(",", ":"), ensure_ascii=False)[1:]
    for payer in payers:
        nonce = os.urandom(32)
        struct = keccak256(terms_hash + word(int(payer.address, 16)) + fixed + nonce)
        digest = keccak256(b"\x19\x01" + separator + struct)
        made = keys[payer.address].sign_recoverable(digest, hasher=None)
        signature = f"0x{made[:64].hex()}{27 + made[64]:02x}"
        document = (
            f'{{"x402Version":2,"payload":{{"signature":"{signature}","authorization":{{'
            f'"from":"{payer.address}","to":"{offer["payTo"]}","value":"{offer["amount"]}",'
            f'"validAfter":"0","validBefore":"{valid_before}","nonce":"0x{nonce.hex()}"}}}},{rest}'
        )
        yield Signed(nonce, base64.b64encode(document.encode()))


def domain_separator(offer: Mapping[str, Any]) -> bytes:
    return keccak256(
        keccak256(DOMAIN)
        + keccak256(offer["extra"]["name"].encode())
        + keccak256(offer["extra"]["version"].encode())
        + word(int(offer["network"].partition(":")[2]))
        + word(int(offer["asset"], 16))
    )
