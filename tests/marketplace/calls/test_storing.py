"""What became of an attempt is written down, through an outage too."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from marketplace.calls import storing
from marketplace.calls.forwarding import Failed, FailureKind
from marketplace.calls.judging import Terms, judge
from marketplace.calls.storing import Report, record
from payments import lookup
from payments.acceptance import attempts
from payments.ids import new_id
from payments.models import Money, Work

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
