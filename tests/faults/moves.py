"""Buyers, sellers, settlers and reorgs at random, all at once, on the program's own moves."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID

from django.test import override_settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments import lookup
from payments.acceptance import answering, attempts, claiming
from payments.acceptance.answering import NewAnswer
from payments.acceptance.promise import Claim, Offer, Purchase
from payments.database.pool import Pool, one, rows
from payments.exposure.exposure import CapLimit
from payments.ids import new_id
from payments.live.wakeups import MONEY_MOVED, Bell
from payments.models import Money, Work
from payments.moves import move, seconds_from_now
from payments.receipts.signing import Signer
from payments.settling import desk as desks
from payments.settling import outcomes, settlement
from payments.settling.desk import Desk, Row
from payments.settling.evidence import Proof
from payments.states import State
from payments.wiring.networks import network_terms
from payments.x402.networks import checksum
from payments.x402.types import Authorization, Requirements
from tests.fixtures.purchases import NETWORK, TWINS, USDC

CHAIN_ID = 84_532
ACTORS = 6
ROUNDS = 30
AMOUNT = 2_000
ROOM_FOR = 12  # payments under the one cap
RELEASES = ("hold", "instant", "instant", "upfront")
TRUSTED_WITH = 5  # of them, before they are paid
PAYERS = 4
NAMES = 3  # that each of them may give to a purchase


def spent_cap(payer: str) -> CapLimit:
    """What a wallet spent in a day, as it is kept where its owner limits it."""
    return CapLimit(f"spent:{payer}:6:20260101", AMOUNT * 10_000, AMOUNT * 10_000)


def named_or_not(claim: Claim) -> Claim:
    """Every other buyer names a purchase, and forgets that they have used the name before."""
    first, second = claim.authorization.nonce[:2]
    return replace(claim, identifier_hash=bytes([second % NAMES]) * 32) if first % 2 else claim


@dataclass
class Play:
    """One marketplace's money, moved about by many who know only what they read a while ago."""

    desk: Desk
    random: Random
    offer: Offer
    purchase: Purchase
    cap: CapLimit
    relayer_id: int
    payers: list[str]
    claims: list[Claim] = field(default_factory=list)
    block: int = 1_000

    @property
    def pool(self) -> Pool:
        return self.desk.pool

    async def run(self, rounds: int = ROUNDS) -> None:
        await asyncio.gather(*(self._act(rounds) for _ in range(ACTORS)))
        due = await self._due(everything=True)
        await outcomes.receipt_anew(self.desk, [row for row in due if row.money == "confirmed"])

    async def _act(self, rounds: int) -> None:
        deeds: list[Callable[[], Awaitable[Any]]] = [
            self.claim, self.claim, self.answer, self.answer, self.void, self.reopen,
            self.settle_due, self.settle_due, self.settle_due, self.sweep, self.take_up,
        ]  # fmt: skip
        for _ in range(rounds):
            await self.random.choice(deeds)()

    async def _pause(self) -> None:
        """Let others in between a look and a move."""
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)

    async def claim(self) -> None:
        """A new payment, or one that was claimed before, alone or several in one statement."""
        members = [
            named_or_not(self.new_claim(release=self.random.choice(RELEASES)))
            for _ in range(self.random.randrange(1, 4))
        ]
        if self.claims and self.random.random() < 0.4:
            members.append(replace(self.random.choice(self.claims), payment_id=new_id()))
        self.claims += members
        lease = self.random.choice([0.0, 10.0])
        await claiming.claim_together(self.pool, members, lease_seconds=lease, twins=TWINS)

    def new_claim(self, payer: str = "", release: str = "instant") -> Claim:
        payer, nonce = payer or self.random.choice(self.payers), self.random.randbytes(32)
        told = CHAIN_ID.to_bytes(32, "big") + bytes.fromhex(USDC[2:] + payer[2:]) + nonce
        pay_to = self.offer.requirements.pay_to
        return Claim(
            offer=self.offer,
            purchase=replace(self.purchase, release=release),
            authorization=Authorization(payer, pay_to, AMOUNT, 0, 2**31, nonce, bytes(65)),
            identity=hashlib.sha256(told).digest()[:16],
            payer_has_code=False,
            identifier_hash=None,
            claimed_block=1,
            caps=(self.cap, self.payer_cap(payer), spent_cap(payer)),
        )

    def payer_cap(self, payer: str) -> CapLimit:
        return CapLimit(f"payer:{payer}", AMOUNT * ROOM_FOR, AMOUNT * 2)

    async def _held(self) -> lookup.Held | None:
        found = await rows(self.pool, "select payment_id from payments_progress")
        if not found:
            return None
        held = await lookup.by_id(self.pool, self.random.choice(sorted(found))[0])
        await self._pause()
        return held

    async def answer(self) -> None:
        """An upstream answers some attempt: this one, or one that is long over."""
        if held := await self._held():
            attempt = self.random.randrange(1, held.attempt + 1)
            body = self.random.randbytes(8)
            await answering.record_together(
                self.pool,
                [NewAnswer(held.payment_id, attempt, 200, (), "text/plain", body, 1)],
            )

    async def void(self) -> None:
        held = await self._held()
        if held and held.work == Work.OPEN and held.money != Money.BROADCAST:
            await attempts.void(
                self.pool, held.standing, why="not billable", detail={}, definite=True
            )

    async def reopen(self) -> None:
        held = await self._held()
        if held and held.work == Work.VOID and held.money == Money.NONE:
            await attempts.reopen(
                self.pool,
                held,
                (self.cap, self.payer_cap(held.payer)),
                lease_seconds=self.random.choice([0, 10]),
            )

    async def take_up(self) -> None:
        held = await self._held()
        if held and held.to_take_up:
            await attempts.take_up(
                self.pool, held.standing, lease_seconds=self.random.choice([0, 10])
            )

    async def sweep(self) -> None:
        await settlement.void_dead_leases(self.desk)

    async def settle_due(self) -> None:
        """What a settler does, with a chain that says anything that a chain may say."""
        due = await self._due()
        await self._pause()
        for row in due:
            await self._settle(row)

    async def _due(self, *, everything: bool = False) -> list[Row]:
        await rows(
            self.pool,
            # Chosen once: a plan may read the choice anew for each row, and chance is no order.
            "with chosen as materialized (select payment_id from payments_progress"
            " where closed_at is null"
            " and (work <> 'open' or payment_id in (select id from payments_payment"
            " where release = 'upfront')) and random() < %s order by payment_id"
            " for no key update)"
            " update payments_progress set next_check_at = clock_timestamp()"
            " where payment_id in (select payment_id from chosen)"
            " returning 1",
            (1.0 if everything else 0.5,),
        )
        most = 1_000 if everything else 20
        due = await desks.take_due(self.pool, NETWORK, most=most, most_tried=most)
        return due + await desks.take_voids(self.pool, NETWORK, most=most)

    async def _settle(self, row: Row) -> None:
        by_money: dict[Money, list[Callable[[Row], Awaitable[Any]]]] = {
            Money.NONE: [self._paid, self._fail],
            Money.BROADCAST: [self._paid, self._fail, self._board],
            Money.SETTLED: [self._confirm, self._confirm, self._uproot],
            Money.CONFIRMED: [self._uproot, self._receipt],
            Money.FAILED: [],
        }
        chances = by_money[row.money]
        if row.money == Money.CONFIRMED and row.work != Work.OPEN:
            chances = [*chances, self._close]
        if row.is_sent and row.money == Money.NONE:
            chances = [self._board, self._board, *chances]
        if chances:
            await self.random.choice(chances)(row)

    async def _board(self, row: Row) -> None:
        async with self.pool.connection() as connection, connection.transaction():
            cursor = await connection.execute(
                "update payments_relayer set next_nonce = next_nonce + 1 returning next_nonce"
            )
            found = await cursor.fetchone()
            assert found is not None
            await move(
                connection,
                row.standing,
                State(row.work, Money.BROADCAST),
                why="sent",
                relayer_id=self.relayer_id,
                relayer_nonce=found[0],
                next_check_at=seconds_from_now(0),
            )

    async def _paid(self, row: Row) -> None:
        self.block += 1
        proof = Proof(self.random.randbytes(32), self.block, self.random.randbytes(32))
        await outcomes.settle(self.desk, [(row, proof)], "paid on chain")

    async def _fail(self, row: Row) -> None:
        await outcomes.fail(self.desk, [row], "window over")

    async def _confirm(self, row: Row) -> None:
        await outcomes.confirm(self.desk, [row])

    async def _receipt(self, row: Row) -> None:
        await outcomes.receipt_anew(self.desk, [row])

    async def _uproot(self, row: Row) -> None:
        await outcomes.uproot(self.desk, row)

    async def _close(self, row: Row) -> None:
        """As the settlement does: what is closed is not looked at again, so its receipt is due."""
        await outcomes.receipt_anew(self.desk, [row])
        await outcomes.close(self.desk, [row])


async def open_play(pool: Pool, signer: Signer, seed: int) -> Play:
    chains = {NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC]}}
    with override_settings(CHAINS=chains):
        terms = network_terms(NETWORK)
    terms = replace(terms, block_seconds=0.01, take_up_seconds=0)
    bell = Bell(pool, MONEY_MOVED)
    desk = Desk(pool, None, terms, None, signer, bell, None)  # type: ignore[arg-type]
    pay_to = checksum(os.urandom(20))
    offer = Offer(
        new_id(), Requirements("exact", NETWORK, AMOUNT, USDC, pay_to, 300, {}), decimals=6
    )
    purchase = Purchase(
        new_id(), new_id(), "tests/play", "Play", bytes(32), "GET", "http://127.0.0.1/call/x",
        bytes(32), "instant", 7,
    )  # fmt: skip
    await one(
        pool,
        "insert into payments_openoffer (id, listing_id, revision_hash, network, scheme, asset,"
        " pay_to, amount_atomic, opened_at)"
        " values (%s, %s, %s, %s, 'exact', %s, %s, %s, clock_timestamp()) returning 1",
        (offer.id, purchase.listing_id, bytes(32), NETWORK, USDC, pay_to, AMOUNT),
    )
    found = await one(
        pool,
        "insert into payments_relayer (network, address, next_nonce, stopped_why)"
        " values (%s, %s, 0, '') returning id",
        (NETWORK, checksum(os.urandom(20))),
    )
    assert found is not None
    cap = CapLimit(f"play:{new_id()}", AMOUNT * ROOM_FOR, AMOUNT * TRUSTED_WITH)
    payers = [checksum(os.urandom(20)) for _ in range(PAYERS)]
    return Play(desk, Random(seed), offer, purchase, cap, found[0], payers)


async def most_at_risk(pool: Pool) -> tuple[int, list[UUID]]:
    """How many payments are out and not yet paid, and which."""
    found = await rows(
        pool,
        "select payment_id from payments_progress"
        " where work <> 'void' and money in ('none', 'broadcast')",
    )
    return len(found), [row[0] for row in found]
