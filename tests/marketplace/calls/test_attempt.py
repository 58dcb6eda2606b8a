"""What an attempt holds - its lease, its place, what it has in hand - and when that ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from marketplace.calls import accepting, noting
from marketplace.calls import attempt as attempts
from marketplace.calls.asking import Attempt
from marketplace.calls.breaker import Breaker
from marketplace.calls.forwarding import Answered
from marketplace.calls.leases import Leases
from marketplace.calls.release import Paid, deliver
from marketplace.calls.shares import Share, Shares
from payments.exposure import risk
from payments.ids import new_id
from payments.lookup import StoredAnswer

PAYMENT = new_id()
PATH = "acme/weather"


def attempt_with(place: Share, *, upfront: bool = False) -> Attempt:
    return Attempt(PAYMENT, 1, "0xbuyer", "key", b"", place, upfront=upfront)


def drawn(shares: Shares, amount: int) -> Share:
    share = Share(shares, PATH)
    assert share.draw(amount)
    return share


@pytest.mark.parametrize(("successor", "left"), [(2, {PAYMENT: 2}), (None, {})])
async def test_an_attempt_that_lost_its_lease_leaves_its_successors_alone(
    monkeypatch: pytest.MonkeyPatch, successor: int | None, left: dict[Any, int]
) -> None:
    room: Any = SimpleNamespace(leases=Leases())
    successors = []

    async def not_to_be_done(*_: object) -> object:
        assert room.leases.attempts == {PAYMENT: 1}
        if successor is not None:
            successors.append(room.leases.take(PAYMENT, successor))
        return SimpleNamespace(paid=False)

    monkeypatch.setattr(attempts, "settle_first", not_to_be_done)
    attempt = attempt_with(Share(Shares(1), PATH), upfront=True)
    await attempts._work(room, None, attempt, None)  # type: ignore[arg-type]

    assert room.leases.attempts == left


async def test_a_lease_lasts_until_the_answer_is_out_of_our_hands() -> None:
    collected: list[Any] = []

    async def submit(payment_id: Any) -> None:
        assert room.leases.attempts == {PAYMENT: 1}, "should we die now, it was not collected"
        collected.append(payment_id)

    room: Any = SimpleNamespace(leases=Leases(), collected=SimpleNamespace(submit=submit))
    paid = Paid(PAYMENT, "0xbuyer", "eip155:8453", 1, None)
    answer = StoredAnswer(200, (), "text/plain", b"x", b"", 1)

    leaving = deliver(room, paid, answer, room.leases.take(PAYMENT, 1))
    assert room.leases.attempts == {PAYMENT: 1}
    await leaving.handed_over(True)
    assert (collected, room.leases.attempts) == ([PAYMENT], {})

    deliver(room, paid, answer, room.leases.take(PAYMENT, 1))  # and nobody sends it
    assert room.leases.attempts == {}


async def test_an_answer_that_arrived_during_an_outage_is_collected_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else its buyer's next purchase of the same would get it again, uncharged."""
    monkeypatch.setattr(noting, "NOTE_PAUSE_SECONDS", 0)
    tried: list[Any] = []
    work: list[asyncio.Task[Any]] = []

    async def submit(payment_id: Any) -> None:
        assert room.leases.attempts == {PAYMENT: 1}
        tried.append(payment_id)
        if len(tried) < 4:
            raise psycopg.OperationalError("away")

    def start(note: Any) -> None:
        work.append(asyncio.create_task(note))

    room: Any = SimpleNamespace(
        leases=Leases(), collected=SimpleNamespace(submit=submit), start=start
    )
    paid = Paid(PAYMENT, "0xbuyer", "eip155:8453", 1, None)
    answer = StoredAnswer(200, (), "text/plain", b"x", b"", 1)

    await deliver(room, paid, answer, room.leases.take(PAYMENT, 1)).handed_over(True)
    assert room.leases.attempts == {PAYMENT: 1}, "nobody's next payment joins it meanwhile"
    await asyncio.gather(*work)

    assert len(tried) == 4
    assert room.leases.attempts == {}


async def test_work_that_breaks_keeps_nothing_though_its_error_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    in_hand, at_work = Shares(10), Shares(2)
    answered = Answered(200, (), "text/plain", b"hello", drawn(in_hand, 5))

    async def ask(*_: object) -> Answered:
        return answered

    async def record(*_: object) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(attempts, "ask", ask)
    monkeypatch.setattr(attempts, "record", record)
    breaker = SimpleNamespace(succeeded=lambda _: None)
    room: Any = SimpleNamespace(leases=Leases(), breaker=breaker)
    terms = SimpleNamespace(require_body=False, required_keys=())
    sold: Any = SimpleNamespace(path=PATH, terms=terms)

    with pytest.raises(RuntimeError):
        await attempts._work(room, sold, attempt_with(drawn(at_work, 1)), None)  # type: ignore[arg-type]

    assert (in_hand.held(PATH), at_work.held(PATH), room.leases.attempts) == (0, 0, {})


async def test_a_claim_that_fails_keeps_no_place_though_its_error_is_kept() -> None:
    at_work = Shares(2)
    place = drawn(at_work, 1)

    async def submit(_: object) -> None:
        raise TimeoutError

    room: Any = SimpleNamespace(
        claims=SimpleNamespace(submit=submit),
        breaker=SimpleNamespace(give_back=lambda *_: None),
    )
    claim: Any = SimpleNamespace(payment_id=PAYMENT, authorization=SimpleNamespace(payer="0xbuyer"))

    with pytest.raises(TimeoutError):
        await accepting._submit(room, SimpleNamespace(path=PATH), claim, place)  # type: ignore[arg-type]

    assert at_work.held(PATH) == 0


@pytest.mark.parametrize(("upfront", "closed"), [(True, True), (False, False)])
async def test_new_wallets_that_paid_upfront_for_nothing_close_a_failing_listing(
    monkeypatch: pytest.MonkeyPatch, upfront: bool, closed: bool
) -> None:
    """A question that fails is free, and new wallets cost nothing; money that moved does not."""

    async def settled(*_: object) -> Any:
        return SimpleNamespace(paid=True)

    async def broken(*_: object) -> Answered:
        return Answered(500, (), "text/plain", b"")

    async def record(*_: object) -> bool:
        return False

    async def never_paid_before(*_: object) -> bool:
        return False

    monkeypatch.setattr(attempts, "settle_first", settled)
    monkeypatch.setattr(attempts, "is_to_be_done", lambda *_: True)
    monkeypatch.setattr(attempts, "paid_of", lambda _: None)
    monkeypatch.setattr(attempts, "ask", broken)
    monkeypatch.setattr(attempts, "record", record)
    monkeypatch.setattr(risk, "has_paid", never_paid_before)
    breaker = Breaker(failures_to_open=5, payers_to_open=3, pause_seconds=1_000)
    room: Any = SimpleNamespace(leases=Leases(), breaker=breaker, pool=None)
    terms = SimpleNamespace(require_body=False, required_keys=())
    sold: Any = SimpleNamespace(path=PATH, terms=terms)
    nothing: Any = None

    for number in range(6):
        place = Share(Shares(1), PATH)
        attempt = Attempt(new_id(), 1, f"0xnew{number}", "key", b"", place, upfront=upfront)
        await attempts._work(room, sold, attempt, nothing)

    assert (breaker.wait_seconds(PATH, asyncio.get_running_loop().time()) > 0) is closed
