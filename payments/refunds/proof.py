"""What the chain says of a refund: a transfer of the same token to the wallet that paid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from payments.chains import Chain, LogEntry, TransactionReceipt
from payments.settling.evidence import trusted_receipts
from payments.x402.abi import address_word
from payments.x402.networks import checksum
from payments.x402.schemes.exact_eip3009 import TOPIC_TRANSFER, TOPIC_USED


@dataclass(frozen=True, slots=True)
class Back:
    """One transfer in a transaction's events; `nonce` when an authorization moved it."""

    sender: str
    amount_atomic: int
    place: int
    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a transaction: its receipt, and whether that may be believed now.

    `stands` says whether the block in which it was seen before is still the chain's own; a node
    that lags behind and does not know the transaction says nothing of that.
    """

    receipt: TransactionReceipt | None
    is_trusted: bool
    stands: bool
    head: int
    final: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A transaction to look at, what is at stake, and the block it was seen in."""

    transaction: bytes
    amount_atomic: int
    seen_in: tuple[int, bytes] | None


async def look_at(
    chain: Chain, watched: Sequence[Watched], *, agree_above_atomic: int
) -> list[Sight]:
    """Look at transactions, all at the same head."""
    head = await chain.head()
    final = await chain.block("finalized")
    receipts = await chain.receipts([each.transaction for each in watched])
    mined = [
        (receipt, each.amount_atomic)
        for receipt, each in zip(receipts, watched, strict=True)
        if receipt is not None
    ]
    trusted = iter(await trusted_receipts(chain, mined, agree_above_atomic=agree_above_atomic))
    sights = []
    for receipt, each in zip(receipts, watched, strict=True):
        stands = each.seen_in is not None and await chain.is_canonical(*each.seen_in)
        is_trusted = receipt is not None and next(trusted)
        final_number = 0 if final is None else final.number
        sights.append(Sight(receipt, is_trusted, stands, head.number, final_number))
    return sights


def transfers_to(receipt: TransactionReceipt, asset: str, payer: str) -> Iterator[Back]:
    """Every transfer of a token to a wallet in one transaction.

    The place counts from the transaction's first event: after a reorg it is still the same.
    """
    wanted, first = address_word(payer), min((log.index for log in receipt.logs), default=0)
    used: LogEntry | None = None
    for log in sorted(receipt.logs, key=lambda log: log.index):
        if log.address.lower() != asset.lower() or not log.topics:
            continue
        if log.topics[0] == TOPIC_USED:
            used = log
        elif log.topics[0] == TOPIC_TRANSFER and len(log.topics) == 3 and len(log.data) == 32:
            if log.topics[2] == wanted:
                nonce = used.topics[2] if used and used.topics[1] == log.topics[1] else None
                sender = checksum(log.topics[1][12:])
                yield Back(sender, int.from_bytes(log.data), log.index - first, nonce)
            used = None


async def find_exact(
    chain: Chain,
    asset: str,
    senders: Collection[str],
    payer: str,
    amount_atomic: int,
    blocks: tuple[int, int],
) -> Counter[bytes]:
    """The transactions in these blocks that moved exactly so much from a seller to a payer."""
    topics = (TOPIC_TRANSFER, [address_word(each) for each in senders], address_word(payer))
    found = await chain.logs(asset, topics, *blocks)
    return Counter(
        log.transaction for log in found if int.from_bytes(log.entry.data) == amount_atomic
    )
