"""Wallets of one owner under shared limits: opened, changed and closed, and wallets that leave.

A group has no version of its own. Whatever changes it changes the version of each of its wallets
in the same transaction, and that is what a claim compares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from payments.audit_log import SYSTEM, record
from payments.limits.setting import NotPossible, Wishes, facts, hold_from_now, members_of
from payments.models import AlertWish, Limit, LimitGroup
from payments.wallets.payers import Payer

GROUPS_MAX = 50  # of one owner


def groups_of(owner: int) -> QuerySet[LimitGroup]:
    """The groups of an account, by name."""
    return LimitGroup.objects.filter(owner=owner).order_by("name")


@dataclass(frozen=True, slots=True)
class Team:
    """The wallets that are in a group now."""

    id: str
    name: str
    payers: tuple[Payer, ...]


def teams_of(owner: int, payers: Sequence[Payer]) -> tuple[Team, ...]:
    """The groups of an account with those of these wallets that are in them."""
    groups = list(groups_of(owner))
    if not groups:
        return ()
    inside: dict[UUID, list[Payer]] = {}
    of = dict(
        Limit.objects.filter(
            pk__in=[each.address for each in payers], group__in=groups
        ).values_list("pk", "group_id")
    )
    for each in payers:
        if each.address in of:
            inside.setdefault(of[each.address], []).append(each)
    return tuple(
        Team(str(group.pk), group.name, tuple(inside.get(group.pk, ()))) for group in groups
    )


def open_group(owner: int, wishes: Wishes, *, by: str = SYSTEM) -> LimitGroup:
    """A group without wallets yet."""
    with transaction.atomic():
        if groups_of(owner).count() >= GROUPS_MAX:
            raise NotPossible(f"There are {GROUPS_MAX} groups already; close one first.")
        group, is_new = LimitGroup.objects.get_or_create(
            owner=owner, name=wishes.name, defaults=wishes.values
        )
        if not is_new:
            raise _taken(wishes.name)
        record(by, "limits.group_opened", _subject(group.pk), after=facts(group))
        return group


def change_group(owner: int, group_id: UUID, wishes: Wishes, *, by: str = SYSTEM) -> None:
    """Other limits for all of its wallets, from the next claim on."""
    with transaction.atomic():
        group = _held(owner, group_id)
        if groups_of(owner).filter(name=wishes.name).exclude(pk=group_id).exists():
            raise _taken(wishes.name)
        before = facts(group)
        for name, value in wishes.values.items():
            setattr(group, name, value)
        group.save()
        hold_from_now(members_of(group_id))
        record(by, "limits.group_set", _subject(group_id), before=before, after=facts(group))


def pause_group(owner: int, group_id: UUID, paused: bool, *, by: str = SYSTEM) -> None:
    """None of its wallets pays for anything, or all may again."""
    with transaction.atomic():
        group = _held(owner, group_id)
        before = {"paused": group.paused}
        group.paused = paused
        group.save(update_fields=("paused", "changed_at"))
        hold_from_now(members_of(group_id))
        after = {"paused": paused}
        record(by, "limits.group_set", _subject(group_id), before=before, after=after)


def close_group(owner: int, group_id: UUID, *, by: str = SYSTEM) -> None:
    """Its wallets keep the limits of their own."""
    with transaction.atomic():
        group = _held(owner, group_id)
        _leave(members_of(group_id))
        before = facts(group)
        group.delete()
        record(by, "limits.group_closed", _subject(group_id), before=before)


def leave_group(address: str, *, by: str = SYSTEM) -> None:
    """A wallet is its account's no more: nobody else's limits hold it."""
    with transaction.atomic():
        if _leave([address]):
            record(by, "limits.group_left", f"wallet:{address}")


def forget_owner(owner: int, *, by: str = SYSTEM) -> None:
    """An account is gone: its groups and wishes go, and its wallets' limits stay with them."""
    for group in groups_of(owner):
        close_group(owner, group.pk, by=by)
    AlertWish.objects.filter(owner=owner).delete()


def _leave(addresses: Sequence[str]) -> bool:
    left = Limit.objects.filter(pk__in=addresses, group__isnull=False).update(group=None)
    if left:
        hold_from_now(addresses)
    return bool(left)


def _held(owner: int, group_id: UUID) -> LimitGroup:
    group = LimitGroup.objects.select_for_update().filter(owner=owner, pk=group_id).first()
    if group is None:
        raise NotPossible("There is no such group any more.")
    return group


def _subject(group_id: UUID) -> str:
    return f"limit_group:{group_id}"


def _taken(name: str) -> NotPossible:
    return NotPossible(f"There is a group called {name} already.")
