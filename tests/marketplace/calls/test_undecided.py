"""What a buyer is told when nobody knows: never a word on money that may be untrue."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from marketplace.calls import accepting, joining
from marketplace.calls import attempt as attempts
from marketplace.calls.asking import Attempt
from marketplace.calls.paid_call import UNDECIDED, said
from marketplace.calls.shares import Share, Shares
from payments.acceptance.claiming import ClaimVerdict
from payments.at_hand import payment_at_hand
from payments.chains.collector import TooManyWaiting
from payments.ids import new_id

PAYMENT = new_id()
PATH = "acme/weather"
LOST = [psycopg.OperationalError("the line is gone"), TimeoutError()]


@pytest.fixture(autouse=True)
def nothing_at_hand() -> None:
    payment_at_hand.set(None)


async def claimed(ends: ClaimVerdict | Exception, then: Exception | None = None) -> Any:
    async def submit(_: object) -> ClaimVerdict:
        if isinstance(ends, Exception):
            raise ends
        return ends

    room: Any = SimpleNamespace(
        claims=SimpleNamespace(submit=submit), breaker=SimpleNamespace(give_back=lambda *_: None)
    )
    claim: Any = SimpleNamespace(payment_id=PAYMENT, authorization=SimpleNamespace(payer="0xbuyer"))
    sold: Any = SimpleNamespace(path=PATH)
    verdict = await accepting._submit(room, sold, claim, Share(Shares(1), PATH))
    if then is not None:
        raise then
    return verdict


@pytest.mark.parametrize("lost", LOST, ids=["cut", "late"])
async def test_a_claim_whose_commit_may_have_come_through_is_named(lost: Exception) -> None:
    outcome = await said(claimed(lost))
    assert outcome.payment_id == PAYMENT
    assert "may have been taken" in outcome.detail
    assert "charged nothing" not in outcome.detail


async def test_a_claim_that_never_set_out_is_not_named() -> None:
    assert await said(claimed(TooManyWaiting())) is UNDECIDED


@pytest.mark.parametrize(
    ("verdict", "named"),
    [
        (ClaimVerdict.TAKEN, PAYMENT),
        (ClaimVerdict.TAKEN_ON_TRUST, PAYMENT),
        (ClaimVerdict.CAP_REACHED, None),
        (ClaimVerdict.HAS_TWIN, None),
        (ClaimVerdict.OURS_ALREADY, None),
    ],
)
async def test_what_is_lost_after_a_claim_names_it_if_it_was_taken(
    verdict: ClaimVerdict, named: object
) -> None:
    outcome = await said(claimed(verdict, then=LOST[0]))
    assert outcome.payment_id == named


@pytest.mark.parametrize("lost", LOST, ids=["cut", "late"])
async def test_work_that_loses_the_database_is_named(
    monkeypatch: pytest.MonkeyPatch, lost: Exception
) -> None:
    async def broken(*_: object) -> None:
        raise lost

    monkeypatch.setattr(attempts, "_run", broken)
    room: Any = SimpleNamespace(start=lambda work: work.close(), pool=None)
    attempt = Attempt(PAYMENT, 1, "0xbuyer", "key", b"", Share(Shares(1), PATH))
    nothing: Any = None
    outcome = await said(attempts.run(room, nothing, attempt, nothing))
    assert (outcome.error, outcome.payment_id) == ("unavailable", PAYMENT)


@pytest.mark.parametrize(("brings", "named"), [("lost", PAYMENT), ("nothing", None)])
async def test_a_payment_that_joins_another_names_that_one_as_long_as_it_does(
    monkeypatch: pytest.MonkeyPatch, brings: str, named: object
) -> None:
    async def brought(*_: object, **__: object) -> None:
        if brings == "lost":
            raise LOST[0]

    async def joined() -> Any:
        first: Any = SimpleNamespace(payment_id=PAYMENT)
        nothing: Any = None
        await joining._joined(nothing, first, nothing, once=True)
        raise LOST[1]  # while the new one is looked at

    monkeypatch.setattr(joining, "_brought", brought)
    outcome = await said(joined())
    assert outcome.payment_id == named
