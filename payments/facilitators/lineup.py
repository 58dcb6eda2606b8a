"""The operator's list of facilitators: which can be used now, and in which order.

Words may put one of them to rest, but only a payment that stands in a block speaks for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf
from uuid import UUID

from payments.facilitators.calls import FacilitatorCalls, Settled
from payments.facilitators.submissions import Outcome
from payments.settling.desk import Row
from payments.x402.schemes import SCHEMES

log = logging.getLogger(__name__)

FAILING_PAYMENTS = 3  # so many in a row that it took no word or no notice of make it rest
UNPROVEN_SECONDS = 60.0  # what it said was paid stands in a block by then, whatever the network
TROUBLED_POLL_SECONDS = 3.0


@dataclass(slots=True)
class Member:
    """One facilitator of the list, and what this process thinks of it."""

    calls: FacilitatorCalls
    serves: bool = False
    said: str = ""
    poll_at: float = 0.0
    rested_at: float = -inf
    rests_until: float = 0.0
    is_on_trial: bool = False
    failing: set[UUID] = field(default_factory=set)
    asking: set[UUID] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.calls.name


class FacilitatorList:
    """Asks each of its members now and then what it serves, and remembers how it did."""

    def __init__(
        self,
        network: str,
        members: Sequence[FacilitatorCalls],
        *,
        poll_seconds: float,
        rest_seconds: float,
        in_flight_max: int,
    ) -> None:
        self._network = network
        self._members = {calls.name: Member(calls) for calls in members}
        self._poll_seconds = poll_seconds
        self._rest_seconds = rest_seconds
        self._in_flight_max = in_flight_max
        self._polling: dict[str, asyncio.Task[None]] = {}
        self._introduced = False

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def get(self, name: str | None) -> Member | None:
        return None if name is None else self._members.get(name)

    def in_order(self) -> list[str]:
        """Those that serve us and have room, in the operator's order; who rests comes last."""
        now = asyncio.get_running_loop().time()
        usable = [
            member for member in self._members.values() if member.serves and self.has_room(member)
        ]
        usable.sort(key=lambda member: now < member.rests_until)
        return [member.name for member in usable]

    def has_room(self, member: Member) -> bool:
        """Whether it may be asked for one more; after a rest one payment shows how it does."""
        return len(member.asking) < (1 if member.is_on_trial else self._in_flight_max)

    async def trouble(self) -> str:
        """Why none can be used; empty when one can. They are asked beside the settling."""
        loop = asyncio.get_running_loop()
        for member in self._members.values():
            if loop.time() >= member.poll_at and member.name not in self._polling:
                self._poll(member)
        if not self._introduced:
            await asyncio.wait(list(self._polling.values()))
            self._introduced = True
        now = loop.time()
        if any(each.serves and now >= each.rests_until for each in self._members.values()):
            return ""
        return "no facilitator can settle at the moment"  # buyers read this; the log says why

    def _poll(self, member: Member) -> None:
        task = self._polling[member.name] = asyncio.create_task(self._ask(member))
        task.add_done_callback(lambda _: self._polling.pop(member.name, None))

    async def _ask(self, member: Member) -> None:
        for scheme in SCHEMES:
            service = await member.calls.supported(self._network, scheme)
            if not service.serves:
                break
        if not service.serves and service.said != member.said:
            log.error("%s: facilitator %s: %s", self._network, member.name, service.said)
        member.said = service.said
        if service.serves is not None:
            member.serves = service.serves
        wait = self._poll_seconds if member.serves else TROUBLED_POLL_SECONDS
        now = asyncio.get_running_loop().time()
        member.poll_at = now + min(wait, self._poll_seconds)

    def weigh(self, member: Member, row: Row, settled: Settled, *, claims_seconds: float) -> None:
        """Whether this answer speaks against the facilitator.

        A refusal does not: a buyer can bring it about. Nor does silence about a contract wallet,
        whose own code may have caused it. `claims_seconds` is how long ago it first said that
        this payment was settled, which no block has shown since.
        """
        if settled.outcome not in (Outcome.SETTLED, Outcome.PENDING):
            log.warning(
                "%s: facilitator %s: payment %s: %s: %s",
                self._network, member.name, row.payment_id, settled.outcome.value, settled.said,
            )  # fmt: skip
        if settled.outcome == Outcome.UNSENT:
            member.poll_at = 0.0  # does it still serve us at all?
        is_wordless = settled.outcome == Outcome.UNKNOWN and not row.payer_has_code
        is_unproven = settled.outcome == Outcome.SETTLED and claims_seconds > UNPROVEN_SECONDS
        if is_wordless or is_unproven or settled.outcome == Outcome.UNSENT:
            self.blame(member, row.payment_id)
        elif settled.outcome != Outcome.UNKNOWN:
            member.is_on_trial = False

    def blame(self, member: Member, payment_id: UUID) -> None:
        now = asyncio.get_running_loop().time()
        if now < member.rests_until:
            return  # it was asked before it rested
        member.failing.add(payment_id)
        if member.is_on_trial or len(member.failing) >= FAILING_PAYMENTS:
            member.failing.clear()
            member.is_on_trial = True
            member.rested_at, member.rests_until = now, now + self._rest_seconds
            log.error("%s: facilitator %s rests for a while", self._network, member.name)

    def trust(self, member: Member, *, asked_seconds: float) -> None:
        """It paid what it was asked for so long ago; of a rest since then that says nothing."""
        if asyncio.get_running_loop().time() - asked_seconds > member.rested_at:
            member.failing.clear()
            member.rests_until = 0.0
            member.is_on_trial = False

    async def close(self) -> None:
        tasks = list(self._polling.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for member in self._members.values():
            await member.calls.close()
