"""What a chain holds about authorizations, read from its logs by code of the tests' own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from eth_utils import keccak, to_checksum_address

from tests.fixtures.chain import Chain

USED = "0x" + keccak(text="AuthorizationUsed(address,bytes32)").hex()
CANCELLED = "0x" + keccak(text="AuthorizationCanceled(address,bytes32)").hex()
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()


@dataclass(frozen=True, slots=True)
class Moved:
    """One authorization that was carried out in a canonical, successful transaction."""

    transaction: bytes
    block_number: int
    block_hash: bytes
    token: str
    payer: str
    nonce: bytes
    pay_to: str
    amount_atomic: int


DEEP_BLOCKS = 16  # what tests undo seldom


@dataclass
class Known:
    """What was read of a chain, up to a block: as long as that one stands, all of it does."""

    height: int = -1
    block_hash: str = ""
    moved: list[Moved] = field(default_factory=list)
    answers: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)


_KNOWN: WeakKeyDictionary[Chain, Known] = WeakKeyDictionary()


def _known(chain: Chain) -> Known:
    known = _KNOWN.get(chain, Known())
    if known.height >= 0:
        block = chain.rpc("eth_getBlockByNumber", [hex(known.height), False])
        if block is None or block["hash"] != known.block_hash:
            known = Known()
    return known


def moved(chain: Chain) -> list[Moved]:
    """Every authorized transfer of the dollar, oldest first."""
    known = _known(chain)
    deep = chain.block(max(0, chain.height - DEEP_BLOCKS))  # its hash first: what follows stands
    found = known.moved + _moved_from(chain, known.height + 1)
    height = int(deep["number"], 16)
    if height > known.height:
        buried = [each for each in found if each.block_number <= height]
        _KNOWN[chain] = Known(height, deep["hash"], buried, known.answers)
    return found


def _moved_from(chain: Chain, block: int) -> list[Moved]:
    search = {"address": chain.dollar, "fromBlock": hex(block), "toBlock": "latest"}
    logs = sorted(
        chain.rpc("eth_getLogs", [search]),
        key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)),
    )
    found: list[Moved] = []
    used: dict[str, Any] | None = None
    for log in logs:
        if log["topics"][0] == USED:
            used = log
        elif log["topics"][0] == TRANSFER and used is not None:
            if used["transactionHash"] == log["transactionHash"]:
                found.append(_moved(used, log))
            used = None
    return found


def _moved(used: dict[str, Any], transfer: dict[str, Any]) -> Moved:
    payer, pay_to = address(transfer["topics"][1]), address(transfer["topics"][2])
    assert payer == address(used["topics"][1]), "the token moves the authorizer's money"
    return Moved(
        bytes.fromhex(transfer["transactionHash"][2:]),
        int(transfer["blockNumber"], 16),
        bytes.fromhex(transfer["blockHash"][2:]),
        to_checksum_address(transfer["address"]),
        payer,
        bytes.fromhex(used["topics"][2][2:]),
        pay_to,
        int(transfer["data"], 16),
    )


def address(topic: str) -> str:
    return to_checksum_address("0x" + topic[-40:])


def mined(chain: Chain, transactions: Iterable[bytes]) -> list[dict[str, Any]]:
    """Those of these transactions that are in a block."""
    found = _each(chain, "eth_getTransactionByHash", transactions)
    return [each for each in found if each and each["blockNumber"]]


def receipts(chain: Chain, transactions: Iterable[bytes]) -> list[dict[str, Any]]:
    return _each(chain, "eth_getTransactionReceipt", transactions)


def _each(chain: Chain, method: str, transactions: Iterable[bytes]) -> list[dict[str, Any]]:
    """The answer about each; of those buried deep it is known."""
    known = _known(chain)
    hashes = ["0x" + transaction.hex() for transaction in transactions]
    asked = [each for each in hashes if (method, each) not in known.answers]
    told = dict(zip(asked, chain.rpc_each(method, asked), strict=True))
    for each, answer in told.items():
        if answer and answer["blockNumber"] and int(answer["blockNumber"], 16) <= known.height:
            known.answers[method, each] = answer
    return [told[each] if each in told else known.answers[method, each] for each in hashes]
