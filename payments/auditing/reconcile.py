"""Ledger against chain, read anew: what is missing, what is extra, what differs.

The chain is read by `token_logs`, which shares nothing with the settling's own bookkeeping.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from web3 import AsyncWeb3
from web3.exceptions import Web3RPCError

from payments.auditing import token_logs
from payments.auditing.token_logs import EVENTS, Moved, Provider, Use, chunks, following, moved_by
from payments.auditing.unknown_transfers import Ours, Unknown, find_unknown, ours_of, without_rows
from payments.chains import ChainUnavailable
from payments.database.pool import Pool, rows
from payments.egress import open_trusted_client
from payments.relaying.gaps import Seen, look_up

SEARCH_MARGIN_BLOCKS = 20
# What is seen to be paid is booked once it is deep enough, within moments. So many times as deep,
# and not booked, something is stuck, whatever its row says.
DEPTHS_LATE = 10
BLOCKS_LATE_LEAST = 100
UNKNOWN = "unknown"
UNSEEN = "unseen"
NO_PAYMENT = frozenset({UNKNOWN, UNSEEN})  # kinds of differences that no payment of ours stands for
BY_FACILITATORS = (
    "payments that a facilitator settled and that are in no row here, as after a restore: it"
    " sends them under a key of its own, and the chain does not say for whom. Ask it for its list"
)


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
    """One payment whose books and chain do not agree, or a key that sent what nobody can see."""

    kind: str  # missing, extra, different, unknown or unseen
    payment: str  # its id; of an unknown one its nonce, of what is unseen the relayer
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
    not_covered: str = ""  # what no comparison can find here

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Due:
    """Up to which block payments must be booked, and those that a worker has seen meanwhile."""

    block: int
    seen_block: int


async def reconcile(
    pool: Pool,
    *,
    network: str,
    asset: str,
    rpc_url: str,
    confirmations: int,
    from_block: int | None,
    to_block: int | None,
    by_facilitators: bool,
) -> Result:
    """Compare every payment in one token with the chain, payment by payment and in sum.

    ChainUnavailable says that the question could not be asked: it is no difference.
    """
    try:
        async with open_trusted_client(rpc_url) as session:
            web3 = AsyncWeb3(Provider(session, rpc_url))
            return await _compared(
                web3, pool, network, asset, confirmations, from_block, to_block, by_facilitators
            )
    except Web3RPCError as error:
        raise ChainUnavailable(str(error)) from error


async def _compared(
    web3: AsyncWeb3[Any],
    pool: Pool,
    network: str,
    asset: str,
    confirmations: int,
    from_block: int | None,
    to_block: int | None,
    by_facilitators: bool,
) -> Result:
    head = await web3.eth.block_number
    start = from_block if from_block is not None else await _first_block(pool, network, asset)
    result = Result(network, asset, start, to_block if to_block is not None else head)
    books = await _books(pool, network, asset, from_block, result.to_block)
    result.not_covered = BY_FACILITATORS if by_facilitators else ""
    blocks = result.from_block, result.to_block
    chain = await _chain(web3, asset, books, *blocks)
    ours = await ours_of(pool, network, asset)
    gaps = await look_up(web3, pool, network, sorted(ours.relayers), *blocks)
    sent = {each for seen in gaps for each in seen.transactions.values()}
    found = await find_unknown(web3, asset, ours, chain, *blocks, sent)
    for unknown in await without_rows(pool, network, found):
        _note_unknown(unknown, ours, result)
    for seen in gaps:
        _note_unseen(seen, result)
    due = _Due(head - confirmations, head - max(DEPTHS_LATE * confirmations, BLOCKS_LATE_LEAST))
    for booked in books:
        _compare(booked, chain.get((booked.payer, booked.nonce)), result, due)
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


def _note_unseen(seen: Seen, result: Result) -> None:
    """Numbers of ours that no row and no node explains: whatever they paid for is missing."""
    if not seen.unseen:
        return
    gap = seen.gap
    why = (
        f"this relayer sent {gap.beyond - gap.first} transactions (numbers {gap.first} to"
        f" {gap.beyond - 1}) that are in no row, and the node cannot show {seen.unseen} of them:"
        " name a node that keeps old states (an archive node) first in RPC, and run reconcile again"
    )
    result.differences.append(Difference(UNSEEN, gap.relayer, why))


def _compare(booked: Booked, moved: Moved | None, result: Result, due: _Due) -> None:
    paid = moved is not None and moved.pay_to is not None
    is_posted = booked.posted_atomic == booked.amount_atomic
    due_block = due.seen_block if booked.money == "settled" else due.block
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
    elif not is_posted and moved.block <= due_block:
        differs("extra", f"paid in block {moved.block}, and not booked")
    if is_posted:
        result.chain_atomic += moved.amount_atomic
    else:
        result.on_their_way += 1


async def _books(
    pool: Pool, network: str, asset: str, from_block: int | None, to_block: int
) -> list[Booked]:
    """What is booked in these blocks, and whatever is in none yet."""
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
           and (g.block_number is null or g.block_number <= %(to)s)
         order by p.id
        """,
        {"network": network, "asset": asset, "from": from_block, "to": to_block},
    )
    return [
        Booked(i, payer, pay_to, int(amount), bytes(nonce), money, int(posted), transaction)
        for i, payer, pay_to, amount, nonce, money, transaction, posted in found
    ]


async def _first_block(pool: Pool, network: str, asset: str) -> int:
    found = await rows(
        pool,
        "select min(least(p.claimed_block, g.block_number)) from payments_payment p"
        " join payments_progress g on g.payment_id = p.id where p.network = %s and p.asset = %s",
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
    uses: dict[bytes, list[Use]] = defaultdict(list)
    for payers in chunks(sorted({payer for payer, _ in wanted})):
        async for logs in token_logs.found(used, {"authorizer": payers}, start, end):
            for use in map(Use.of, logs):
                if (use.payer, use.nonce) in wanted:
                    uses[use.transaction].append(use)
    found: dict[tuple[str, bytes], Moved] = {}
    # Each transaction is read once: a batch holds hundreds of payments, of as many payers.
    for transaction, its in uses.items():
        after = await following(web3, contract.address, transaction)
        for use in its:
            found[use.payer, use.nonce] = moved_by(contract, use, after.get(use.place))
    return found
