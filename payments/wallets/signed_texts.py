"""Whether a wallet signed a text: by its own key, or by the word of the contract that it is."""

from __future__ import annotations

import re
from enum import Enum

from payments.chains import Chain, RpcError
from payments.chains.abi import deployment
from payments.x402.abi import bytes_argument, selector
from payments.x402.crypto import SIGNATURE_BYTES, keccak256, recover_address
from payments.x402.networks import address_bytes, checksum

_SIGNATURE = re.compile(r"0x(?:[0-9a-fA-F]{2}){1,2048}")
_EIP1271_CALL = selector("isValidSignature(bytes32,bytes)")
_EIP1271_YES = _EIP1271_CALL  # the standard answers with the function's own selector


_EIP6492_END = bytes.fromhex("6492" * 16)


class SignedBy(Enum):
    """What stands behind a signature."""

    KEY = "key"
    CONTRACT = "contract"  # also an account with a key that has code do its signing (EIP-7702)


def read_signature(text: str) -> bytes | None:
    """The bytes of a written signature, or None when it is none."""
    return bytes.fromhex(text[2:]) if _SIGNATURE.fullmatch(text) else None


async def signed_by(
    address: str, text: str, signature: bytes, chain: Chain | None
) -> SignedBy | None:
    """Who vouches that this address signed the text; None when nobody does.

    Without `chain` only a key is asked. A chain that stays silent is ChainUnavailable, no verdict.
    """
    digest = _personal_digest(text)
    if recover_address(digest, _with_v_27(signature)) == address_bytes(address):
        return SignedBy.KEY
    if chain is None:
        return None
    try:
        answer = await _answer(address, digest, signature, chain)
    except RpcError:
        return None  # the wallet reverts: its way of saying no
    return SignedBy.CONTRACT if answer[:32] == _EIP1271_YES + bytes(28) else None


async def _answer(address: str, digest: bytes, signature: bytes, chain: Chain) -> bytes:
    """What the contract says, or would say if it were there.

    Smart wallets are often deployed with their first transaction only, and send the call that
    does it along (ERC-6492). An address commits to the code that can appear there, so nobody
    else's contract ever answers.
    """
    deploy, signature = _unwrapped(signature)
    question = _EIP1271_CALL + digest + bytes_argument(signature, words_before=1)
    if await chain.has_code(address):
        return await chain.call(address, question)
    if deploy is None:
        return b""
    *_, answer = await chain.read_in_turn([deploy, (address, question)])
    return answer or b""


def _unwrapped(signature: bytes) -> tuple[tuple[str, bytes] | None, bytes]:
    """The call that deploys a wallet, where one is sent along, and the signature proper."""
    if not signature.endswith(_EIP6492_END):
        return None, signature
    try:
        factory, call, inner = deployment(signature.removesuffix(_EIP6492_END))
    except ValueError:
        return None, signature
    return (checksum(factory), call), inner


def _with_v_27(signature: bytes) -> bytes:
    """Some hardware wallets write the last byte of a signed text as 0 or 1."""
    if len(signature) == SIGNATURE_BYTES and signature[64] < 2:
        return signature[:64] + bytes((signature[64] + 27,))
    return signature


def _personal_digest(text: str) -> bytes:
    """What a wallet really signs when it shows a text (EIP-191)."""
    raw = text.encode("utf-8")
    return keccak256(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw)
