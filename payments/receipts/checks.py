"""Everything a receipt can be held against: its signature, the buyer's own bytes, the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.amounts import Amount
from payments.chains import Chain, ChainUnavailable, RpcError
from payments.receipts.issuing import VerifiedReceipt
from payments.x402.fields import address_of, bytes_of, object_of, text_of, uint256_of
from payments.x402.reasons import Malformed
from payments.x402.schemes import SCHEMES
from payments.x402.types import Authorization, Evidence


@dataclass(frozen=True, slots=True)
class Check:
    """One question asked of a receipt; `passed` is None when nobody could say."""

    name: str
    passed: bool | None
    text: str


def what_it_says(receipt: VerifiedReceipt) -> Check:
    """The statement in a sentence; one that took an earlier receipt back proves no payment."""
    said = receipt.statement
    try:
        token, block = object_of(said, "token"), said.get("block")
        atomic, network = uint256_of(said, "amount"), text_of(said, "network")
        paid = Amount.of(network, address_of(token, "address"), atomic).text
        sides = f"from {address_of(said, 'payer')} to {address_of(said, 'payTo')} on {network}"
    except Malformed as malformed:
        return Check("statement", False, f"signed, but no receipt: {malformed.detail}")
    if not receipt.says_paid:
        return Check("statement", False, f"it says: {receipt.status}. {paid} {sides}: not paid")
    depth = block.get("confirmations") if isinstance(block, dict) else None
    deep = f", {depth} blocks deep when it was written" if depth else ""
    text = f"it says: {receipt.status}. {paid} {sides} in transaction {said['transaction']}{deep}"
    return Check("statement", True, text)


def answer_check(receipt: VerifiedReceipt, body: bytes) -> Check:
    if receipt.is_of_answer(body):
        return Check("answer", True, "the answer you have is the one that was paid for")
    return Check("answer", False, "the answer you have is not the one this receipt is for")


def request_check(receipt: VerifiedReceipt, url: str, body: bytes) -> Check:
    if receipt.is_of_request(url, body):
        return Check("request", True, "the request is the one that was paid for")
    return Check("request", False, "the request is not the one this receipt is for")


async def chain_check(receipt: VerifiedReceipt, chain: Chain) -> Check:
    """Look the transaction up: it must still be in that block, and hold this very transfer."""
    try:
        transaction, number, block_hash = _place(receipt.statement)
        authorization, asset = _authorization(receipt.statement)
        scheme = SCHEMES[text_of(receipt.statement, "scheme")]
    except (Malformed, KeyError):
        return Check("chain", False, "the receipt names no transaction that could be looked up")
    try:
        (found,) = await chain.receipts([transaction])
        canonical = await chain.is_canonical(number, block_hash)
    except (ChainUnavailable, RpcError) as error:
        return Check("chain", None, f"the chain could not be asked: {error}")
    if found is None or not canonical or found.block_hash != block_hash:
        return Check("chain", False, "the chain no longer holds that transaction in that block")
    evidence = scheme.find_transfer(found.logs, authorization, asset).evidence
    if found.status != 1 or evidence is not Evidence.PAID:
        return Check("chain", False, "that transaction did not make this payment")
    return Check("chain", True, f"the chain holds exactly this payment, in block {number}")


def _place(said: Mapping[str, Any]) -> tuple[bytes, int, bytes]:
    block = object_of(said, "block")
    number = block["number"]
    if not isinstance(number, int):
        raise KeyError("number")
    return bytes_of(said, "transaction", 32, 32), number, bytes_of(block, "hash", 32, 32)


def _authorization(said: Mapping[str, Any]) -> tuple[Authorization, str]:
    authorization = Authorization(
        payer=address_of(said, "payer"),
        pay_to=address_of(said, "payTo"),
        amount_atomic=uint256_of(said, "amount"),
        valid_after=0,
        valid_before=0,
        nonce=bytes_of(said, "nonce", 32, 32),
        signature=b"",
    )
    return authorization, address_of(object_of(said, "token"), "address")
