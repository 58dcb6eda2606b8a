"""Whether an upstream's outcome may be charged, and what the buyer is shown if not."""

from dataclasses import dataclass
from typing import Final

import orjson

from marketplace.calls.forwarding import Answered, FailureKind, Outcome
from payments.not_charged import Fault, NotCharged


@dataclass(frozen=True, slots=True)
class Terms:
    """What a listing promises about its answers, as far as charging depends on it."""

    body_required: bool
    required_keys: frozenset[str]  # empty when the listing does not ask for the check


@dataclass(frozen=True, slots=True)
class Verdict:
    """One outcome, judged.

    `status` is the upstream's own where it is passed on, 502 or 504 where it is not.
    """

    reason: NotCharged | None
    status: int

    @property
    def billable(self) -> bool:
        return self.reason is None

    @property
    def is_ours(self) -> bool:
        """Say whether it tells nothing of the upstream, neither good nor bad."""
        return self.reason is not None and self.reason.fault is Fault.OURS

    @property
    def upstream_at_fault(self) -> bool:
        """Say whether it counts towards the breaker; a buyer's bad question does not."""
        return self.reason is not None and self.reason.fault is Fault.SELLER

    @property
    def passes_answer_on(self) -> bool:
        """Say whether the buyer is shown the upstream's own answer."""
        return self.reason in (None, NotCharged.REJECTED, NotCharged.ERROR)


_FAILURES: Final = {
    FailureKind.REFUSED_BY_EGRESS: (NotCharged.UNREACHABLE, 502),
    FailureKind.CONNECT: (NotCharged.UNREACHABLE, 502),
    FailureKind.TLS: (NotCharged.UNREACHABLE, 502),
    FailureKind.TIMEOUT_FIRST_BYTE: (NotCharged.TIMEOUT, 504),
    FailureKind.TIMEOUT_TOTAL: (NotCharged.TIMEOUT, 504),
    FailureKind.CUT: (NotCharged.CUT, 502),
    FailureKind.TOO_LARGE: (NotCharged.TOO_LARGE, 502),
    FailureKind.PROTOCOL: (NotCharged.BAD_HTTP, 502),
    FailureKind.NO_PLACE: (NotCharged.BUSY, 503),
    FailureKind.NO_ROOM: (NotCharged.BUSY, 503),
}


def judge(outcome: Outcome, terms: Terms) -> Verdict:
    """Decide whether an outcome is billable: a whole 2xx answer that keeps the terms."""
    if not isinstance(outcome, Answered):
        return Verdict(*_FAILURES[outcome.kind])
    if 200 <= outcome.status < 300:
        broken = _broken_term(outcome, terms)
        if broken is None:
            return Verdict(None, outcome.status)
        return Verdict(broken, 502)
    return _judge_refusal(outcome.status)


def _broken_term(answer: Answered, terms: Terms) -> NotCharged | None:
    if answer.status == 206:  # nobody asked for a range, so this is not the whole
        return NotCharged.PARTIAL
    if terms.body_required and not answer.body:
        return NotCharged.EMPTY
    return _broken_shape(answer, terms.required_keys) if terms.required_keys else None


def _broken_shape(answer: Answered, required_keys: frozenset[str]) -> NotCharged | None:
    try:
        document = orjson.loads(answer.body)  # an encoded body does not parse either
    except orjson.JSONDecodeError:
        return NotCharged.UNREADABLE
    if not isinstance(document, dict) or not required_keys <= document.keys():
        return NotCharged.MISSING_KEYS
    return None


def _judge_refusal(status: int) -> Verdict:
    if status == 402:
        return Verdict(NotCharged.WANTS_PAYMENT, 502)
    if status == 407 or not 300 <= status < 600:
        # A proxy's question is not for the buyer; the others are no final HTTP status.
        return Verdict(NotCharged.BAD_HTTP, 502)
    if status < 400:
        return Verdict(NotCharged.REDIRECT, 502)
    if status < 500:
        return Verdict(NotCharged.REJECTED, status)
    return Verdict(NotCharged.ERROR, status)
