"""What became of an attempt is written down, through an outage too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from marketplace.calls import storing
from marketplace.calls.forwarding import Answered, Failed, FailureKind, Outcome
from marketplace.calls.judging import Terms, judge
from marketplace.calls.storing import Report, record
from payments import lookup
from payments.acceptance import attempts
from payments.acceptance.attempts import Reopening
from payments.ids import new_id
from payments.models import Money, Work
from tests.fixtures.purchases import Purchases

OUTAGES = [
    psycopg.OperationalError("the line is gone"),
    psycopg.errors.ReadOnlySqlTransaction("another server has its place now"),
    TimeoutError("nothing came back"),
]


@pytest.mark.parametrize("outage", OUTAGES, ids=lambda error: type(error).__name__)
async def test_that_a_call_failed_outlasts_an_outage(
    monkeypatch: pytest.MonkeyPatch, outage: Exception
) -> None:
    """Else it would not count as one that certainly did nothing, or the other way round."""
    held = SimpleNamespace(work=Work.OPEN, attempt=1, money=Money.NONE, standing="standing")
    written: list[Any] = []
    outages = [outage]

    async def by_id(*_: object) -> Any:
        return held

    async def void(_: object, standing: object, **said: Any) -> bool:
        if outages:
            raise outages.pop()
        written.append((standing, said["detail"]))
        return True

    monkeypatch.setattr(storing, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(lookup, "by_id", by_id)
    monkeypatch.setattr(attempts, "void", void)
    failed = Failed(FailureKind.CONNECT, "no route")
    report = Report(new_id(), 1, False, failed, judge(failed, Terms(False, frozenset())), 1, 0)

    assert not await record(SimpleNamespace(pool=None), report)  # type: ignore[arg-type]

    assert written == [("standing", {"reason": "unreachable"})]


NOBODY_KNOWS = (
    FailureKind.TIMEOUT_FIRST_BYTE,
    FailureKind.TIMEOUT_TOTAL,
    FailureKind.CUT,
    FailureKind.TOO_LARGE,
    FailureKind.PROTOCOL,
    FailureKind.NO_ROOM,
)
NEVER_ARRIVED = tuple(kind for kind in FailureKind if kind not in NOBODY_KNOWS)


async def tried(purchases: Purchases, payment_id: UUID, outcome: Outcome) -> str:
    """One attempt that ends so; says under which key the next one is made."""
    room: Any = SimpleNamespace(pool=purchases.pool)
    held = await purchases.held(payment_id)
    verdict = judge(outcome, Terms(False, frozenset()))
    assert not await record(room, Report(payment_id, held.attempt, False, outcome, verdict, 1, 0))
    held = await purchases.held(payment_id)
    assert held.work == Work.VOID
    reopened = await attempts.reopen(purchases.pool, held, (), lease_seconds=10)
    assert reopened is Reopening.REOPENED
    return (await purchases.held(payment_id)).idempotency_key


@pytest.mark.parametrize("unknown", NOBODY_KNOWS)
async def test_an_attempt_that_never_arrived_leaves_the_key_of_one_that_may_still_be_at_work(
    purchases: Purchases, unknown: FailureKind
) -> None:
    payment_id = await purchases.claim()
    for kind in (unknown, *NEVER_ARRIVED):
        assert await tried(purchases, payment_id, Failed(kind, "")) == str(payment_id)
    answered = Answered(500, (), "text/plain", b"")
    assert await tried(purchases, payment_id, answered) == f"{payment_id}-1"
    for kind in (unknown, FailureKind.CONNECT):
        assert await tried(purchases, payment_id, Failed(kind, "")) == f"{payment_id}-1"
    assert await tried(purchases, payment_id, answered) == f"{payment_id}-2"
