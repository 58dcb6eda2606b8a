"""Transfers that our own relayer made and no row knows: they were lost with a database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from web3 import AsyncWeb3

from payments.auditing import token_logs
from payments.auditing.token_logs import EVENTS, USED, Moved, Use, chunks, moved_by
from payments.database.pool import Pool, rows


@dataclass(frozen=True, slots=True)
class Unknown:
    """A transfer that our own relayer made and no row knows: it was lost with a database."""

    payer: str
    pay_to: str
    amount_atomic: int
    nonce: str
    transaction: str
    block: int


@dataclass(frozen=True, slots=True)
class Ours:
    """Who sends for us, who is paid here, and whatever we know of authorizations."""

    relayers: frozenset[str]
    payees: tuple[str, ...]
    lost: frozenset[tuple[str, str]]  # payer and nonce of what was written down as lost


async def ours_of(pool: Pool, network: str, asset: str) -> Ours:
    """Read from the rows who sends and who is paid on a network."""
    relayers = await rows(
        pool, "select address from payments_relayer where network = %s", (network,)
    )
    payees = await rows(
        pool,
        "select distinct pay_to from payments_payment where network = %(network)s"
        " and asset = %(asset)s union select distinct pay_to from payments_openoffer"
        " where network = %(network)s and asset = %(asset)s",
        {"network": network, "asset": asset},
    )
    lost = await rows(
        pool,
        "select payer, encode(nonce, 'hex') from payments_lostpayment"
        " where network = %s and asset = %s",
        (network, asset),
    )
    return Ours(
        frozenset(address.lower() for (address,) in relayers),
        tuple(sorted(payee for (payee,) in payees)),
        frozenset((payer, nonce) for payer, nonce in lost),
    )


async def find_unknown(
    web3: AsyncWeb3[Any],
    asset: str,
    ours: Ours,
    chain: Mapping[tuple[str, bytes], Moved],
    start: int,
    end: int,
    sent: Collection[bytes],
) -> list[Unknown]:
    """Transfers that our relayers made, by authorizations that no row has.

    Looked for are those to whoever is known to be paid here, and, whoever was paid by them, all
    in the transactions that our relayers `sent` under numbers of which no row is left.
    """
    contract = web3.eth.contract(address=web3.to_checksum_address(asset), abi=EVENTS)
    known = Counter(moved.transaction for moved in chain.values())
    seen: Counter[bytes] = Counter()
    for payees in chunks(ours.payees):
        to_them = contract.events.Transfer()
        async for logs in token_logs.found(to_them, {"to": payees}, start, end):
            seen.update(bytes(log["transactionHash"]) for log in logs)
    # One more than we know of: who sent it?
    more = {each for each, transfers in seen.items() if transfers > known[each]}
    found: list[Unknown] = []
    for transaction in sorted(more.union(sent)):
        found += await _unknown_in(web3, contract, ours, chain, transaction)
    return found


async def without_rows(pool: Pool, network: str, found: Sequence[Unknown]) -> list[Unknown]:
    """Those that really are in no row: a comparison of some blocks sees only their payments."""
    if not found:
        return []
    known = await rows(
        pool,
        "select payer, encode(nonce, 'hex') from payments_payment"
        " where network = %s and payer = any(%s) and encode(nonce, 'hex') = any(%s)",
        (network, [each.payer for each in found], [each.nonce for each in found]),
    )
    return [each for each in found if (each.payer, each.nonce) not in set(known)]


async def _unknown_in(
    web3: AsyncWeb3[Any],
    contract: Any,
    ours: Ours,
    chain: Mapping[tuple[str, bytes], Moved],
    transaction: bytes,
) -> list[Unknown]:
    receipt = await web3.eth.get_transaction_receipt(cast(Any, transaction))
    if str(receipt["from"]).lower() not in ours.relayers:
        return []
    found = []
    for before, after in token_logs.pairs_in(receipt, contract.address):
        if bytes(before["topics"][0]) != USED:
            continue
        use = Use.of(contract.events.AuthorizationUsed().process_log(before))
        moved = moved_by(contract, use, after)
        if (use.payer, use.nonce) not in chain and moved.pay_to is not None:
            found.append(
                Unknown(
                    use.payer, moved.pay_to, moved.amount_atomic, use.nonce.hex(),
                    transaction.hex(), moved.block,
                )
            )  # fmt: skip
    return found
