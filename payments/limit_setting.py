"""Setting what a wallet may spend: whoever asks has shown that the wallet is theirs.

Rules change while the wallets' payer counters are held, as every claim holds them. So a claim is
counted by the old rules and committed before the change, or it is told that they changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from payments import wiring
from payments.audit_log import SYSTEM, record
from payments.buyer_limits import AMOUNTS
from payments.exposure import PAYER_KEY, SPENT_KEY
from payments.models import Limit, LimitGroup
from payments.payers import Payer
from payments.x402.networks import DEFAULT_ASSETS

GROUP_WALLETS_MAX = 100


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
        if not is_new:
            Limit.objects.filter(pk=payer.address).update(**values, changed_at=datetime.now(UTC))
        hold_from_now([payer.address])
        if is_new:
            _count_today(payer)
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
    tokens = [
        f"{network}/{asset}" for network in wiring.networks() for asset in wiring.assets(network)
    ]
    values: dict[str, Any] = {"payers": found, "tokens": tokens, "start": PAYER_KEY}
    with connection.cursor() as cursor:
        cursor.execute(_TELL_CLAIMS, values)


# Payments that count themselves name their counters.
_TODAY = f"""
    insert into payments_cap (key, used_atomic, used_at)
    select k.key, sum(p.amount_atomic), clock_timestamp()
      from payments_payment p join payments_progress g on g.payment_id = p.id
      join unnest(%(networks)s::text[], %(assets)s::text[], %(decimals)s::int[])
           as t(network, asset, decimals) on t.network = p.network and t.asset = p.asset,
           lateral (select '{SPENT_KEY}' || p.payer || ':' || t.decimals as start,
                           p.created_at at time zone 'utc' as at) s,
           lateral (values (s.start || ':' || to_char(s.at, 'YYYYMMDDHH24') || 'h'),
                           (s.start || ':' || to_char(s.at, 'YYYYMMDD')),
                           (s.start || ':' || to_char(s.at, 'YYYYMMDD') || ':seller:'
                            || split_part(p.listing_path, '/', 1)),
                           (s.start || ':' || to_char(s.at, 'YYYYMMDD') || ':listing:'
                            || p.listing_path)) k(key)
     where p.payer = %(payer)s and %(network)s in ('', p.network)
       and p.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
       and (g.money in ('settled', 'confirmed') or (g.work <> 'void' and g.money <> 'failed'))
       and not p.caps::text like '%%"{SPENT_KEY}%%'
     group by k.key order by k.key
    on conflict (key) do update set used_atomic = payments_cap.used_atomic + excluded.used_atomic
"""  # noqa: S608 - composed of our own constants only


def _count_today(payer: Payer) -> None:
    """What was claimed before is committed by now, and what comes counts itself."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TODAY,
            {
                "payer": payer.address,
                "network": payer.network,
                "networks": [each.network for each in DEFAULT_ASSETS],
                "assets": [each.address for each in DEFAULT_ASSETS],
                "decimals": [each.decimals for each in DEFAULT_ASSETS],
            },
        )
