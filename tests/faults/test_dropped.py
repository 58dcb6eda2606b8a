"""Work that was paid upfront and dropped by a crash: done for its buyer, or a refund is due."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from payments import lookup
from payments.acceptance import answering, attempts, claiming
from payments.acceptance.answering import NewAnswer
from payments.acceptance.promise import Claim
from payments.database.pool import open_pool, rows
from payments.lookup import Held
from payments.models import Money, Work
from payments.receipts.signing import Signer
from payments.settling import desk as desks
from payments.settling import outcomes, settlement
from payments.settling.desk import Row
from payments.settling.evidence import Proof
from tests.faults.invariants import check, statement
from tests.faults.moves import Play, open_play
from tests.fixtures.purchases import NETWORK, TWINS, sql_url


@pytest.fixture
async def play(transactional_db: None, receipt_signer: Signer) -> AsyncIterator[Play]:
    pool = await open_pool(sql_url(), size_max=4)
    yield await open_play(pool, receipt_signer, seed=0)
    await pool.close()
    check(sql_url())


async def dropped(play: Play, *moneys: Money) -> Claim:
    """A payment whose process died at once, and whose money moved all the same."""
    claim = play.new_claim(release="upfront")
    await claiming.claim_together(play.pool, [claim], lease_seconds=0, twins=TWINS)
    for money in moneys:
        row = await row_of(play, claim)
        if money == Money.SETTLED:
            await outcomes.settle(play.desk, [(row, Proof(os.urandom(32), 1, bytes(32)))], "paid")
        else:
            await outcomes.confirm(play.desk, [row])
    return claim


async def row_of(play: Play, claim: Claim) -> Row:
    await rows(
        play.pool,
        "update payments_progress set next_check_at = clock_timestamp() where payment_id = %s"
        " returning 1",
        (claim.payment_id,),
    )
    due = await desks.take_due(play.pool, NETWORK, most=100, most_tried=0)
    return next(row for row in due if row.payment_id == claim.payment_id)


async def held_of(play: Play, claim: Claim) -> Held:
    held = await lookup.by_id(play.pool, claim.payment_id)
    assert held is not None
    return held


async def receipts(play: Play, claim: Claim) -> list[str]:
    query = "select jws from payments_receipt where payment_id = %s order by version"
    found = await rows(play.pool, query, (claim.payment_id,))
    return [statement({"jws": row[0]})["status"] for row in found]


def patient(play: Play) -> Play:
    terms = replace(play.desk.terms, take_up_seconds=600)
    return replace(play, desk=replace(play.desk, terms=terms))


async def test_when_nothing_was_sent_nothing_is_charged(play: Play) -> None:
    claim = await dropped(play)

    await settlement.void_dead_leases(patient(play).desk)

    held = await held_of(play, claim)
    assert (held.work, held.money) == (Work.VOID, Money.NONE)


async def test_it_waits_for_its_buyer_and_is_taken_up_once(play: Play) -> None:
    claim = await dropped(play, Money.SETTLED)
    await settlement.void_dead_leases(patient(play).desk)
    held = await held_of(play, claim)
    assert held.to_take_up

    first = await attempts.take_up(play.pool, held.standing, lease_seconds=10)
    second = await attempts.take_up(play.pool, held.standing, lease_seconds=10)

    assert (first, second) == (True, False)
    late = NewAnswer(claim.payment_id, 1, 200, (), "text/plain", b"late", 1)
    own = replace(late, attempt=2, body=b"own")
    assert await answering.record_together(play.pool, [late]) == [False]
    assert await answering.record_together(play.pool, [own]) == [True]
    stored = await lookup.stored_answer(play.pool, claim.payment_id)
    assert stored is not None
    assert stored.body == b"own"


async def test_nobody_takes_it_up_while_it_is_at_work(play: Play) -> None:
    claim = await dropped(play, Money.SETTLED)
    held = await held_of(play, claim)
    assert await attempts.take_up(play.pool, held.standing, lease_seconds=10)
    again = await held_of(play, claim)

    assert not again.to_take_up
    assert not await attempts.take_up(play.pool, again.standing, lease_seconds=10)


async def test_when_its_buyer_does_not_come_a_refund_is_due(play: Play) -> None:
    claim = await dropped(play, Money.SETTLED)

    await settlement.void_dead_leases(play.desk)

    held = await held_of(play, claim)
    assert (held.work, held.money) == (Work.VOID, Money.SETTLED)
    await outcomes.confirm(play.desk, [await row_of(play, claim)])
    assert await receipts(play, claim) == ["paid without an answer: refund due"]


async def test_the_receipt_follows_the_work_that_comes_after_the_money(play: Play) -> None:
    claim = await dropped(play, Money.SETTLED, Money.CONFIRMED)
    assert await receipts(play, claim) == ["paid"]
    held = await held_of(play, claim)
    assert await attempts.take_up(play.pool, held.standing, lease_seconds=10)
    answer = NewAnswer(claim.payment_id, 2, 200, (), "text/plain", b"here", 1)
    await answering.record_together(play.pool, [answer])

    for _ in range(2):
        await outcomes.receipt_anew(play.desk, [await row_of(play, claim)])

    assert await receipts(play, claim) == ["paid", "final"]


async def test_an_answer_that_comes_when_its_money_failed_is_not_taken(play: Play) -> None:
    claim = await dropped(play)
    await outcomes.fail(play.desk, [await row_of(play, claim)], "window over")
    answer = NewAnswer(claim.payment_id, 1, 200, (), "text/plain", b"here", 1)

    assert await answering.record_together(play.pool, [answer]) == [False]

    await settlement.void_dead_leases(play.desk)
    held = await held_of(play, claim)
    assert (held.work, held.money) == (Work.VOID, Money.FAILED)
