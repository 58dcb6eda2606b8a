"""Answers whose money has not moved for too long, or whose signature runs out: and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from payments import audit_log
from payments.amounts import Amount
from payments.live.wakeups import WORK_TO_SETTLE

SHOWN_MAX: Final = 500
NAMED_MAX: Final = 100

_STUCK = """
    select p.id, p.network, g.version, g.money, p.listing_path, p.asset, p.amount_atomic,
           p.valid_before, a.stored_at, g.relayer_nonce, g.facilitator,
           coalesce(r.stopped_why, ''), coalesce(h.refusing_why, ''), h.seen_at,
           coalesce(r.address, ''), coalesce(r.balance_wei < s.most_wei, false)
      from payments_progress g join payments_payment p on p.id = g.payment_id
      join payments_answer a on a.payment_id = g.payment_id
      left join payments_chainhealth h on h.network = g.network
      left join payments_relayer r on r.id = g.relayer_id
      left join lateral (
           select b.gas_limit * b.max_fee_wei as most_wei from payments_broadcast b
            where b.relayer_id = g.relayer_id and b.nonce = g.relayer_nonce
            order by b.variant desc limit 1) s on true
     where g.next_check_at is not null and g.work = 'answered'
       and g.money in ('none', 'broadcast')
       and (a.stored_at < now() - make_interval(secs => %(waits)s) or p.valid_before < %(ends)s)
     order by p.valid_before, p.id limit %(most)s
"""
_NOW = """
    update payments_progress set next_check_at = now(), put_off = false
     where payment_id = any(%(ids)s) and next_check_at is not null
       and work = 'answered' and money in ('none', 'broadcast')
"""


@dataclass(frozen=True, slots=True)
class Stuck:
    """One such payment, as far as its own rows say what keeps it."""

    id: UUID
    network: str
    version: int
    money: str
    listing: str
    asset: str
    amount_atomic: int
    valid_before_unix: int
    answered_at: datetime
    nonce: int | None
    facilitator: str | None
    stopped_why: str
    refusing_why: str
    settler_seen_at: datetime | None
    relayer: str
    is_poor: bool  # its relayer has less than the node wants at hand for its transaction

    def seconds_left(self) -> float:
        """How long the buyer's signature is still good."""
        return self.valid_before_unix - timezone.now().timestamp()

    def why(self, *, stale_seconds: float) -> str:
        """What keeps it, the worst first."""
        seen = self.settler_seen_at
        if seen is None or (timezone.now() - seen).total_seconds() > stale_seconds:
            return "nobody settles this network: start a worker"
        if self.facilitator is not None:
            return f"{self.facilitator} was given it, and is asked again until the chain decides"
        if self.seconds_left() < 0:
            return "its signature is over; it ends when the chain's final block says so"
        if self.money == "broadcast":
            stopped = f"; its relayer stopped: {self.stopped_why}" if self.stopped_why else ""
            short = f"relayer {self.relayer} is short of gas money: send it some"
            next_step = short if self.is_poor else "its fee is raised"
            return f"sent as number {self.nonce}, not in a block yet; {next_step}{stopped}"
        if self.refusing_why:
            return f"the network is refused: {self.refusing_why}"
        return "it is due, and the worker's log says why it does not go through"

    def to_json(self, *, stale_seconds: float) -> dict[str, Any]:
        amount = Amount.of(self.network, self.asset, self.amount_atomic).text
        return {**asdict(self), "amount": amount, "why": self.why(stale_seconds=stale_seconds)}


def stuck(*, waits_seconds: float, margin_seconds: float) -> list[Stuck]:
    """What waits for longer than it should, or has little time left, the most urgent first."""
    ends = int(timezone.now().timestamp() + margin_seconds)
    with connection.cursor() as cursor:
        cursor.execute(_STUCK, {"waits": waits_seconds, "ends": ends, "most": SHOWN_MAX})
        return [Stuck(*row) for row in cursor.fetchall()]


def try_now(ids: list[UUID], *, by: str) -> None:
    """Let the worker look at these at once. No state changes, so no step is taken."""
    after = {"payments": [str(each) for each in ids[:NAMED_MAX]], "count": len(ids)}
    with transaction.atomic(), connection.cursor() as cursor:
        audit_log.take_turn()
        cursor.execute(_NOW, {"ids": ids})
        audit_log.record(by, "payments.tried_again", "site:payments", after=after)
    with connection.cursor() as cursor:  # the bell rings for what is there already
        cursor.execute("select pg_notify(%s, '')", (WORK_TO_SETTLE,))
