"""What is charged and what is not, and what the buyer is shown."""

import gzip

import pytest

from marketplace.calls.forwarding import Answered, Failed, FailureKind
from marketplace.calls.judging import Terms, Verdict, judge
from payments.not_charged import NotCharged

STRICT = Terms(body_required=True, required_keys=frozenset({"city", "degrees"}))
NEEDS_BODY = Terms(body_required=True, required_keys=frozenset())
LENIENT = Terms(body_required=False, required_keys=frozenset())


def answered(status: int, body: bytes = b'{"city":"Oslo","degrees":3}') -> Answered:
    return Answered(status, (), "application/json", body)


@pytest.mark.parametrize("status", [200, 201, 202, 203, 299])
def test_a_whole_2xx_answer_is_billable(status: int) -> None:
    verdict = judge(answered(status), STRICT)
    assert verdict == Verdict(None, status)
    assert verdict.upstream_at_fault is False
    assert verdict.billable
    assert verdict.passes_answer_on


@pytest.mark.parametrize("status", [204, 205])
def test_an_empty_answer_is_billable_only_where_no_body_is_required(status: int) -> None:
    assert judge(answered(status, b""), LENIENT).billable
    refused = judge(answered(status, b""), NEEDS_BODY)
    assert refused == Verdict(NotCharged.EMPTY, 502)
    assert refused.upstream_at_fault is True
    assert not refused.passes_answer_on


def test_a_part_of_an_answer_is_not_billable() -> None:
    assert judge(answered(206), LENIENT).reason is NotCharged.PARTIAL


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"city":"Oslo","degrees":3,"more":1}', None),
        (b'{"city":null,"degrees":null}', None),
        (b'{"city":"Oslo"}', NotCharged.MISSING_KEYS),
        (b'["city","degrees"]', NotCharged.MISSING_KEYS),
        (b'"city degrees"', NotCharged.MISSING_KEYS),
        (b'{"city":"Oslo","degrees":', NotCharged.UNREADABLE),
        (b"<html>sorry</html>", NotCharged.UNREADABLE),
        (b'{"city":"\xff","degrees":1}', NotCharged.UNREADABLE),
        (gzip.compress(b'{"city":"Oslo","degrees":3}', mtime=0), NotCharged.UNREADABLE),
        (b"[" * 100_000, NotCharged.UNREADABLE),
    ],
)
def test_an_answer_must_hold_the_promised_keys_where_the_listing_asks(
    body: bytes, reason: NotCharged | None
) -> None:
    assert judge(answered(200, body), STRICT).reason is reason
    assert judge(answered(200, body), NEEDS_BODY).reason is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 409, 422, 429])
def test_an_upstreams_refusal_is_passed_on_and_not_charged(status: int) -> None:
    verdict = judge(answered(status), LENIENT)
    assert verdict == Verdict(NotCharged.REJECTED, status)
    assert verdict.upstream_at_fault is False
    assert verdict.passes_answer_on


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 599])
def test_an_upstreams_error_is_passed_on_and_counts_against_it(status: int) -> None:
    verdict = judge(answered(status), LENIENT)
    assert verdict == Verdict(NotCharged.ERROR, status)
    assert verdict.upstream_at_fault is True
    assert verdict.passes_answer_on


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (101, NotCharged.BAD_HTTP),
        (300, NotCharged.REDIRECT),
        (304, NotCharged.REDIRECT),
        (307, NotCharged.REDIRECT),
        (402, NotCharged.WANTS_PAYMENT),
        (407, NotCharged.BAD_HTTP),
        (600, NotCharged.BAD_HTTP),
        (999, NotCharged.BAD_HTTP),
    ],
)
def test_what_a_buyer_must_not_be_shown_becomes_a_502(status: int, reason: NotCharged) -> None:
    verdict = judge(answered(status), LENIENT)
    assert verdict == Verdict(reason, 502)
    assert verdict.upstream_at_fault is True
    assert not verdict.passes_answer_on


OURS = [FailureKind.NO_PLACE, FailureKind.NO_ROOM]


@pytest.mark.parametrize("kind", [kind for kind in FailureKind if kind not in OURS])
def test_no_failure_is_billable(kind: FailureKind) -> None:
    verdict = judge(Failed(kind, "detail"), LENIENT)
    assert not verdict.billable
    assert verdict.upstream_at_fault
    assert verdict.status == (504 if "timeout" in kind else 502)
    assert "detail" not in str(verdict.reason)


@pytest.mark.parametrize("kind", OURS)
def test_what_is_wanting_here_is_not_billable_and_no_fault_of_the_upstream(
    kind: FailureKind,
) -> None:
    verdict = judge(Failed(kind, "detail"), LENIENT)
    assert verdict == Verdict(NotCharged.BUSY, 503)
    assert verdict.upstream_at_fault is False
    assert (verdict.billable, verdict.is_ours) == (False, True)


def test_only_who_was_never_asked_cannot_have_acted() -> None:
    assert [Failed(kind, "").may_have_acted for kind in OURS] == [False, True]
