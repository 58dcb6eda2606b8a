"""What passes of a stream is written down beside it, and nobody ever waits for that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from marketplace.calls import keeping
from marketplace.calls.keeping import PART_BYTES, Keeper, Keeping
from marketplace.calls.passage import Passage
from payments.database.pool import one, rows
from payments.egress import Head
from tests.fixtures.purchases import Purchases, sql_url

FIRST, SECOND = b"data: one\n\n", b"data: two\n\n"
FULL = b"x" * PART_BYTES
HEAD = Head(200, CIMultiDictProxy(CIMultiDict({"Content-Type": "text/event-stream"})), True)
NEVER = 3_600.0
BREAK = """
    create function refused() returns trigger language plpgsql as $$
    begin raise exception 'refused'; end $$;
    create trigger refused before insert on payments_streampart
        for each row execute function refused();
"""
MEND = "drop trigger if exists refused on payments_streampart; drop function if exists refused()"


@pytest.fixture
async def keeper(purchases: Purchases) -> AsyncIterator[Keeper]:
    made = Keeper(purchases.pool)
    yield made
    await made.close()
    assert not made._tasks


@pytest.fixture
def slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is enough is written before the end."""
    monkeypatch.setattr(keeping, "LATE_SECONDS", NEVER)


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LATE_SECONDS", "PAUSE_SECONDS"):
        monkeypatch.setattr(keeping, name, 0.01)


def begun(keeper: Keeper, payment_id: UUID, attempt: int = 1) -> Passage:
    passage = Passage(Keeping(keeper, payment_id, attempt))
    passage.begin(HEAD)
    return passage


async def parts_of(purchases: Purchases, payment_id: UUID) -> list[bytes]:
    found = await rows(
        purchases.pool,
        "select number, body from payments_streampart where payment_id = %s order by number",
        (payment_id,),
    )
    assert [number for number, _ in found] == list(range(len(found)))
    return [bytes(body) for _, body in found]


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0.005)


async def ended(keeper: Keeper) -> None:
    await asyncio.gather(*keeper._tasks)


@pytest.mark.usefixtures("quickly")
async def test_a_little_is_written_though_nothing_follows(
    purchases: Purchases, keeper: Keeper
) -> None:
    payment_id = await purchases.begin()
    passage = begun(keeper, payment_id)
    passage.add(FIRST)

    await until(lambda: parts_of(purchases, payment_id))
    assert await parts_of(purchases, payment_id) == [FIRST]
    passage.add(SECOND)
    passage.end(whole=False)
    await ended(keeper)

    assert await parts_of(purchases, payment_id) == [FIRST, SECOND]


@pytest.mark.usefixtures("slowly")
async def test_much_is_written_at_once(purchases: Purchases, keeper: Keeper) -> None:
    payment_id = await purchases.begin()
    passage = begun(keeper, payment_id)
    for _ in range(3):
        passage.add(FULL)
    passage.add(FIRST)

    async def three() -> bool:
        return len(await parts_of(purchases, payment_id)) == 3

    await until(three)
    assert await parts_of(purchases, payment_id) == [FULL] * 3
    passage.end(whole=False)
    await ended(keeper)
    assert await parts_of(purchases, payment_id) == [*[FULL] * 3, FIRST]


@pytest.mark.usefixtures("slowly")
async def test_a_short_stream_that_ends_whole_is_not_written_at_all(
    purchases: Purchases, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(keeper.parts, "submit", asked.append)
    monkeypatch.setattr(keeper, "let_go", asked.append)
    passage = begun(keeper, await purchases.begin())
    passage.add(FIRST)
    passage.end(whole=True)
    await ended(keeper)

    assert asked == []


@pytest.mark.usefixtures("slowly")
@pytest.mark.parametrize("attempt", [1, 2])
async def test_parts_go_when_all_of_it_is_stored(
    purchases: Purchases, keeper: Keeper, attempt: int
) -> None:
    """Those that an attempt before it left behind, too."""
    payment_id, other = await purchases.begin(), await purchases.cut(FIRST)
    passage = begun(keeper, payment_id, attempt)
    if attempt == 2:
        await purchases.pass_on(payment_id, FIRST)
    else:
        passage.add(FULL)
    await until(lambda: parts_of(purchases, payment_id))
    await purchases.answer(payment_id)
    passage.end(whole=True)
    await ended(keeper)

    assert await parts_of(purchases, payment_id) == []
    assert await parts_of(purchases, other) == [FIRST]


@pytest.mark.usefixtures("quickly")
async def test_what_is_refused_is_written_with_what_comes_next(
    purchases: Purchases, keeper: Keeper
) -> None:
    payment_id = await purchases.begin()
    passage = begun(keeper, payment_id)
    async with await psycopg.AsyncConnection.connect(sql_url(), autocommit=True) as hand:
        try:
            await hand.execute(BREAK)
            passage.add(FIRST)

            async def refused() -> bool:
                return keeper.outage._is_known

            await until(refused)
            passage.add(SECOND)
            reading = passage.pieces()
            assert [await anext(reading), await anext(reading)] == [FIRST, SECOND]
        finally:
            await hand.execute(MEND)
    await until(lambda: parts_of(purchases, payment_id))
    passage.end(whole=False)
    await ended(keeper)

    assert b"".join(await parts_of(purchases, payment_id)) == FIRST + SECOND


@pytest.mark.usefixtures("quickly")
async def test_streams_that_cannot_be_written_leave_the_connections_to_calls(
    purchases: Purchases, keeper: Keeper
) -> None:
    """The pool here has four; twenty streams wait for a table that somebody holds."""
    payments = [await purchases.begin() for _ in range(20)]
    async with await psycopg.AsyncConnection.connect(sql_url()) as hand:
        await hand.execute("lock table payments_streampart in access exclusive mode")
        passages = [begun(keeper, payment_id) for payment_id in payments]
        for passage in passages:
            passage.add(FIRST)

        async def waits() -> bool:
            found = await one(
                purchases.pool,
                "select count(*) from pg_locks l join pg_class c on c.oid = l.relation"
                " where c.relname = 'payments_streampart' and not l.granted",
            )
            assert found is not None
            assert found[0] <= 1
            return bool(found[0])

        await until(waits)
        for _ in range(5):
            assert await waits(), "and no other call does"
        await hand.rollback()
    for passage in passages:
        passage.end(whole=False)
    await ended(keeper)

    for payment_id in payments:
        assert await parts_of(purchases, payment_id) == [FIRST]


@pytest.mark.usefixtures("slowly")
async def test_a_door_that_stops_writes_what_has_passed(
    purchases: Purchases, keeper: Keeper
) -> None:
    payment_id = await purchases.begin()
    passage = begun(keeper, payment_id)
    passage.add(FIRST)
    passage.end(whole=False)
    await keeper.close()

    assert await parts_of(purchases, payment_id) == [FIRST]


@pytest.mark.usefixtures("quickly")
async def test_a_door_that_stops_waits_for_no_database(
    purchases: Purchases, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LAST_WORDS_SECONDS", 0.05)
    passage = begun(keeper, await purchases.begin())
    async with await psycopg.AsyncConnection.connect(sql_url()) as hand:
        await hand.execute("lock table payments_streampart in access exclusive mode")
        passage.add(FIRST)
        passage.end(whole=False)
        async with asyncio.timeout(60):  # it hangs otherwise
            await keeper.close()
        assert not keeper._tasks


async def test_a_stream_that_never_began_leaves_no_task(keeper: Keeper) -> None:
    passage = Passage(Keeping(keeper, UUID(int=1), 1))
    passage.break_off()
    passage.end(whole=False)

    assert not keeper._tasks
