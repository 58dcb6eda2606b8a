"""What a chain holds about authorizations, read from its logs by code of the tests' own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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


def moved(chain: Chain) -> list[Moved]:
    """Every authorized transfer of the dollar, oldest first."""
    search = {"address": chain.dollar, "fromBlock": "0x0", "toBlock": "latest"}
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


def mined(chain: Chain, transactions: list[bytes]) -> list[dict[str, Any]]:
    """Those of these transactions that are in a block."""
    hashes = ["0x" + transaction.hex() for transaction in transactions]
    found = chain.rpc_each("eth_getTransactionByHash", hashes)
    return [each for each in found if each and each["blockNumber"]]
