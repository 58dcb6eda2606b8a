"""Ledger against chain, read anew: what is missing, what is extra, what differs.

The chain is read by `token_logs`, which shares nothing with the settling's own bookkeeping.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from web3 import AsyncWeb3
from web3.types import LogReceipt

from payments.egress import open_trusted_client
from payments.pool import Pool, rows
from payments.token_logs import (
    BLOCKS_AT_ONCE,
    EVENTS,
    Moved,
    Provider,
    chunks,
    following,
    moved_by,
)
from payments.unknown_transfers import Ours, Unknown, find_unknown, ours_of, without_rows

SEARCH_MARGIN_BLOCKS = 20
UNKNOWN = "unknown"


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
class Difference:
    """One payment whose books and chain do not agree."""

    kind: str  # missing, extra, different or unknown
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
    lost: int = 0  # unknown ones that were written down as such
    differences: list[Difference] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)

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
        web3 = AsyncWeb3(Provider(session, rpc_url))
        head = await web3.eth.block_number
        books = await _books(pool, network, asset, from_block)
        start = from_block if from_block is not None else await _first_block(pool, network, asset)
        result = Result(network, asset, start, to_block if to_block is not None else head)
        chain = await _chain(web3, asset, books, result.from_block, result.to_block)
        ours = await ours_of(pool, network, asset)
        found = await find_unknown(web3, asset, ours, chain, result.from_block, result.to_block)
        for unknown in await without_rows(pool, network, found):
            _note_unknown(unknown, ours, result)
    for booked in books:
        _compare(booked, chain.get((booked.payer, booked.nonce)), result, head - confirmations)
    return result


def _note_unknown(unknown: Unknown, ours: Ours, result: Result) -> None:
    if (unknown.payer, unknown.nonce) in ours.lost:
        result.lost += 1
        return
    result.unknown.append(unknown)
    why = (
        f"our relayer moved {unknown.amount_atomic} from {unknown.payer} to {unknown.pay_to} in"
        f" 0x{unknown.transaction}, block {unknown.block}, and no payment here knows of it"
    )
    result.differences.append(Difference(UNKNOWN, unknown.nonce, why))


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
                           from payments_transfer t
                          where t.payment_id = p.id and t.debit like 'buyer:%%'), 0)
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
    contract = web3.eth.contract(address=web3.to_checksum_address(asset), abi=EVENTS)
    used = contract.events.AuthorizationUsed()
    wanted = {(booked.payer, booked.nonce) for booked in books}
    found: dict[tuple[str, bytes], Moved] = {}
    for payers in chunks(sorted({payer for payer, _ in wanted})):
        for low in range(start, end + 1, BLOCKS_AT_ONCE):
            logs = await used.get_logs(
                argument_filters={"authorizer": payers},
                from_block=low,
                to_block=min(end, low + BLOCKS_AT_ONCE - 1),
            )
            transaction, after = b"", dict[int, LogReceipt]()
            for log in logs:
                if log["transactionHash"] != transaction:  # a batch holds hundreds of payments
                    transaction = bytes(log["transactionHash"])
                    after = await following(web3, contract.address, log["transactionHash"])
                key = (str(log["args"]["authorizer"]), bytes(log["args"]["nonce"]))
                if key in wanted:
                    found[key] = moved_by(contract, log, after.get(log["logIndex"]))
    return found
