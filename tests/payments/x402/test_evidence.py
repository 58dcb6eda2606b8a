"""Only a use followed by its own exact transfer proves a payment (I-10)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments.x402.crypto import keccak256
from payments.x402.schemes import SCHEMES
from payments.x402.types import Authorization, Evidence, Finding, LogEntry
from tests.payments.x402.cast import USDC, attacker, buyer, other_buyer, other_seller, seller

EXACT = SCHEMES["exact"]
USED = keccak256(b"AuthorizationUsed(address,bytes32)")
CANCELLED = keccak256(b"AuthorizationCanceled(address,bytes32)")
TRANSFER = keccak256(b"Transfer(address,address,uint256)")
APPROVAL = keccak256(b"Approval(address,address,uint256)")
SIGNATURE = b"\x01" * 65

Event = tuple[tuple[bytes, ...], bytes]


def word(address: str) -> bytes:
    return bytes(12) + bytes.fromhex(address[2:])


def payment(nonce: int = 1, payer: str = buyer.address, amount: int = 100) -> Authorization:
    return Authorization(payer, seller.address, amount, 0, 9, bytes([nonce]) * 32, SIGNATURE)


def used(made: Authorization) -> Event:
    return ((USED, word(made.payer), made.nonce), b"")


def cancelled(made: Authorization) -> Event:
    return ((CANCELLED, word(made.payer), made.nonce), b"")


def transfer(made: Authorization) -> Event:
    topics = (TRANSFER, word(made.payer), word(made.pay_to))
    return (topics, made.amount_atomic.to_bytes(32, "big"))


def logs_of(*events: Event, token: str = USDC, start: int = 0) -> list[LogEntry]:
    return [LogEntry(token, *event, index) for index, event in enumerate(events, start)]


def evidence_of(made: Authorization, logs: list[LogEntry]) -> Evidence:
    return EXACT.find_transfer(logs, made, USDC).evidence


def test_a_use_and_its_transfer_are_payment():
    made = payment()
    logs = logs_of(used(made), transfer(made), start=7)
    assert EXACT.find_transfer(logs, made, USDC) == Finding(Evidence.PAID, 8)


def test_the_token_is_the_same_however_its_address_is_written():
    made = payment()
    assert evidence_of(made, logs_of(used(made), transfer(made), token=USDC.lower())) is (
        Evidence.PAID
    )


def test_a_payment_is_found_among_the_events_of_others():
    made = payment()
    before = logs_of(transfer(payment(2)), token=attacker.address)
    between = logs_of(((APPROVAL, word(made.payer), word(made.pay_to)), bytes(32)), start=2)
    ours = [LogEntry(USDC, *used(made), 1), LogEntry(USDC, *transfer(made), 3)]
    assert EXACT.find_transfer([*ours, *between, *before], made, USDC).transfer_log_index == 3


@pytest.mark.parametrize(
    "other",
    [
        replace(payment(), pay_to=other_seller.address),
        replace(payment(), amount_atomic=99),
        replace(payment(), amount_atomic=101),
        replace(payment(), payer=other_buyer.address),
    ],
)
def test_a_use_with_another_transfer_is_not_payment(other):
    logs = logs_of(used(payment()), transfer(other))
    assert evidence_of(payment(), logs) is Evidence.SPENT_ELSEWHERE


def test_a_use_without_any_transfer_is_not_payment():
    assert evidence_of(payment(), logs_of(used(payment()))) is Evidence.SPENT_ELSEWHERE


def test_a_transfer_without_the_use_is_not_payment():
    assert evidence_of(payment(), logs_of(transfer(payment()))) is Evidence.NOTHING


def test_a_transfer_before_the_use_is_not_its_transfer():
    made = payment()
    assert evidence_of(made, logs_of(transfer(made), used(made))) is Evidence.SPENT_ELSEWHERE


def test_a_cancellation_is_not_payment_even_beside_an_equal_transfer():
    made = payment()
    assert evidence_of(made, logs_of(cancelled(made), transfer(made))) is Evidence.CANCELLED


def test_events_of_another_token_prove_nothing():
    made = payment()
    forged = logs_of(used(made), transfer(made), token=attacker.address)
    assert evidence_of(made, forged) is Evidence.NOTHING
    mixed = [LogEntry(USDC, *used(made), 0), LogEntry(attacker.address, *transfer(made), 1)]
    assert evidence_of(made, mixed) is Evidence.SPENT_ELSEWHERE


def test_one_transfer_does_not_pay_for_two():
    """The payer spends one nonce elsewhere, beside an honest equal payment with another."""
    spent, honest = payment(1), payment(2)
    elsewhere = replace(spent, pay_to=attacker.address)
    logs = logs_of(used(spent), transfer(elsewhere), used(honest), transfer(honest))
    assert evidence_of(spent, logs) is Evidence.SPENT_ELSEWHERE
    assert evidence_of(honest, logs) is Evidence.PAID


def test_a_use_whose_transfer_is_missing_does_not_borrow_the_next_ones():
    first, second = payment(1), payment(2)
    logs = logs_of(used(first), used(second), transfer(second))
    assert evidence_of(first, logs) is Evidence.SPENT_ELSEWHERE
    assert evidence_of(second, logs) is Evidence.PAID


def test_a_later_plain_transfer_does_not_mend_a_use_that_paid_another():
    spent, gift = replace(payment(), pay_to=attacker.address), payment()
    logs = logs_of(used(payment()), transfer(spent), transfer(gift))
    assert evidence_of(payment(), logs) is Evidence.SPENT_ELSEWHERE


@pytest.mark.parametrize(
    "broken",
    [
        ((TRANSFER, word(buyer.address), word(seller.address)), b""),
        ((TRANSFER, word(buyer.address), word(seller.address)), bytes(31) + b"d" + bytes(1)),
        ((TRANSFER, word(buyer.address)), transfer(payment())[1]),
        ((TRANSFER, *transfer(payment())[0][1:], bytes(32)), transfer(payment())[1]),
    ],
)
def test_a_transfer_of_another_shape_is_not_payment(broken):
    assert evidence_of(payment(), logs_of(used(payment()), broken)) is Evidence.SPENT_ELSEWHERE


def test_events_without_a_name_are_passed_over():
    made = payment()
    assert evidence_of(made, logs_of(((), b""), used(made), ((), b""), transfer(made))) is (
        Evidence.PAID
    )


fates = st.lists(st.sampled_from(["paid", "elsewhere", "cancelled", "absent"]), max_size=12)


@given(fates, st.randoms())
def test_in_a_batch_each_payment_has_its_own_proof(batch, order):
    events: list[Event] = []
    members = [payment(nonce) for nonce in range(1, len(batch) + 1)]
    for made, fate in zip(members, batch, strict=True):
        if fate == "cancelled":
            events.append(cancelled(made))
        elif fate != "absent":
            moved = made if fate == "paid" else replace(made, pay_to=attacker.address)
            events += [used(made), transfer(moved)]
    logs = logs_of(*events)
    order.shuffle(logs)
    findings = [EXACT.find_transfer(logs, made, USDC) for made in members]
    expected = {
        "paid": Evidence.PAID,
        "elsewhere": Evidence.SPENT_ELSEWHERE,
        "cancelled": Evidence.CANCELLED,
        "absent": Evidence.NOTHING,
    }
    assert [found.evidence for found in findings] == [expected[fate] for fate in batch]
    proofs = [found.transfer_log_index for found in findings if found.evidence is Evidence.PAID]
    assert len(set(proofs)) == len(proofs)


def test_the_logs_are_asked_for_both_ends_of_an_authorization():
    made = payment()
    assert EXACT.cancelled_or_used(made) == ((USED, CANCELLED), word(made.payer), made.nonce)
