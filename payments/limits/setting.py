"""Setting what a wallet may spend: whoever asks has shown that the wallet is theirs.

Rules change while the wallets' payer counters are held, as every claim holds them. So a claim is
counted by the old rules and committed before the change, or it is told that they changed.

With a wallet's first rules its payments of today are counted, and from then on count themselves:
they are held as well, before the counters, as every move of theirs holds them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from payments.audit_log import SYSTEM, record, take_turn
from payments.exposure.exposure import PAYER_KEY, SPENT_KEY
from payments.limits.owners import AMOUNTS
from payments.models import Limit, LimitGroup
from payments.wallets.payers import Payer
from payments.wiring.networks import known_assets, networks
from payments.x402.networks import DEFAULT_ASSETS

GROUP_WALLETS_MAX = 100
HOLD_TRIES = 10  # only a wallet that pays many times a second needs a second one


class NotPossible(Exception):
    """What an owner asked for cannot be; the text says why."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Everything an owner says of one wallet or one group."""

    name: str
    paused: bool
    most: Mapping[str, Decimal | None]
    allowed: tuple[str, ...]
    blocked: tuple[str, ...]

    @property
    def values(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "paused": self.paused,
            "allowed": list(self.allowed),
            "blocked": list(self.blocked),
            **{name: self.most.get(name) for name in AMOUNTS},
        }


def limits_of(payer: Payer) -> Limit | None:
    return Limit.objects.select_related("group").filter(payer=payer.address).first()


def names_of(payers: Sequence[Payer]) -> dict[str, str]:
    """What their owner calls these wallets."""
    rows = Limit.objects.filter(payer__in=[each.address for each in payers]).exclude(name="")
    return dict(rows.values_list("payer", "name"))


def forget_names(payers: tuple[Payer, ...]) -> None:
    """Call these wallets by their address alone; what they may spend stays as it is."""
    named = Limit.objects.filter(payer__in=[each.address for each in payers]).exclude(name="")
    named.update(name="")


def set_limits(
    payer: Payer, wishes: Wishes, group: LimitGroup | None = None, *, by: str = SYSTEM
) -> None:
    """From the next claim on, wherever it is made; the wallet is in this group now, or in none.

    What was spent today before there were any rules is counted in the same transaction.
    """
    with transaction.atomic():
        room_in(group, payer.address)
        before = limits_of(payer)
        values = {**wishes.values, "network": payer.network, "group": group}
        _, is_new = Limit.objects.get_or_create(payer=payer.address, defaults=values)
        if is_new:
            _begin(payer)
        else:
            Limit.objects.filter(pk=payer.address).update(**values, changed_at=datetime.now(UTC))
            hold_from_now([payer.address])
        subject = f"wallet:{payer.address}"
        record(by, "limits.set", subject, before=facts(before), after=facts(limits_of(payer)))


def facts(row: Limit | LimitGroup | None) -> dict[str, Any] | None:
    """What the audit log has of a wallet's or a group's terms: no names."""
    if row is None:
        return None
    said = {name: getattr(row, name) for name in ("paused", "allowed", "blocked")}
    amounts = {name: _plain(getattr(row, name)) for name in AMOUNTS}
    group = {"group": str(row.group_id or "")} if isinstance(row, Limit) else {}
    return {**said, **amounts, **group}


def _plain(dollars: Decimal | None) -> str | None:
    """The same text for the same amount, however many places it was kept with."""
    return None if dollars is None else f"{dollars.normalize():f}"


def room_in(group: LimitGroup | None, address: str) -> None:
    """Keep a group as it is until the wallet is in it."""
    if group is None:
        return
    held = LimitGroup.objects.select_for_update().filter(pk=group.pk).first()
    if held is None:
        raise NotPossible("This group was just closed.")
    if held.members.exclude(pk=address).count() >= GROUP_WALLETS_MAX:
        raise NotPossible(f"A group has at most {GROUP_WALLETS_MAX} wallets.")


def members_of(group_id: UUID) -> list[str]:
    return list(Limit.objects.filter(group_id=group_id).order_by("pk").values_list("pk", flat=True))


# Every claim of these wallets locks one of these counters; those not there yet are made here.
_TELL_CLAIMS = """
    insert into payments_cap (key, used_atomic, rules_version)
    select k.key, 0, l.version
      from payments_limit l, unnest(%(tokens)s::text[]) as t(token),
           lateral (select %(start)s || l.payer || ':' || t.token) as k(key)
     where l.payer = any(%(payers)s)
     order by k.key
    on conflict (key) do update set rules_version = excluded.rules_version
"""


def hold_from_now(addresses: Sequence[str]) -> None:
    """The rules of these wallets changed in this transaction: no claim goes by the old ones."""
    held = Limit.objects.select_for_update().filter(pk__in=addresses).order_by("pk")
    found = [row.pk for row in held]
    Limit.objects.filter(pk__in=found).update(version=F("version") + 1)
    tokens = [f"{network}/{asset}" for network in networks() for asset in known_assets(network)]
    values: dict[str, Any] = {"payers": found, "tokens": tokens, "start": PAYER_KEY}
    with connection.cursor() as cursor:
        cursor.execute(_TELL_CLAIMS, values)


class _StillMoving(Exception):
    """A payment was claimed a moment ago, and moves at this one."""


def _begin(payer: Payer) -> None:
    """The first rules of a wallet hold, and what it spent today is counted in them.

    A payment that came between the two steps may wait for our counters while we would wait for it.
    Then all is let go and begun anew; the last time it is counted as it stands.
    """
    take_turn()  # before the payments: others who write an entry come to them with the log held
    for tries_left in reversed(range(HOLD_TRIES)):
        with suppress(_StillMoving), transaction.atomic():
            _asked(_HOLD, payer)
            hold_from_now([payer.address])
            (held,), (all_of_them,) = _asked(_HELD, payer), _asked(_UNFINISHED, payer)
            if held < all_of_them and tries_left:
                raise _StillMoving
            _asked(_COUNT_TODAY, payer)
            return


def _asked(statement: str, payer: Payer) -> Any:
    values: dict[str, Any] = {
        "payer": payer.address,
        "network": payer.network,
        "networks": [each.network for each in DEFAULT_ASSETS],
        "assets": [each.address for each in DEFAULT_ASSETS],
        "decimals": [each.decimals for each in DEFAULT_ASSETS],
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


_TODAYS = """
      from payments_payment p join payments_progress g on g.payment_id = p.id
     where p.payer = %(payer)s and %(network)s in ('', p.network)
       and p.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
"""
_OF_TODAY = f"select g.payment_id {_TODAYS} and g.closed_at is null"
_UNFINISHED = f"select count(*) from ({_OF_TODAY}) o"  # noqa: S608
_HOLD = f"""
    with held as materialized ({_OF_TODAY} order by g.payment_id for no key update of g)
    select count(*) from held
"""  # noqa: S608
_HELD = f"""
    with held as materialized ({_OF_TODAY} for no key update of g skip locked)
    select count(*) from held
"""  # noqa: S608

# Payments that count themselves name their counters.
# What may still move names them from now on, and so takes itself out of them again, or comes back;
# what is over is counted for good. Unpaid answers that left on trust stand in their sums apart.
_COUNT_TODAY = f"""
with mine as (
    select p.id, p.amount_atomic, g.closed_at is null as moves,
           g.money in ('settled', 'confirmed') or (g.work <> 'void' and g.money <> 'failed')
               as spends,
           g.on_trust and g.work <> 'void' and g.money in ('none', 'broadcast') as on_trust,
           array[d.day, d.day || to_char(a.at, 'HH24') || 'h',
                 d.day || ':seller:' || split_part(p.listing_path, '/', 1),
                 d.day || ':listing:' || p.listing_path] as keys
      from payments_payment p join payments_progress g on g.payment_id = p.id
      join unnest(%(networks)s::text[], %(assets)s::text[], %(decimals)s::int[])
           as t(network, asset, decimals) on t.network = p.network and t.asset = p.asset,
           lateral (select p.created_at at time zone 'utc' as at) a,
           lateral (select '{SPENT_KEY}' || p.payer || ':' || t.decimals || ':'
                           || to_char(a.at, 'YYYYMMDD') as day) d
     where p.payer = %(payer)s and %(network)s in ('', p.network)
       and p.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
       and not p.caps::text like '%%"{SPENT_KEY}%%'
), named as (
    update payments_payment p set caps = p.caps || to_jsonb(m.keys)
      from mine m where p.id = m.id and m.moves
), counted as (
    insert into payments_cap (key, used_atomic, on_trust_atomic, used_at)
    select k.key, sum(m.amount_atomic),
           coalesce(sum(m.amount_atomic) filter (where m.on_trust), 0), clock_timestamp()
      from mine m, unnest(m.keys) k(key)
     where m.spends
     group by k.key order by k.key
    on conflict (key) do update
       set used_atomic = payments_cap.used_atomic + excluded.used_atomic,
           on_trust_atomic = payments_cap.on_trust_atomic + excluded.on_trust_atomic
)
select count(*) from mine
"""  # noqa: S608 - composed of our own constants only
