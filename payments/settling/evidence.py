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

from payments.chains import Block, Chain, ChainUnavailable, FoundLog, TransactionReceipt
from payments.settling.desk import Row
from payments.x402.types import Evidence, Finding

log = logging.getLogger(__name__)

SOUGHT_TOGETHER = 50  # topics in one search; some nodes take no more than a hundred or so


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


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought to light."""

    ends: dict[UUID, End]
    absent: set[UUID]  # those of whom nothing is in the blocks that were searched


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
            # One node may answer twice, and otherwise: what is believed is what they agree on.
            if agreed is None or agreed.outcome != receipt.outcome:
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


async def find_ends(
    chain: Chain, sought: Sequence[tuple[Row, int]], head: Block, *, agree_above_atomic: int
) -> Found:
    """Search the chain, for each from its own block up to the head, for how authorizations ended.

    A node that keeps its logs to itself leaves the question open, and holds up nobody else.
    """
    by_kind: dict[tuple[str, str], list[tuple[Row, int]]] = defaultdict(list)
    for row, start in sorted(sought, key=lambda each: each[1]):
        by_kind[row.scheme_name, row.asset].append((row, start))
    found = Found({}, set())
    for group in by_kind.values():
        for at in range(0, len(group), SOUGHT_TOGETHER):
            some = [row for row, _ in group[at : at + SOUGHT_TOGETHER]]
            start = group[at][1]  # the lowest of them
            try:
                some_found = await _search(chain, some, start, head, agree_above_atomic)
            except ChainUnavailable as error:
                names = ", ".join(str(row.payment_id) for row in some)
                log.warning("the end of %s is not known yet: %s", names, error)
            else:
                found = Found(found.ends | some_found.ends, found.absent | some_found.absent)
    return found


async def _search(
    chain: Chain, rows: Sequence[Row], start: int, head: Block, agree_above_atomic: int
) -> Found:
    """The same for payments in one token: all in one search."""
    sought = [row.scheme.cancelled_or_used(row.authorization) for row in rows]
    payers = list(dict.fromkeys(payer for _, payer, _ in sought))
    nonces = list(dict.fromkeys(nonce for _, _, nonce in sought))
    topics = [sought[0][0], payers, nonces]
    logs = await chain.logs(rows[0].asset, topics, start, head.number)
    ends = await _read(chain, rows, logs, agree_above_atomic)
    # What was seen and cannot be read or trusted yet is not absent: it is searched for again.
    seen = {each.entry.topics[1:3] for each in logs}
    absent = {
        row.payment_id
        for row, (_, payer, nonce) in zip(rows, sought, strict=True)
        if (payer, nonce) not in seen
    }
    return Found(ends, absent)


async def _read(
    chain: Chain, rows: Sequence[Row], logs: Sequence[FoundLog], agree_above_atomic: int
) -> dict[UUID, End]:
    """What the transactions that hold these events say, as far as they can be trusted."""
    receipts = await chain.receipts(list(dict.fromkeys(each.transaction for each in logs)))
    told = [(each, read_receipts(rows, each)) for each in receipts if each is not None]
    told = [(receipt, read) for receipt, read in told if read]
    amounts = {row.payment_id: row.authorization.amount_atomic for row in rows}
    trusted = await trusted_receipts(
        chain,
        [(receipt, max(amounts[each] for each in read)) for receipt, read in told],
        agree_above_atomic=agree_above_atomic,
    )
    ends: dict[UUID, End] = {}
    for (_, read), is_trusted in zip(told, trusted, strict=True):
        if is_trusted:
            ends = read | ends  # the first one stands
    return ends
