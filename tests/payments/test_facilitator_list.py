"""Which facilitators can be used: what they say they serve, and how they did lately."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from payments.facilitators import lineup
from payments.facilitators.calls import Service, Settled
from payments.facilitators.lineup import FacilitatorList
from payments.facilitators.submissions import Outcome
from payments.ids import new_id

AT_ONCE = 4


class Saying:
    """Calls to a facilitator that says what the test wants."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.service = Service(True, "it serves")

    async def supported(self, network: str, scheme: str) -> Service:
        return self.service

    async def close(self) -> None:
        pass


@pytest.fixture
async def two() -> AsyncIterator[Any]:
    """A list of two, asked anew at each look."""
    first, second = Saying("first"), Saying("second")
    members = FacilitatorList(
        "eip155:84532",
        [first, second],  # type: ignore[list-item]
        poll_seconds=0,
        rest_seconds=30.0,
        in_flight_max=AT_ONCE,
    )
    assert await members.trouble() == ""
    yield SimpleNamespace(members=members, first=first, second=second)
    await members.close()


async def look(two: Any) -> str:
    """Twice: the first look only has them asked."""
    await two.members.trouble()
    for poll in list(two.members._polling.values()):
        await poll
    return str(await two.members.trouble())


def answered(
    two: Any,
    outcome: Outcome,
    *,
    payments: int = 3,
    has_code: bool = False,
    claims_seconds: float = 0.0,
) -> None:
    for _ in range(payments):
        row = SimpleNamespace(payment_id=new_id(), payer_has_code=has_code)
        settled = Settled(outcome, os.urandom(32), "so it says")
        first = two.members.get("first")
        two.members.weigh(first, row, settled, claims_seconds=claims_seconds)


def proven(two: Any, *, asked_seconds: float = 0.0) -> None:
    """A payment that it was asked for so long ago stands in a block."""
    two.members.trust(two.members.get("first"), asked_seconds=asked_seconds)


def under_way(two: Any, payments: int) -> None:
    two.members.get("first").asking.update(new_id() for _ in range(payments))


async def test_they_are_asked_in_the_operators_order(two: Any) -> None:
    assert two.members.in_order() == ["first", "second"]


async def test_who_does_not_serve_us_is_not_asked(two: Any) -> None:
    two.first.service = Service(False, "it does not serve")
    assert await look(two) == ""
    assert two.members.in_order() == ["second"]


async def test_without_any_nothing_is_sold_and_the_log_says_why(
    two: Any, caplog: pytest.LogCaptureFixture
) -> None:
    two.first.service = Service(False, "it does not answer at 10.0.0.1")
    two.second.service = Service(False, "it does not serve")

    said = await look(two)

    assert said == "no facilitator can settle at the moment", "strangers read this"
    assert "first: it does not answer at 10.0.0.1" in caplog.text
    assert "second: it does not serve" in caplog.text


async def test_silence_about_it_changes_nothing(two: Any) -> None:
    two.first.service = Service(None, "its list is empty")
    two.second.service = Service(False, "it does not serve")
    assert await look(two) == ""
    assert two.members.in_order() == ["first"]


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.UNSENT])
async def test_who_leaves_payments_lying_comes_last(two: Any, outcome: Outcome) -> None:
    answered(two, outcome)
    assert two.members.in_order() == ["second", "first"]


async def test_when_all_rest_nothing_is_sold(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    two.second.service = Service(False, "it does not serve")
    answered(two, Outcome.UNKNOWN)

    assert await look(two) != ""

    assert two.members.in_order() == ["first"], "what was sold already still goes out"
    answered(two, Outcome.SETTLED, payments=1)
    assert await look(two) != "", "that is a word"
    proven(two)
    assert await look(two) == ""


async def test_a_rest_ends(two: Any) -> None:
    two.members._rest_seconds = 0.0
    answered(two, Outcome.UNKNOWN)
    assert two.members.in_order() == ["first", "second"]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.PENDING])
async def test_what_a_buyer_can_bring_about_is_held_against_nobody(
    two: Any, outcome: Outcome
) -> None:
    answered(two, outcome, payments=50)
    assert two.members.in_order() == ["first", "second"]


async def test_what_a_contract_wallet_brings_about_is_held_against_nobody(two: Any) -> None:
    answered(two, Outcome.UNKNOWN, payments=50, has_code=True)
    assert two.members.in_order() == ["first", "second"]


async def test_one_payment_again_and_again_is_one_payment(two: Any) -> None:
    row = SimpleNamespace(payment_id=new_id(), payer_has_code=False)
    for _ in range(50):
        settled = Settled(Outcome.UNKNOWN, None, "HTTP 500")
        two.members.weigh(two.members.get("first"), row, settled, claims_seconds=0.0)
    assert two.members.in_order() == ["first", "second"]


async def test_its_own_word_does_not_clear_it(two: Any) -> None:
    """It says that all is paid, and leaves every third lying."""
    for _ in range(3):
        answered(two, Outcome.SETTLED, payments=2)
        answered(two, Outcome.UNKNOWN, payments=1)
    assert two.members.in_order() == ["second", "first"]


async def test_a_payment_in_a_block_clears_it(two: Any) -> None:
    for _ in range(3):
        proven(two)
        answered(two, Outcome.UNKNOWN, payments=2)
    assert two.members.in_order() == ["first", "second"]


async def test_what_it_paid_before_it_rested_does_not_wake_it(two: Any) -> None:
    answered(two, Outcome.UNKNOWN)
    proven(two, asked_seconds=1.0)
    assert two.members.in_order() == ["second", "first"]


async def test_who_says_paid_for_what_no_block_shows_comes_last(two: Any) -> None:
    answered(two, Outcome.SETTLED, payments=50)
    assert two.members.in_order() == ["first", "second"], "a block may come"
    answered(two, Outcome.SETTLED, claims_seconds=lineup.UNPROVEN_SECONDS + 1)
    assert two.members.in_order() == ["second", "first"]


async def test_who_has_its_hands_full_leaves_the_next_its_own(two: Any) -> None:
    under_way(two, AT_ONCE - 1)
    assert two.members.in_order() == ["first", "second"]
    under_way(two, 1)
    assert two.members.in_order() == ["second"]


@pytest.mark.parametrize("outcome", [Outcome.SETTLED, Outcome.PENDING, Outcome.REFUSED])
async def test_after_its_rest_it_gets_one_payment_until_it_answers(
    two: Any, outcome: Outcome
) -> None:
    two.members._rest_seconds = 0.0
    answered(two, Outcome.UNKNOWN)
    assert two.members.in_order() == ["first", "second"]
    under_way(two, 1)
    assert two.members.in_order() == ["second"]
    answered(two, outcome, payments=1)
    assert two.members.in_order() == ["first", "second"]


async def test_a_trial_that_fails_is_another_rest(two: Any) -> None:
    two.members._rest_seconds = 0.0
    answered(two, Outcome.UNKNOWN)
    two.members._rest_seconds = 30.0
    answered(two, Outcome.UNKNOWN, payments=1)
    assert two.members.in_order() == ["second", "first"]


async def test_what_hung_from_before_does_not_lengthen_a_rest(
    two: Any, caplog: pytest.LogCaptureFixture
) -> None:
    answered(two, Outcome.UNKNOWN, payments=50)
    assert caplog.text.count("rests for a while") == 1
