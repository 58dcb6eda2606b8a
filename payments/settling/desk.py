"""What the settling of one network works with: its chain, its terms, its keys, its database."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from payments.auditing.searched import Searched
from payments.chains import Call, Chain
from payments.database.pool import Pool, rows
from payments.live.wakeups import Bell
from payments.marks import LOOK_AGAIN, PUT_OFF
from payments.models import Money, Work
from payments.receipts.signing import Signer
from payments.relaying.passed_by import Waiting
from payments.relaying.relayer import Keyring
from payments.settling.ways import Way
from payments.states import Standing, State
from payments.x402.schemes import SCHEMES, Scheme
from payments.x402.types import Authorization

HAND_SECONDS = 5  # what is taken up to be sent is not taken again for so long


@dataclass(frozen=True, slots=True)
class NetworkTerms:
    """What the operator decided for one network."""

    network: str
    chain_id: int
    assets: frozenset[str]
    multicall: str
    confirmations: int
    fee_cap_wei: int
    batch_max: int
    block_seconds: float
    lag_seconds: float  # the node that tried a payment for its claim may have been so far behind
    settle_margin_seconds: int  # what a signature still needs once its answer is there
    stuck_seconds: float
    relayer_low_wei: int
    agree_above_atomic: int
    price_floor: Decimal
    lease_seconds: float  # a call without a sign of life for so long has lost its process
    take_up_seconds: float  # so long work that was paid upfront and dropped waits for its buyer

    def blocks_in(self, seconds: float) -> int:
        """How many blocks come in so long, at the most."""
        return math.ceil(seconds / self.block_seconds)

    def seconds_until_deep(self, depth: int) -> float:
        """When it is worth looking whether a block of this depth is deep enough: a bit early."""
        return max(0, self.confirmations - depth) * self.block_seconds * 0.8


@dataclass(frozen=True, slots=True)
class Desk:
    """One network's settling, as one process does it."""

    pool: Pool
    chain: Chain
    terms: NetworkTerms
    keyring: Keyring
    signer: Signer
    moved: Bell
    way: Way
    searched: Searched = field(default_factory=Searched)
    waiting: Waiting = field(default_factory=Waiting)


@dataclass(frozen=True, slots=True)
class Row:
    """A payment as the settling sees it."""

    payment_id: UUID
    work: Work
    money: Money
    version: int
    release: str
    scheme_name: str
    asset: str
    authorization: Authorization
    payer_has_code: bool
    claimed_block: int
    alone: bool
    relayer_id: int | None
    relayer_nonce: int | None
    facilitator: str | None
    transaction: bytes | None
    block_number: int | None
    block_hash: bytes | None
    ours_over: bool  # ours that carries it is in a block, or can never be in one
    lease_over: bool  # nobody is at work on it
    age_seconds: float  # since it was claimed
    put_off: bool  # it was tried, and did not go through

    @property
    def standing(self) -> Standing:
        return Standing(self.payment_id, self.version, self.state, self.release == "upfront")

    @property
    def is_sent(self) -> bool:
        """Whether its money is moved by us: for an answer or, upfront, before the call."""
        return self.work == Work.ANSWERED or (self.release == "upfront" and self.work == Work.OPEN)

    @property
    def state(self) -> State:
        return State(self.work, self.money)

    @property
    def is_paid(self) -> bool:
        return self.money in {Money.SETTLED, Money.CONFIRMED}

    @property
    def is_answered(self) -> bool:
        return self.work == Work.ANSWERED

    @property
    def is_sendable(self) -> bool:
        """Nobody has it, ours can do no more, or a facilitator has it, who may be asked again."""
        return self.money == Money.NONE or self.ours_over or self.facilitator is not None

    @property
    def is_handed_over(self) -> bool:
        """Somebody was given it to send: bytes that can still be mined may be about."""
        return self.relayer_nonce is not None or self.facilitator is not None

    @property
    def scheme(self) -> Scheme:
        return SCHEMES[self.scheme_name]

    @property
    def call(self) -> Call:
        return self.scheme.transfer_call(
            self.authorization, self.asset, payer_has_code=self.payer_has_code
        )


_ROW = """
    select p.id, g.work, g.money, g.version, p.release, p.scheme, p.asset,
           p.payer, p.pay_to, p.amount_atomic, p.valid_after, p.valid_before, p.nonce, p.signature,
           p.payer_has_code, p.claimed_block, g.alone, g.relayer_id, g.relayer_nonce,
           g.facilitator, g.transaction, g.block_number, g.block_hash,
           coalesce((select true from payments_broadcast b
                      where b.relayer_id = g.relayer_id and b.nonce = g.relayer_nonce
                        and (b.mined_block is not null or b.final_at is not null) limit 1), false),
           coalesce(g.lease_until < clock_timestamp(), true),
           extract(epoch from clock_timestamp() - p.created_at)::float8, g.put_off
      from payments_progress g join payments_payment p on p.id = g.payment_id
"""

# Who takes a row to send it says so where no index looks, so that the row stays in its page; who
# says that it is due anew, says so against that.
# `now()`, which an index can be asked for: with the clock itself as the bound, each look would
# read every payment that is not final yet. What waits for its depth only is not put off: two
# settlers who look at it do nothing twice, because a version moves once.
_UNTAKEN = """
        select payment_id from payments_progress
         where network = %(network)s and next_check_at <= now()
           and money not in ('settled', 'confirmed') and {which}
           and (taken_at is null or taken_at < next_check_at
                or taken_at < now() - make_interval(secs => %(hand)s))
         order by next_check_at limit %({most})s for update skip locked
"""
_TAKEN = """
    taken as (
        update payments_progress g
           set taken_at = clock_timestamp()
          from due where g.payment_id = due.payment_id
    )
"""
# Any number may have been tried in vain, and are due before whoever comes now: each kind has its
# own share, and nothing fresh waits behind them.
_TAKE = f"""
    with fresh as (
        {_UNTAKEN.format(which="work <> 'void' and not put_off", most="most")}
    ), tried as (
        {_UNTAKEN.format(which="work <> 'void' and put_off", most="most_tried")}
    ), due as (
        select payment_id from fresh union all select payment_id from tried
    ), {_TAKEN}, paid as (
        select payment_id from payments_progress
         where network = %(network)s and next_check_at <= now()
           and money in ('settled', 'confirmed')
         order by next_check_at limit %(most)s
    )
    {_ROW} where p.id in (select payment_id from due union all select payment_id from paid)
"""  # noqa: S608 - composed of our own constants only, here and below
# Calls that failed cost their senders nothing: however many there are, no buyer waits behind them.
_TAKE_VOIDS = f"""
    with due as ({_UNTAKEN.format(which="work = 'void'", most="most")}), {_TAKEN}
    {_ROW} where p.id in (select payment_id from due)
"""  # noqa: S608


def _row(found: Sequence[Any]) -> Row:
    (
        payment_id, work, money, version, release, scheme, asset, payer, pay_to, amount,
        valid_after, valid_before, nonce, signature, has_code, claimed_block, alone, relayer_id,
        relayer_nonce, facilitator, transaction, block_number, block_hash, ours_over, lease_over,
        age_seconds, put_off,
    ) = found  # fmt: skip
    authorization = Authorization(
        payer, pay_to, int(amount), valid_after, valid_before, nonce, signature or b""
    )
    return Row(
        payment_id, Work(work), Money(money), version, release, scheme, asset, authorization,
        has_code, claimed_block, alone, relayer_id, relayer_nonce, facilitator, transaction,
        block_number, block_hash, ours_over, lease_over, age_seconds, put_off,
    )  # fmt: skip


async def take_due(pool: Pool, network: str, *, most: int, most_tried: int) -> list[Row]:
    """The rows whose time has come: those to send that nobody else has in hand, and paid ones.

    Up to `most` fresh ones and as many paid ones, and `most_tried` that did not go through before.
    """
    return await _take(pool, _TAKE, network, most, most_tried)


async def take_voids(pool: Pool, network: str, *, most: int) -> list[Row]:
    """Those not charged whose time has come to be looked for on the chain."""
    return await _take(pool, _TAKE_VOIDS, network, most)


async def _take(
    pool: Pool, statement: str, network: str, most: int, most_tried: int = 0
) -> list[Row]:
    values = {"network": network, "most": most, "most_tried": most_tried, "hand": HAND_SECONDS}
    return [_row(each) for each in await rows(pool, statement, values)]


async def passengers(
    pool: Pool, numbers: Sequence[tuple[int, int]]
) -> dict[tuple[int | None, int | None], list[Row]]:
    """The payments that wait for these transaction numbers of ours (relayer, nonce), by number."""
    found = await rows(
        pool,
        _ROW + " join unnest(%s::bigint[], %s::bigint[]) as n(relayer, nonce)"
        " on g.relayer_id = n.relayer and g.relayer_nonce = n.nonce where g.money = 'broadcast'",
        ([relayer for relayer, _ in numbers], [nonce for _, nonce in numbers]),
    )
    aboard: dict[tuple[int | None, int | None], list[Row]] = defaultdict(list)
    for row in map(_row, found):
        aboard[row.relayer_id, row.relayer_nonce].append(row)
    return aboard


async def look_again(pool: Pool, ids: Sequence[UUID], seconds: float) -> None:
    """When to look at these rows next. No state changes, so no step is taken."""
    if ids:
        await rows(pool, LOOK_AGAIN, (list(ids), seconds))


async def put_off(pool: Pool, ids: Sequence[UUID], seconds: float) -> None:
    """The same for those taken that did not go through: they wait behind the others from now on."""
    if ids:
        await rows(pool, PUT_OFF, (list(ids), seconds))
