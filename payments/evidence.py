"""What the chain says became of an authorization, whoever sent the transaction.

Only this is evidence: a canonical block that holds the events. A revert of ours, a timeout, an
error of a node say nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from payments.chains import Block, Chain, ChainUnavailable, TransactionReceipt
from payments.desk import Row
from payments.x402.types import Evidence, Finding

log = logging.getLogger(__name__)

SEARCH_MARGIN_BLOCKS = 20  # a node that answered the claim may have lagged


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the money moved: a canonical transaction with both events of this payment."""

    transaction: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class End:
    """An authorization's end on chain: paid with proof, or ended without paying us."""

    proof: Proof | None
    block_number: int
    word: str


async def trusted_receipt(
    chain: Chain, receipt: TransactionReceipt, *, amount_atomic: int, agree_above_atomic: int
) -> bool:
    """Whether its block is the chain's own; large amounts ask every configured endpoint."""
    found = [(receipt, amount_atomic)]
    return (await trusted_receipts(chain, found, agree_above_atomic=agree_above_atomic))[0]


async def trusted_receipts(
    chain: Chain,
    found: Sequence[tuple[TransactionReceipt, int]],
    *,
    agree_above_atomic: int,
    head: Block | None = None,
) -> list[bool]:
    """The same for many, each with the largest amount it carries; a block is asked for once.

    Where endpoints disagree, or one is silent, the question stays open for this receipt alone:
    the payments that need no second word must not wait for it. Of the `head` the chain has just
    said that it is its own.
    """
    blocks: dict[tuple[int, bytes], bool] = {}
    if head is not None:
        blocks[head.number, head.hash] = True

    async def is_trusted(receipt: TransactionReceipt, amount_atomic: int) -> bool:
        if amount_atomic >= agree_above_atomic:
            agreed = await chain.agreed_receipt(receipt.transaction)
            if agreed is None or agreed.block_hash != receipt.block_hash:
                return False
        place = receipt.block_number, receipt.block_hash
        if place not in blocks:
            blocks[place] = await chain.is_canonical(*place)
        return blocks[place]

    answers: list[bool] = []
    for receipt, amount_atomic in found:
        try:
            answers.append(await is_trusted(receipt, amount_atomic))
        except ChainUnavailable as error:
            name = receipt.transaction.hex()
            log.warning("the receipt of 0x%s proves nothing yet: %s", name, error)
            answers.append(False)
    return answers


def read_receipt(row: Row, receipt: TransactionReceipt) -> End | None:
    """What one mined transaction says of one payment; None when it says nothing."""
    return read_receipts([row], receipt).get(row.payment_id)


def read_receipts(rows: Sequence[Row], receipt: TransactionReceipt) -> dict[UUID, End]:
    """What one mined transaction says of those payments that it says something of."""
    by_kind: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_kind[row.scheme_name, row.asset].append(row)
    ends: dict[UUID, End] = {}
    for (_, asset), group in by_kind.items():
        authorizations = [row.authorization for row in group]
        found = group[0].scheme.find_transfers(receipt.logs, authorizations, asset)
        for row, finding in zip(group, found, strict=True):
            if (end := _end(finding, receipt)) is not None:
                ends[row.payment_id] = end
    return ends


def _end(finding: Finding, receipt: TransactionReceipt) -> End | None:
    if receipt.status == 1 and finding.evidence is Evidence.PAID:
        proof = Proof(receipt.transaction, receipt.block_number, receipt.block_hash)
        return End(proof, receipt.block_number, "paid on chain")
    if receipt.status == 1 and finding.evidence in {Evidence.CANCELLED, Evidence.SPENT_ELSEWHERE}:
        return End(None, receipt.block_number, finding.evidence.value)
    return None


async def find_end(chain: Chain, row: Row, *, agree_above_atomic: int) -> End | None:
    """Search the chain from the claim's block for the end of an authorization.

    A node that keeps its logs to itself leaves the question open, and holds up nobody else.
    """
    try:
        return await _search_end(chain, row, agree_above_atomic=agree_above_atomic)
    except ChainUnavailable as error:
        log.warning("the end of %s is not known yet: %s", row.payment_id, error)
        return None


async def _search_end(chain: Chain, row: Row, *, agree_above_atomic: int) -> End | None:
    head = await chain.head()
    start = max(0, row.claimed_block - SEARCH_MARGIN_BLOCKS)
    topics = row.scheme.cancelled_or_used(row.authorization)
    for found in await chain.logs(row.asset, topics, start, head.number):
        receipt = (await chain.receipts([found.transaction]))[0]
        if receipt is None:
            continue
        end = read_receipt(row, receipt)
        if end and await trusted_receipt(
            chain,
            receipt,
            amount_atomic=row.authorization.amount_atomic,
            agree_above_atomic=agree_above_atomic,
        ):
            return end
    return None
