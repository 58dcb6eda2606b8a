"""Whoever counts failures goes by one list of what happens, and of whose fault it is."""

from __future__ import annotations

import pytest

from marketplace.calls.judging import Verdict
from payments.not_charged import SELLERS_FAULTS, Fault, NotCharged
from sellers.health.causes import cause

NO_SELLERS_FAULT = {NotCharged.REJECTED: Fault.BUYER, NotCharged.BUSY: Fault.OURS}


@pytest.mark.parametrize("reason", NotCharged)
def test_every_reason_has_its_words_and_counts_against_the_same_one_everywhere(
    reason: NotCharged,
) -> None:
    said = cause(str(reason))
    assert said.text != reason, "no seller is shown a bare word"
    assert said.fix
    assert reason.fault is NO_SELLERS_FAULT.get(reason, Fault.SELLER)
    counts = reason.fault is Fault.SELLER
    assert (reason in SELLERS_FAULTS) is counts, "the rank, the health and the doctor"
    verdict = Verdict(reason, 502)
    assert verdict.upstream_at_fault is counts, "the breaker"
    assert verdict.is_ours is (reason.fault is Fault.OURS)
    assert NotCharged(reason.value) is reason
