"""What a wallet's owner lets it spend here: looked at before a claim, counted within it.

The rules are read once and remembered with their version. The claim's statement compares that
version with the row's, so nobody passes by rules that were changed a moment ago; and the sums
of an hour and a day are counters like those of the exposure, locked in the same statement. A
wallet in a group has the group's terms beside its own, and counts in the group's sums as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from payments.database.pool import Connection, Pool, one, rows
from payments.exposure.exposure import SPENT_KEY, CapLimit

UNLIMITED_ATOMIC = 10**30  # it is counted all the same
DECIMALS = 6  # of every dollar token that is taken
SUMS = ("hour_max", "day_max", "seller_day_max", "listing_day_max")
AMOUNTS = ("call_max", *SUMS)
GROUP = "group-"
_TERMS = ("paused", *AMOUNTS, "allowed", "blocked")
_RULES = f"""
    select l.version, l.network, {", ".join(f"l.{name}" for name in _TERMS)},
           g.id, g.name, {", ".join(f"g.{name}" for name in _TERMS)}
      from payments_limit l left join payments_limitgroup g on g.id = l.group_id
     where l.payer = %s
"""  # noqa: S608 - composed of our own constants only


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not paid for, in a word for programs and a sentence for people."""

    word: str
    text: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What one wallet, or one group of wallets, may spend, in whole dollars."""

    holder: str = ""  # whose sums they are, as the counters name it
    name: str = ""
    paused: bool = False
    most: Mapping[str, Decimal | None] = field(default_factory=dict)
    allowed: tuple[str, ...] = ()  # sellers and listings; nothing here allows all
    blocked: tuple[str, ...] = ()

    @property
    def of_group(self) -> bool:
        return self.holder.startswith(GROUP)

    @property
    def who(self) -> str:
        """In a sentence to the agent: the owner's own names are not for it."""
        return "this wallet's group" if self.of_group else "this wallet"

    def refusal(self, path: str, amount_dollars: Decimal) -> Refusal | None:
        """What forbids this call whatever was spent before."""
        if self.paused:
            return Refusal("wallet_paused_by_owner", f"The owner has paused {self.who}.")
        names = {path, path.partition("/")[0]}
        if names & set(self.blocked):
            return Refusal("blocked_by_owner", f"The owner of {self.who} has blocked {path}.")
        if self.allowed and not names & set(self.allowed):
            return Refusal(
                "not_allowed_by_owner", f"The owner of {self.who} does not allow {path}."
            )
        most = self.most.get("call_max")
        if most is not None and amount_dollars > most:
            said = f"The limit of {self.who} is ${_plain(most)} a call"
            return Refusal(
                "limit_per_call", f"{said}, and this call costs ${_plain(amount_dollars)}."
            )
        return None

    def counters(self, path: str, decimals: int, at: datetime) -> dict[str, str]:
        """The counter behind each sum; every token is a dollar, those of one scale add up."""
        at = at.astimezone(UTC)
        start = f"{SPENT_KEY}{self.holder}:{decimals}"
        day = f"{start}:{at:%Y%m%d}"
        return {
            "hour_max": f"{start}:{at:%Y%m%d%H}h",
            "day_max": day,
            "seller_day_max": f"{day}:seller:{path.partition('/')[0]}",
            "listing_day_max": f"{day}:listing:{path}",
        }


@dataclass(frozen=True, slots=True)
class Rules:
    """One wallet's rules, and those of its group; without a version it has none."""

    version: int = 0
    network: str = ""  # a contract's own: elsewhere the address may be somebody else's
    own: Terms = Terms()
    group: Terms | None = None

    @property
    def terms(self) -> tuple[Terms, ...]:
        return (self.own,) if self.group is None else (self.own, self.group)

    def count_on(self, network: str) -> bool:
        return self.version > 0 and self.network in ("", network)

    def refusal(self, path: str, amount_dollars: Decimal) -> Refusal | None:
        """What forbids this call whatever was spent before."""
        found = (each.refusal(path, amount_dollars) for each in self.terms)
        return next((each for each in found if each is not None), None)

    def caps(self, *, path: str, decimals: int, at: datetime) -> tuple[CapLimit, ...]:
        """The counters of this hour and day. All are kept once a wallet has rules."""
        return tuple(
            CapLimit(key, atomic, on_trust_atomic=atomic)
            for terms in self.terms
            for name, key in terms.counters(path, decimals, at).items()
            for atomic in (_atomic(terms.most.get(name), decimals),)
        )

    def full(self, key: str, used_atomic: int, price_atomic: int) -> Refusal | None:
        """In words that the sum behind a counter has no room; they may have changed meanwhile."""
        most = self.most_behind(key)
        if most is None:
            return None
        sum_ = read_counter(key)
        word, what = _WORDS[sum_.name]
        who, scale = Terms(sum_.holder).who, -sum_.decimals
        left = max(most - Decimal(used_atomic).scaleb(scale), Decimal(0))
        price = Decimal(price_atomic).scaleb(scale)
        said = f"The limit of {who} is ${_plain(most)} {what}: ${_plain(left)} of it is left"
        return Refusal(word, f"{said}, and this call costs ${_plain(price)}.")

    def most_behind(self, key: str) -> Decimal | None:
        """The limit that a counter is held under."""
        sum_ = read_counter(key)
        own = (each for each in self.terms if each.holder == sum_.holder)
        return next((each.most.get(sum_.name) for each in own), None)


@dataclass(frozen=True, slots=True)
class Sum:
    """One sum of one hour or day, as its counter's key says."""

    holder: str
    decimals: int
    name: str
    subject: str  # a seller or a listing
    starts_at: datetime

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(hours=1 if self.name == "hour_max" else 24)


def read_counter(key: str) -> Sum:
    """What a counter of what was spent adds up."""
    _, holder, decimals, when, *rest = key.split(":", 5)
    name = f"{rest[0]}_day_max" if rest else "hour_max" if when.endswith("h") else "day_max"
    form = "%Y%m%d%Hh" if name == "hour_max" else "%Y%m%d"
    starts_at = datetime.strptime(when, form).replace(tzinfo=UTC)
    return Sum(holder, int(decimals), name, rest[1] if rest else "", starts_at)


NO_RULES = Rules()
_WORDS = {
    "hour_max": ("limit_per_hour", "an hour"),
    "day_max": ("limit_per_day", "a day"),
    "seller_day_max": ("limit_per_seller", "a day at this seller"),
    "listing_day_max": ("limit_per_listing", "a day for this listing"),
}


async def read_rules(pool: Pool, payer: str) -> Rules:
    """A wallet's rules as they are now, its group's with them."""
    row = await one(pool, _RULES, (payer,))
    return NO_RULES if row is None else _rules_of(payer, row)


async def version_of(connection: Connection, payer: str) -> int:
    """Which version of its rules holds for a wallet now; 0 where there are none."""
    query = "select version from payments_limit where payer = %s"
    row = await (await connection.execute(query, (payer,))).fetchone()
    return int(row[0]) if row else 0


def _rules_of(payer: str, row: tuple[Any, ...]) -> Rules:
    version, network, *own = row[: 2 + len(_TERMS)]
    group_id, name, *shared = row[2 + len(_TERMS) :]
    group = None if group_id is None else _terms(group_holder(group_id), name, shared)
    return Rules(version, network, _terms(payer, "", own), group)


def _terms(holder: str, name: str, values: list[Any]) -> Terms:
    paused, *most, allowed, blocked = values
    known = dict(zip(AMOUNTS, most, strict=True))
    return Terms(holder, name, paused, known, tuple(allowed), tuple(blocked))


def group_holder(group_id: UUID) -> str:
    """How counters name a group."""
    return f"{GROUP}{group_id}"


async def used_of(pool: Pool, keys: list[str]) -> dict[str, int]:
    found = await rows(
        pool, "select key, used_atomic from payments_cap where key = any(%s)", (keys,)
    )
    return {key: int(used) for key, used in found}


def _plain(dollars: Decimal) -> str:
    return f"{dollars.normalize():f}"


def _atomic(most: Decimal | None, decimals: int) -> int:
    return UNLIMITED_ATOMIC if most is None else int(most * 10**decimals)


class KnownRules:
    """The rules this process has met; most wallets have none, and none is ever asked for twice."""

    def __init__(self, entries_max: int = 10_000) -> None:
        self._entries_max = entries_max
        self._known: dict[str, Rules] = {}

    def of(self, payer: str) -> Rules:
        """What is believed until the claim says otherwise."""
        return self._known.get(payer, NO_RULES)

    async def learn(self, pool: Pool, payer: str) -> Rules:
        """The claim said otherwise."""
        rules = await read_rules(pool, payer)
        if len(self._known) >= self._entries_max:
            self._known.clear()
        self._known[payer] = rules
        return rules
