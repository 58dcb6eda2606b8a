"""The claim's one statement: at most one an identity, never above a cap, whoever comes together."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from payments import lookup
from payments.acceptance.answering import NewAnswer, record_together
from payments.acceptance.attempts import Reopening, reopen, void
from payments.acceptance.claiming import ClaimVerdict, claim_together
from payments.acceptance.promise import Claim
from payments.database.pool import one, open_pool, rows
from payments.exposure import risk
from payments.exposure.exposure import CapLimit, Exposure, Trust
from payments.ids import new_id
from payments.models import Money
from payments.receipts.signing import Signer
from payments.settling import desk as desks
from payments.settling import outcomes
from payments.settling.evidence import Proof
from payments.x402.networks import checksum
from tests.faults.invariants import check
from tests.faults.moves import ROOM_FOR, TRUSTED_WITH, Play, open_play
from tests.fixtures.purchases import NETWORK, TWINS, USDC, sql_url
from tests.fixtures.stack import PATIENCE_SECONDS


@pytest.fixture
async def play(transactional_db: None, receipt_signer: Signer) -> AsyncIterator[Play]:
    pool = await open_pool(sql_url(), size_max=12)
    yield await open_play(pool, receipt_signer, seed=0)
    await pool.close()
    check(sql_url())


WAITING = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and wait_event_type = 'Lock'"
)


def somebody() -> str:
    return checksum(os.urandom(20))


async def all_wait(play: Play, count: int) -> None:
    """Until so many wait for a lock."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await one(play.pool, WAITING) != (count,):
            await asyncio.sleep(0.01)


async def at_the_same_time(play: Play, askers: Sequence[list[Claim]]) -> Counter[ClaimVerdict]:
    """Each claim has begun before any may go on: their counter is held until all wait for it."""
    await risk.make_room(play.pool, {play.cap.key})
    async with await psycopg.AsyncConnection.connect(sql_url()) as holder:
        await holder.execute("select from payments_cap where key = %s for update", (play.cap.key,))
        asking = [
            asyncio.create_task(claim_together(play.pool, members, lease_seconds=10, twins=TWINS))
            for members in askers
        ]
        await all_wait(play, len(asking))
    return Counter(verdict for each in await asyncio.gather(*asking) for verdict in each)


async def test_twins_in_one_statement_are_one_claim(play: Play) -> None:
    claim = play.new_claim()
    twins = [claim, replace(claim, payment_id=new_id())]

    verdicts = await claim_together(play.pool, twins, lease_seconds=10, twins=TWINS)

    assert verdicts == [ClaimVerdict.TAKEN, ClaimVerdict.OURS_ALREADY]


async def test_twins_in_two_processes_are_one_claim(play: Play) -> None:
    """Told what they are, and not that a cap is reached."""
    claim = play.new_claim()
    twins = [[replace(claim, payment_id=new_id())] for _ in range(4)]

    verdicts = await at_the_same_time(play, twins)

    assert verdicts == {ClaimVerdict.TAKEN: 1, ClaimVerdict.OURS_ALREADY: 3}


NAME = b"\1" * 32


def named(play: Play, payer: str, *, keep_days: int = 7, name: bytes = NAME) -> Claim:
    claim = play.new_claim(payer)
    bought = replace(claim.purchase, answer_keep_days=keep_days)
    return replace(claim, purchase=bought, identifier_hash=name)


async def test_of_two_with_one_identifier_in_one_statement_one_is_claimed(play: Play) -> None:
    payer = somebody()
    first = named(play, payer)
    again = replace(first, payment_id=new_id())
    members = [first, again, named(play, payer), named(play, somebody())]
    members.append(named(play, payer, name=b"\2" * 32))

    verdicts = await claim_together(play.pool, members, lease_seconds=10, twins=TWINS)

    assert verdicts == [
        ClaimVerdict.TAKEN,
        ClaimVerdict.OURS_ALREADY,
        ClaimVerdict.HAS_TWIN,
        ClaimVerdict.TAKEN,
        ClaimVerdict.TAKEN,
    ]


async def test_of_many_with_one_identifier_in_many_processes_one_is_claimed(play: Play) -> None:
    payer = somebody()
    askers = [[named(play, payer), play.new_claim()] for _ in range(4)]

    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {ClaimVerdict.TAKEN: 5, ClaimVerdict.HAS_TWIN: 3}


async def test_an_identifier_stands_for_what_was_bought_as_long_as_its_answer_is_kept(
    play: Play,
) -> None:
    kept, gone = somebody(), somebody()
    first = [named(play, kept), named(play, gone, keep_days=0)]
    await claim_together(play.pool, first, lease_seconds=10, twins=TWINS)
    for claim in first:
        await end(play, claim, Money.SETTLED, Money.CONFIRMED)

    later = [named(play, kept), named(play, gone)]
    verdicts = await claim_together(play.pool, later, lease_seconds=10, twins=TWINS)

    assert verdicts == [ClaimVerdict.HAS_TWIN, ClaimVerdict.TAKEN_ON_TRUST]


async def voided(play: Play, claim: Claim) -> lookup.Held:
    await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS)
    held = await lookup.by_id(play.pool, claim.payment_id)
    assert held is not None
    assert await void(play.pool, held.standing, why="cut", detail={}, definite=True)
    again = await lookup.by_id(play.pool, claim.payment_id)
    assert again is not None
    return again


async def test_an_identifier_whose_call_was_not_charged_is_free_again(play: Play) -> None:
    not_done, unpaid = somebody(), somebody()
    await voided(play, named(play, not_done))
    first = named(play, unpaid)
    await claim_together(play.pool, [first], lease_seconds=10, twins=TWINS)
    await end(play, first, Money.FAILED)

    later = [named(play, not_done), named(play, unpaid)]
    verdicts = await claim_together(play.pool, later, lease_seconds=10, twins=TWINS)

    assert verdicts == [ClaimVerdict.TAKEN, ClaimVerdict.TAKEN]


@pytest.mark.parametrize("name", [NAME, b"\2" * 32], ids=["the same", "another"])
async def test_a_voided_payment_is_not_tried_again_once_another_bought_under_its_identifier(
    play: Play, name: bytes
) -> None:
    payer = somebody()
    first = named(play, payer)
    held = await voided(play, first)
    await claim_together(play.pool, [named(play, payer, name=name)], lease_seconds=10, twins=TWINS)

    again = await reopen(play.pool, held, first.caps, lease_seconds=10)

    assert again is (Reopening.NAME_TAKEN if name == NAME else Reopening.REOPENED)


async def test_a_cap_admits_exactly_what_fits(play: Play) -> None:
    askers = [[play.new_claim(somebody()) for _ in range(10)] for _ in range(10)]

    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {
        ClaimVerdict.TAKEN: ROOM_FOR,
        ClaimVerdict.CAP_REACHED: 100 - ROOM_FOR,
    }


async def test_a_closed_offer_admits_nothing(play: Play) -> None:
    async with play.pool.connection() as connection:
        await connection.execute("update payments_openoffer set closed_at = clock_timestamp()")

    verdicts = await claim_together(play.pool, [play.new_claim()], lease_seconds=10, twins=TWINS)

    assert verdicts == [ClaimVerdict.OFFER_CLOSED]


async def earn(play: Play, payer: str, times: int) -> None:
    """Payments of this payer that went all the way, as the settlement moves them."""
    for _ in range(times):
        claim = play.new_claim(payer)
        assert await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS)
        await end(play, claim, Money.SETTLED, Money.CONFIRMED)


async def end(play: Play, claim: Claim, *moneys: Money) -> None:
    answer = NewAnswer(claim.payment_id, 1, 200, (), "text/plain", b"here", 1)
    await record_together(play.pool, [answer])
    for money in moneys:
        await look_now(play)
        due = await desks.take_due(play.pool, NETWORK, most=100, most_tried=0)
        row = next(row for row in due if row.payment_id == claim.payment_id)
        if money == Money.SETTLED:
            await outcomes.settle(play.desk, [(row, Proof(os.urandom(32), 1, bytes(32)))], "paid")
        elif money == Money.CONFIRMED:
            await outcomes.confirm(play.desk, [row])
        else:
            await outcomes.fail(play.desk, [row], "window over")


async def look_now(play: Play) -> None:
    await rows(
        play.pool,
        "update payments_progress set next_check_at = clock_timestamp()"
        " where closed_at is null and work <> 'open' returning 1",
    )


async def test_nobody_is_trusted_before_a_payment_of_theirs_is_final(play: Play) -> None:
    payer = somebody()
    claim = play.new_claim(payer)
    assert await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS) == [
        ClaimVerdict.TAKEN
    ]
    await end(play, claim, Money.SETTLED)
    paid = play.new_claim(payer)
    assert await claim_together(play.pool, [paid], lease_seconds=10, twins=TWINS) == [
        ClaimVerdict.TAKEN
    ]
    await end(play, claim, Money.CONFIRMED)

    verdicts = await claim_together(
        play.pool, [play.new_claim(payer)], lease_seconds=10, twins=TWINS
    )

    assert verdicts == [ClaimVerdict.TAKEN_ON_TRUST]


async def test_a_payer_is_trusted_with_what_they_paid_and_with_no_more_than_the_cap(
    play: Play,
) -> None:
    """The cap of a payer here is two calls, of this listing five."""
    one_paid, three_paid = somebody(), somebody()
    await earn(play, one_paid, 1)
    await earn(play, three_paid, 3)

    askers = [[play.new_claim(one_paid)] for _ in range(3)]
    askers += [[play.new_claim(three_paid)] for _ in range(4)]
    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {ClaimVerdict.TAKEN_ON_TRUST: 3, ClaimVerdict.TAKEN: 4}


async def test_the_cap_of_a_listing_bounds_all_its_payers_together(play: Play) -> None:
    payers = [somebody() for _ in range(TRUSTED_WITH + 3)]
    for payer in payers:
        await earn(play, payer, 1)
    strangers = [play.new_claim(somebody()) for _ in range(2)]

    askers = [strangers, *([play.new_claim(payer)] for payer in payers)]
    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {ClaimVerdict.TAKEN_ON_TRUST: TRUSTED_WITH, ClaimVerdict.TAKEN: 5}


async def test_strangers_in_the_same_statement_take_no_room_of_those_who_are_trusted(
    play: Play,
) -> None:
    payer = somebody()
    await earn(play, payer, 1)
    members = [play.new_claim(somebody()) for _ in range(TRUSTED_WITH + 1)]

    verdicts = await claim_together(
        play.pool, [*members, play.new_claim(payer)], lease_seconds=10, twins=TWINS
    )

    assert verdicts == [*([ClaimVerdict.TAKEN] * len(members)), ClaimVerdict.TAKEN_ON_TRUST]


async def test_the_first_answer_that_is_not_paid_ends_the_trust_for_good(play: Play) -> None:
    payer = somebody()
    await earn(play, payer, 2)
    stolen = play.new_claim(payer)
    assert await claim_together(play.pool, [stolen], lease_seconds=10, twins=TWINS) == [
        ClaimVerdict.TAKEN_ON_TRUST
    ]
    await end(play, stolen, Money.FAILED)
    await earn(play, payer, 2)

    verdicts = await claim_together(
        play.pool, [play.new_claim(payer)], lease_seconds=10, twins=TWINS
    )

    assert verdicts == [ClaimVerdict.TAKEN]


async def test_what_was_lost_takes_up_room_until_it_is_forgiven(play: Play) -> None:
    """So the cap bounds what a listing can lose in that time, whoever the payers are."""
    payers = [somebody() for _ in range(TRUSTED_WITH + 1)]
    for payer in payers:
        await earn(play, payer, 1)
    for payer in payers[:-1]:
        stolen = play.new_claim(payer)
        await claim_together(play.pool, [stolen], lease_seconds=10, twins=TWINS)
        await end(play, stolen, Money.FAILED)
    assert await claim_together(
        play.pool, [play.new_claim(payers[-1])], lease_seconds=10, twins=TWINS
    ) == [ClaimVerdict.TAKEN]
    check(sql_url())
    assert not await risk.forgive(play.pool, after_seconds=3600), "it is too early"

    assert await risk.forgive(play.pool, after_seconds=0)

    assert await claim_together(
        play.pool, [play.new_claim(payers[-1])], lease_seconds=10, twins=TWINS
    ) == [ClaimVerdict.TAKEN_ON_TRUST]
    assert not await risk.forgive(play.pool, after_seconds=0), "once is enough"


async def test_a_second_attempt_waits_for_its_money(play: Play) -> None:
    payer = somebody()
    await earn(play, payer, 1)
    claim = play.new_claim(payer)
    await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS)
    held = await lookup.by_id(play.pool, claim.payment_id)
    assert held is not None
    assert held.on_trust
    assert await void(play.pool, held.standing, why="cut", detail={}, definite=True)
    check(sql_url())
    held = await lookup.by_id(play.pool, claim.payment_id)
    assert held is not None

    again = await reopen(play.pool, held, claim.caps, lease_seconds=10)

    assert again is Reopening.REOPENED
    held = await lookup.by_id(play.pool, claim.payment_id)
    assert held is not None
    assert not held.on_trust


def test_a_call_above_the_price_that_may_be_instant_is_never_trusted() -> None:
    trust = Trust(Decimal("0.10"), payer=Decimal(1), listing=Decimal(10), site=Decimal(80))
    exposure = Exposure(Decimal(100), Decimal(1000), Decimal(10000), 8, trust)
    who = {"network": NETWORK, "asset": USDC, "decimals": 6, "payer": "0x" + "1" * 40}

    def caps(amount: int) -> tuple[CapLimit, ...]:
        return exposure.caps(**who, listing_id=new_id(), amount=amount, purse=10**12)

    cheap, dear = caps(100_000), caps(100_001)

    assert [cap.on_trust_atomic for cap in cheap] == [10_000_000, 1_000_000, 10_000_000]
    assert [cap.on_trust_atomic for cap in dear] == [0, 0, 0]
    assert [cap.limit_atomic for cap in cheap] == [cap.limit_atomic for cap in dear]


@pytest.mark.parametrize(
    ("column", "otherwise"),
    [
        ("amount_atomic", 1_999),
        ("pay_to", "0x" + "11" * 20),
        ("asset", "0x" + "22" * 20),
        ("network", "eip155:8453"),
        ("revision_hash", b"\1" * 32),
    ],
    ids=["amount", "payee", "token", "network", "revision"],
)
async def test_only_what_stands_in_the_open_offer_can_be_claimed(
    play: Play, column: str, otherwise: object
) -> None:
    """What is quoted is what is charged: the claim itself compares them."""
    change = f"update payments_openoffer set {column} = %s"
    async with play.pool.connection() as connection:
        await connection.execute(change, (otherwise,))

    verdicts = await claim_together(play.pool, [play.new_claim()], lease_seconds=10, twins=TWINS)

    assert verdicts == [ClaimVerdict.OFFER_CLOSED]


async def test_a_counter_swept_while_claims_wait_for_it_still_admits_exactly_what_fits(
    play: Play,
) -> None:
    """They began when it was there, and come in when it is gone."""
    askers = [[play.new_claim() for _ in range(3)] for _ in range(10)]
    await risk.make_room(play.pool, {play.cap.key})
    async with await psycopg.AsyncConnection.connect(sql_url()) as broom:
        await broom.execute("delete from payments_cap where key = %s", (play.cap.key,))
        asking = [
            asyncio.create_task(claim_together(play.pool, members, lease_seconds=10, twins=TWINS))
            for members in askers
        ]
        await all_wait(play, len(asking))
    verdicts = Counter(verdict for each in await asyncio.gather(*asking) for verdict in each)

    assert verdicts == {
        ClaimVerdict.TAKEN: ROOM_FOR,
        ClaimVerdict.CAP_REACHED: 30 - ROOM_FOR,
    }
