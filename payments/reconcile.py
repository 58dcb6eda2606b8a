"""Ledger against chain, read anew: what is missing, what is extra, what differs.

web3 and its own ABI decoding do the reading here. Nothing is shared with the settling's own
bookkeeping, so a mistake made there cannot hide itself here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import aiohttp
from web3 import AsyncWeb3
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import LogReceipt, RPCEndpoint, RPCResponse

from payments.egress import open_trusted_client
from payments.pool import Pool, rows

BLOCKS_AT_ONCE = 2_000
PAYERS_AT_ONCE = 100
SEARCH_MARGIN_BLOCKS = 20
RPC_SECONDS = 30

_EVENTS: list[dict[str, Any]] = [
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


_TRANSFER = bytes(AsyncWeb3.keccak(text="Transfer(address,address,uint256)"))


class _Provider(AsyncJSONBaseProvider):
    """web3's questions over our one maker of HTTP clients."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        super().__init__()
        self._session = session
        self._url = url

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        body = self.encode_rpc_request(method, params)
        async with self._session.post(
            self._url,
            data=body,
            headers={"Content-Type": "application/json"},
            timeout=aiohttp.ClientTimeout(total=RPC_SECONDS),
        ) as response:
            return self.decode_rpc_response(await response.read())


@dataclass(frozen=True, slots=True)
class Booked:
    """One payment as the books have it."""

    payment_id: UUID
    payer: str
    pay_to: str
    amount_atomic: int
    nonce: bytes
    money: str
    posted_atomic: int
    transaction: bytes | None


@dataclass(frozen=True, slots=True)
class Moved:
    """One authorization's transfer as the chain has it; None where it moved nothing."""

    pay_to: str | None
    amount_atomic: int
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One payment whose books and chain do not agree."""

    kind: str  # missing, extra or different
    payment: str
    why: str


@dataclass(slots=True)
class Result:
    """What one token of one network came to."""

    network: str
    asset: str
    from_block: int
    to_block: int
    booked: int = 0
    booked_atomic: int = 0
    chain_atomic: int = 0
    on_their_way: int = 0
    differences: list[Difference] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


async def reconcile(
    pool: Pool,
    *,
    network: str,
    asset: str,
    rpc_url: str,
    confirmations: int,
    from_block: int | None,
    to_block: int | None,
) -> Result:
    """Compare every payment in one token with the chain, payment by payment and in sum."""
    async with open_trusted_client(rpc_url) as session:
        web3 = AsyncWeb3(_Provider(session, rpc_url))
        head = await web3.eth.block_number
        books = await _books(pool, network, asset, from_block)
        start = from_block if from_block is not None else await _first_block(pool, network, asset)
        result = Result(network, asset, start, to_block if to_block is not None else head)
        chain = await _chain(web3, asset, books, result.from_block, result.to_block)
    for booked in books:
        _compare(booked, chain.get((booked.payer, booked.nonce)), result, head - confirmations)
    return result


def _compare(booked: Booked, moved: Moved | None, result: Result, deep_block: int) -> None:
    paid = moved is not None and moved.pay_to is not None
    is_posted = booked.posted_atomic == booked.amount_atomic
    if is_posted:
        result.booked += 1
    result.booked_atomic += booked.posted_atomic

    def differs(kind: str, why: str) -> None:
        result.differences.append(Difference(kind, str(booked.payment_id), why))

    if booked.posted_atomic not in {0, booked.amount_atomic}:
        differs("different", f"the ledger holds {booked.posted_atomic} atomic units of it")
    if not paid:
        if is_posted:
            differs("missing", "booked, and the chain has no such transfer")
        return
    assert moved is not None
    if moved.pay_to != booked.pay_to or moved.amount_atomic != booked.amount_atomic:
        differs("different", f"the chain moved {moved.amount_atomic} to {moved.pay_to}")
    elif is_posted and moved.transaction != booked.transaction:
        differs("different", f"the chain has it in 0x{moved.transaction.hex()}")
    elif not is_posted and moved.block <= deep_block and booked.money != "settled":
        differs("extra", f"paid in block {moved.block}, and not booked")
    if is_posted:
        result.chain_atomic += moved.amount_atomic
    else:
        result.on_their_way += 1


async def _books(pool: Pool, network: str, asset: str, from_block: int | None) -> list[Booked]:
    found = await rows(
        pool,
        """
        select p.id, p.payer, p.pay_to, p.amount_atomic, p.nonce, g.money, g.transaction,
               coalesce((select sum(case t.phase when 'post' then t.amount_atomic
                                                 when 'reverse' then -t.amount_atomic else 0 end)
                           from payments_transfer t where t.payment_id = p.id), 0)
          from payments_payment p join payments_progress g on g.payment_id = p.id
         where p.network = %(network)s and p.asset = %(asset)s
           and (%(from)s::bigint is null or coalesce(g.block_number, p.claimed_block) >= %(from)s)
         order by p.id
        """,
        {"network": network, "asset": asset, "from": from_block},
    )
    return [
        Booked(i, payer, pay_to, int(amount), bytes(nonce), money, int(posted), transaction)
        for i, payer, pay_to, amount, nonce, money, transaction, posted in found
    ]


async def _first_block(pool: Pool, network: str, asset: str) -> int:
    found = await rows(
        pool,
        "select min(claimed_block) from payments_payment where network = %s and asset = %s",
        (network, asset),
    )
    return max(0, int(found[0][0] or 0) - SEARCH_MARGIN_BLOCKS)


async def _chain(
    web3: AsyncWeb3[Any], asset: str, books: Sequence[Booked], start: int, end: int
) -> dict[tuple[str, bytes], Moved]:
    """Every use of one of our authorizations, with the transfer that followed it."""
    contract = web3.eth.contract(address=web3.to_checksum_address(asset), abi=_EVENTS)
    used = contract.events.AuthorizationUsed()
    wanted = {(booked.payer, booked.nonce) for booked in books}
    found: dict[tuple[str, bytes], Moved] = {}
    for payers in _chunks(sorted({payer for payer, _ in wanted})):
        for low in range(start, end + 1, BLOCKS_AT_ONCE):
            logs = await used.get_logs(
                argument_filters={"authorizer": payers},
                from_block=low,
                to_block=min(end, low + BLOCKS_AT_ONCE - 1),
            )
            transaction, following = b"", dict[int, LogReceipt]()
            for log in logs:
                if log["transactionHash"] != transaction:  # a batch holds hundreds of payments
                    transaction = bytes(log["transactionHash"])
                    following = await _following(web3, contract.address, log["transactionHash"])
                key = (str(log["args"]["authorizer"]), bytes(log["args"]["nonce"]))
                if key in wanted:
                    found[key] = _moved(contract, log, following.get(log["logIndex"]))
    return found


async def _following(
    web3: AsyncWeb3[Any], address: str, transaction_hash: Any
) -> dict[int, LogReceipt]:
    """For each log of the token in a transaction, the token's log that comes after it."""
    receipt = await web3.eth.get_transaction_receipt(transaction_hash)
    own = [log for log in receipt["logs"] if cast(str, log["address"]) == address]
    own.sort(key=lambda log: log["logIndex"])
    return {before["logIndex"]: after for before, after in pairwise(own)}


def _moved(contract: Any, used: Any, after: LogReceipt | None) -> Moved:
    """The transfer that a use was followed by, before any other use, in its own transaction."""
    transaction, block = bytes(used["transactionHash"]), int(used["blockNumber"])
    if after is not None and bytes(after["topics"][0]) == _TRANSFER:
        moved = contract.events.Transfer().process_log(after)["args"]
        if moved["from"] == used["args"]["authorizer"]:
            return Moved(str(moved["to"]), int(moved["value"]), transaction, block)
    return Moved(None, 0, transaction, block)


def _chunks(values: Sequence[str]) -> Iterator[list[str]]:
    for at in range(0, len(values), PAYERS_AT_ONCE):
        yield list(values[at : at + PAYERS_AT_ONCE])
