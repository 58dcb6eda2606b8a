"""A case goes only where its table lets it, each side only takes its own steps, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments import audit_log
from payments.disputes import cases
from payments.disputes import clock as dispute_clock
from payments.disputes.cases import (
    Denied,
    DisputeRefused,
    ForbiddenStep,
    Request,
    move,
    open_dispute,
    say,
)
from payments.disputes.states import MOVES, STILL_OPEN, allowed, words
from payments.models import Case, Dispute, DisputeStep, Payment, Reason, Side
from tests.fixtures.purchases import Purchases
from tests.payments.disputes.conftest import PAID, Till, over, progress_of, state

# Every move that there is; all others of the 320 are refused.
TABLE = {
    ("open", "due"): "seller",
    ("open", "review"): "seller clock",
    ("open", "refunded"): "chain",
    ("open", "rejected"): "admin",
    ("open", "withdrawn"): "payer chain",
    ("due", "review"): "seller clock",
    ("due", "refunded"): "chain",
    ("due", "rejected"): "admin",
    ("due", "withdrawn"): "payer chain",
    ("review", "ordered"): "admin",
    ("review", "refunded"): "chain",
    ("review", "rejected"): "admin",
    ("review", "withdrawn"): "payer chain",
    ("ordered", "refunded"): "chain",
    ("ordered", "rejected"): "admin",
    ("ordered", "withdrawn"): "payer chain",
    ("ordered", "unpaid"): "clock",
    ("refunded", "due"): "chain",
    ("refunded", "ordered"): "chain",
    ("unpaid", "refunded"): "chain",
}


def test_the_whole_table() -> None:
    found = {
        (before, after, by): allowed(before, after, by)
        for before, after, by in product(Case, Case, Side)
    }
    wanted = {(a, b, by) for (a, b), sides in TABLE.items() for by in sides.split()}
    assert {tuple(map(str, key)) for key, may in found.items() if may} == wanted
    assert set(MOVES) == set(Case)
    assert len({words(each).text for each in Case}) == len(Case)


def test_a_forbidden_step_is_a_loud_mistake(shelf_till: Till) -> None:
    dispute = shelf_till.case()
    with pytest.raises(ForbiddenStep):
        move(dispute, Case.ORDERED, Side.ADMIN)
    with pytest.raises(ForbiddenStep):
        move(dispute, Case.REFUNDED, Side.SELLER)
    assert state(dispute) == Case.OPEN


def test_what_is_open_has_a_clock_and_what_is_closed_has_none(shelf_till: Till) -> None:
    dispute = shelf_till.case()
    for after, by in ((Case.REVIEW, Side.SELLER), (Case.ORDERED, Side.ADMIN)):
        assert dispute.next_check_at is not None
        assert move(dispute, after, by, "why")
    assert dispute.ordered
    assert move(dispute, Case.WITHDRAWN, Side.PAYER)
    assert (dispute.next_check_at, dispute.deadline_at) == (None, None)
    assert dispute.closed_at is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Dispute.objects.filter(pk=dispute.pk).update(next_check_at=timezone.now())
    versions = list(dispute.steps.order_by("version").values_list("version", "state"))
    assert versions == [(1, "open"), (2, "review"), (3, "ordered"), (4, "withdrawn")]


def together(*works: Callable[[], object]) -> list[object]:
    """Do these at once, each on a connection of its own; gives what came of each."""
    start, found = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int, work: Callable[[], object]) -> None:
        start.wait()
        try:
            found[place] = work()  # type: ignore[call-overload]
        except DisputeRefused as refused:
            found[place] = refused.why  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return list(found)


def test_of_two_tabs_that_answer_at_once_one_is_heard(shelf_till: Till) -> None:
    first = shelf_till.case()
    second = Dispute.objects.get(pk=first.pk)
    heard = together(
        lambda: move(first, Case.DUE, Side.SELLER, "yes"),
        lambda: move(second, Case.REVIEW, Side.SELLER, "no"),
    )
    assert sorted(map(str, heard)) == ["False", "True"]
    assert DisputeStep.objects.filter(dispute=first).count() == 2


def test_of_two_openings_at_once_one_is_a_case(shelf_till: Till) -> None:
    payment = shelf_till.paid()
    ask = Request(Reason.OTHER, PAID)
    found = together(*[lambda: open_dispute(payment, ask) for _ in range(4)])
    assert found.count(Denied.POLICY) == 3
    assert Dispute.objects.filter(payment=payment).count() == 1


def test_the_same_key_is_the_same_request(shelf_till: Till) -> None:
    payment = shelf_till.paid()
    found = together(
        *[lambda: open_dispute(payment, Request(Reason.OTHER, PAID, key="k" * 16)).pk] * 3
    )
    assert len(set(found)) == 1


def refusal(payment: Payment, amount: int = PAID, **more: str) -> Denied:
    with pytest.raises(DisputeRefused) as refused:
        open_dispute(payment, Request(Reason.OTHER, amount, **more))
    return refused.value.why


def test_what_cannot_be_disputed_says_why(shelf_till: Till, settings: Settings) -> None:
    assert refusal(shelf_till.paid("answer")) == Denied.POLICY  # nothing was charged yet
    payment = shelf_till.paid()
    assert refusal(payment, PAID + 1) == Denied.AMOUNT_EXCEEDS
    assert refusal(payment, 0) == Denied.AMOUNT_EXCEEDS
    assert refusal(payment, text="x" * 2_001) == Denied.POLICY
    dispute = shelf_till.case(payment, 500)
    assert refusal(payment) == Denied.POLICY  # one at a time
    assert move(dispute, Case.REJECTED, Side.ADMIN, "no")
    assert refusal(payment) == Denied.POLICY  # it is decided
    settings.DISPUTE_WINDOW_DAYS = 1
    old = shelf_till.paid()
    old.created_at -= timedelta(days=2)
    assert refusal(old) == Denied.OUTSIDE_WINDOW
    assert cases.why_not(old, progress_of(old)) is not None


def test_whoever_took_a_case_back_may_come_again_but_not_for_ever(shelf_till: Till) -> None:
    payment = shelf_till.paid()
    for _ in range(cases.CASES_PER_PAYMENT_MAX):
        assert move(shelf_till.case(payment), Case.WITHDRAWN, Side.PAYER)
    assert refusal(payment) == Denied.POLICY


def test_words_are_kept_harmless_and_few(shelf_till: Till) -> None:
    dispute = shelf_till.case(text="  wrong\x00 city\u202e \r\n twice ")
    assert dispute.steps.get(version=1).text == "wrong city\ntwice"
    while dispute.version < cases.STEPS_MAX:
        assert say(dispute, Side.SELLER, "and another thing")
    with pytest.raises(DisputeRefused):
        say(dispute, Side.SELLER, "one too many")


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        ((), Case.REVIEW),
        (((Case.DUE, Side.SELLER),), Case.REVIEW),
        (((Case.REVIEW, Side.SELLER), (Case.ORDERED, Side.ADMIN)), Case.UNPAID),
    ],
    ids=["unanswered", "promised", "ordered"],
)
def test_a_deadline_that_passes_moves_the_case(
    shelf_till: Till, steps: tuple[tuple[Case, Side], ...], then: Case
) -> None:
    dispute = shelf_till.case()
    for each in steps:
        assert move(dispute, *each)
    shelf_till.tend()
    before = state(dispute)
    assert before in STILL_OPEN, "the deadline is not over"
    over(dispute)
    shelf_till.tend()
    assert state(dispute) == then
    assert dispute.steps.order_by("-version")[0].by == Side.CLOCK


def test_paid_without_an_answer_opens_a_case_by_itself_once(shelf_till: Till) -> None:
    payment = shelf_till.paid("void settle")
    assert dispute_clock.open_unanswered() == 0, "a reorg may still take the money back"
    shelf_till.make_purchase(lambda purchases: purchases.confirm(payment.pk))
    together(dispute_clock.open_unanswered, dispute_clock.open_unanswered)
    dispute = Dispute.objects.get(payment=payment)
    assert (dispute.state, dispute.reason) == (Case.DUE, Reason.NOT_DELIVERED)
    assert (dispute.opened_by, int(dispute.asked_atomic)) == (Side.CLOCK, PAID)
    assert dispute_clock.open_unanswered() == 0


@pytest.mark.parametrize(
    ("come_to", "then"),
    [("", Case.REVIEW), ("void", Case.REVIEW), ("void settle", Case.DUE)],
    ids=["at the seller", "given up", "paid"],
)
def test_what_a_backup_knew_only_the_claim_of_is_looked_at_by_a_person(
    shelf_till: Till, come_to: str, then: Case
) -> None:
    """It was answered, collected and paid after the backup; here it looks paid without an answer.

    What the backup knew to be unanswered and paid is due all the same.
    """
    payment = shelf_till.paid(come_to)
    audit_log.record("command:restore", "database.restored", "site:database")
    rest = ["void", "settle", "confirm"][len(come_to.split()) :]
    finish(shelf_till, payment, rest)
    assert dispute_clock.open_unanswered() == 1
    dispute = Dispute.objects.get(payment=payment)
    assert (dispute.state, dispute.opened_by) == (then, Side.CLOCK)
    assert ("restored" in dispute.steps.get(version=1).text) is (then == Case.REVIEW)
    assert (dispute.deadline_at is None) is (then == Case.REVIEW)


def test_a_restore_before_the_claim_has_nothing_to_do_with_it(shelf_till: Till) -> None:
    audit_log.record("command:restore", "database.restored", "site:database")
    payment = shelf_till.paid("void settle confirm")
    assert dispute_clock.open_unanswered() == 1
    assert Dispute.objects.get(payment=payment).state == Case.DUE


def finish(till: Till, payment: Payment, steps: list[str]) -> None:
    async def go_on(purchases: Purchases) -> None:
        for step in steps:
            await getattr(purchases, step)(payment.pk)

    till.make_purchase(go_on)


def test_a_payment_that_the_chain_took_back_leaves_no_case(shelf_till: Till) -> None:
    dispute = shelf_till.case()
    shelf_till.make_purchase(lambda purchases: purchases.uproot(dispute.payment_id))
    shelf_till.make_purchase(lambda purchases: purchases.fail(dispute.payment_id))
    shelf_till.tend()
    assert state(dispute) == Case.WITHDRAWN


def test_a_case_outlasts_a_reorg_that_brings_its_payment_back(shelf_till: Till) -> None:
    dispute = shelf_till.case()
    shelf_till.make_purchase(lambda purchases: purchases.uproot(dispute.payment_id))
    past = timezone.now() - timedelta(days=2)
    Dispute.objects.filter(pk=dispute.pk).update(deadline_at=past)
    shelf_till.tend()
    assert state(dispute) == Case.OPEN, "nothing is decided while nobody knows"
    shelf_till.make_purchase(lambda purchases: purchases.settle(dispute.payment_id))
    shelf_till.tend()
    assert state(dispute) == Case.REVIEW
