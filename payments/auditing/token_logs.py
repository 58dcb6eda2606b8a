"""A token's log as an audit reads it: uses of authorizations, and the transfers they made.

web3 and its own ABI decoding do the reading here. Nothing is shared with the settling's own
bookkeeping, so a mistake made there cannot hide itself here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import aiohttp
from web3 import AsyncWeb3
from web3.exceptions import Web3RPCError
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import LogReceipt, RPCEndpoint, RPCResponse, TxReceipt

from payments.chains import ChainUnavailable

BLOCKS_AT_ONCE = 2_000  # at first; a node that takes fewer says so
ADDRESSES_AT_ONCE = 100
RPC_SECONDS = 30

EVENTS: list[dict[str, Any]] = [
    {
        "type": "event", "name": name, "anonymous": False,
        "inputs": [{"name": n, "type": t, "indexed": i} for n, t, i in inputs],
    }
    for name, inputs in (
        ("AuthorizationUsed", (("authorizer", "address", True), ("nonce", "bytes32", True))),
        (
            "Transfer",
            (("from", "address", True), ("to", "address", True), ("value", "uint256", False)),
        ),
    )
]  # fmt: skip


USED = bytes(AsyncWeb3.keccak(text="AuthorizationUsed(address,bytes32)"))
TRANSFER = bytes(AsyncWeb3.keccak(text="Transfer(address,address,uint256)"))


class Provider(AsyncJSONBaseProvider):
    """web3's questions over our one maker of HTTP clients."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        super().__init__()
        self._session = session
        self._url = url

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        body = self.encode_rpc_request(method, params)
        try:
            async with self._session.post(
                self._url,
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=RPC_SECONDS),
            ) as response:
                return self.decode_rpc_response(await response.read())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            # No answer, or a page in words where one was to be: how nodes say "not so often".
            raise ChainUnavailable(f"{method}: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class Moved:
    """One authorization's transfer as the chain has it; None where it moved nothing."""

    pay_to: str | None
    amount_atomic: int
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Use:
    """One use of an authorization: who promised, and where the chain has it."""

    payer: str
    nonce: bytes
    transaction: bytes
    block: int
    place: int  # of its log

    @classmethod
    def of(cls, log: Any) -> Use:
        return cls(
            str(log["args"]["authorizer"]),
            bytes(log["args"]["nonce"]),
            bytes(log["transactionHash"]),
            int(log["blockNumber"]),
            int(log["logIndex"]),
        )


async def following(
    web3: AsyncWeb3[Any], address: str, transaction: bytes
) -> dict[int, LogReceipt]:
    """For each log of the token in a transaction, the token's log that comes after it."""
    receipt = await web3.eth.get_transaction_receipt(cast(Any, transaction))
    return {before["logIndex"]: after for before, after in pairs_in(receipt, address)}


def pairs_in(receipt: TxReceipt, address: str) -> Iterator[tuple[LogReceipt, LogReceipt]]:
    """Each log of the token in a transaction but the last, with the one that comes after it."""
    own = [log for log in receipt["logs"] if cast(str, log["address"]) == address]
    own.sort(key=lambda log: log["logIndex"])
    return pairwise(own)


def moved_by(contract: Any, use: Use, after: LogReceipt | None) -> Moved:
    """The transfer that a use was followed by, before any other use, in its own transaction."""
    if after is not None and bytes(after["topics"][0]) == TRANSFER:
        moved = contract.events.Transfer().process_log(after)["args"]
        if moved["from"] == use.payer:
            return Moved(str(moved["to"]), int(moved["value"]), use.transaction, use.block)
    return Moved(None, 0, use.transaction, use.block)


async def found(
    event: Any, named: Mapping[str, Sequence[str]], start: int, end: int
) -> AsyncIterator[list[Any]]:
    """A contract's events with these arguments, some blocks after the other.

    Nodes let one ask about different numbers of blocks, and tell by refusing.
    """
    low, at_once = start, BLOCKS_AT_ONCE
    while low <= end:
        high = min(end, low + at_once - 1)
        try:
            logs = await event.get_logs(argument_filters=named, from_block=low, to_block=high)
        except Web3RPCError:
            if low == high:
                raise
            at_once = (high - low + 1) // 2
        else:
            yield list(logs)
            low = high + 1


def chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(values), ADDRESSES_AT_ONCE):
        yield list(values[at : at + ADDRESSES_AT_ONCE])
