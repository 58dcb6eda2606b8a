"""Sums that came near their limits: noted once, for whoever tells their owners.

The worker looks at the counters that claims touched since it looked last, so a claim does nothing
for it. A call that was refused because a sum has no room is noted where it was refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments import reading
from payments.database.pool import Pool, one
from payments.exposure.exposure import SPENT_KEY
from payments.ids import new_id
from payments.limits.owners import DECIMALS, GROUP, Rules, Terms, read_counter
from payments.limits.sums import Standing, terms_of
from payments.limits.words import Alert, is_refusal, named
from payments.models import AlertWish, Limit, LimitAlert, LimitGroup
from payments.models.limits import THRESHOLDS

# What is longer ago is found in the same counter when its wallet pays again.
LOOKED_BACK = timedelta(hours=1)
_READER = {"reader": reading.LIMITS}
_TOUCHED = f"""
    select k.key, c.used_atomic
      from (select distinct cap.key
              from payments_step s join payments_payment p on p.id = s.payment_id,
                   lateral jsonb_array_elements_text(p.caps) cap(key)
             where s.at >= %(since)s and s.why = 'claimed'
               and starts_with(cap.key, '{SPENT_KEY}')) k
      join payments_cap c on c.key = k.key
"""  # noqa: S608 - composed of our own constants only


def look() -> int:
    """Note what reached a threshold since the last look; says how much that was."""
    with transaction.atomic():
        started = _asked(reading.START)
        if started is None:
            _asked(reading.FIRST_MARK)  # or else another is at it
            started = _asked(reading.START)
        if started is None:
            return 0
        since, over = started
        with connection.cursor() as cursor:
            cursor.execute(_TOUCHED, {"since": max(since, timezone.now() - LOOKED_BACK)})
            noted = _note({key: int(used) for key, used in cursor.fetchall()})
        _asked(reading.ADVANCE + " returning 1", until=over)
        return noted


def _asked(statement: str, **more: datetime) -> tuple[datetime, datetime] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, {**_READER, **more})
        found: tuple[datetime, datetime] | None = cursor.fetchone()
        return found


def _note(counters: Mapping[str, int]) -> int:
    """A sum that passed two thresholds at once is told of the higher one only."""
    sums = {read_counter(key): used for key, used in counters.items()}
    terms = _terms({each.holder for each in sums})
    found = [
        _alert(standing)
        for each, used in sums.items()
        if each.decimals == DECIMALS
        and (most := terms.get(each.holder, Terms()).most.get(each.name)) is not None
        and (standing := Standing(each, most, Decimal(used).scaleb(-DECIMALS))).reached
    ]
    told = _told(found)
    fresh = [each for each in found if told.get(_of(each), 0) < each.percent]
    # Where a call was refused before, its note becomes that of the whole sum, and is told anew.
    LimitAlert.objects.bulk_create(
        fresh,
        update_conflicts=True,
        unique_fields=("holder", "starts_at", "sum", "subject", "limit_dollars", "percent"),
        update_fields=("used_dollars", "raised_at", "told_at"),
    )
    return len(fresh)


def _terms(holders: set[str]) -> dict[str, Terms]:
    groups = [UUID(each.removeprefix(GROUP)) for each in holders if each.startswith(GROUP)]
    rows: list[Limit | LimitGroup] = [
        *Limit.objects.filter(pk__in=holders),
        *LimitGroup.objects.filter(pk__in=groups),
    ]
    return {terms.holder: terms for terms in map(terms_of, rows)}


def _alert(standing: Standing) -> LimitAlert:
    return LimitAlert(
        holder=standing.sum.holder,
        sum=standing.sum.name,
        subject=standing.sum.subject,
        starts_at=standing.sum.starts_at,
        percent=standing.reached,
        limit_dollars=standing.most,
        used_dollars=standing.used,
    )


def _of(alert: LimitAlert) -> tuple[object, ...]:
    return alert.holder, alert.starts_at, alert.sum, alert.subject, alert.limit_dollars


def _told(found: Sequence[LimitAlert]) -> dict[tuple[object, ...], int]:
    """The highest threshold that each of these sums was told of; a refused call is none."""
    there = LimitAlert.objects.filter(
        holder__in={each.holder for each in found},
        starts_at__in={each.starts_at for each in found},
    )
    highest: dict[tuple[object, ...], int] = {}
    for each in there if found else ():
        if not is_refusal(each):
            highest[_of(each)] = max(each.percent, highest.get(_of(each), 0))
    return highest


_NOTE_FULL = """
    insert into payments_limitalert (id, holder, sum, subject, starts_at, percent, limit_dollars,
                                     used_dollars)
    values (%s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing returning 1
"""


async def note_full(pool: Pool, rules: Rules, key: str, used_atomic: int) -> None:
    """A call was refused because this sum has no room for it: noted once, beside the thresholds."""
    sum_, most = read_counter(key), rules.most_behind(key)
    if most is not None:
        used = Decimal(used_atomic).scaleb(-sum_.decimals)
        alert = (
            new_id(), sum_.holder, sum_.name, sum_.subject, sum_.starts_at, THRESHOLDS[-1], most,
            used,
        )  # fmt: skip
        await one(pool, _NOTE_FULL, alert)


def take_untold(most: int) -> list[Alert]:
    """Notes that nobody was told of yet; nobody else has them in this transaction."""
    untold = LimitAlert.objects.select_for_update(skip_locked=True).filter(told_at__isnull=True)
    return named(list(untold.order_by("raised_at")[:most]))


def mark_told(alerts: Sequence[Alert]) -> None:
    """Whoever wants to be told of these has a message waiting now."""
    ids = [each.row.pk for each in alerts]
    LimitAlert.objects.filter(pk__in=ids).update(told_at=Now())


def lately(holders: Sequence[str], since: datetime) -> list[Alert]:
    """What an owner's wallets and groups came to, newest first; of one sum the last word.

    A call that was refused is a word of its own.
    """
    rows: QuerySet[LimitAlert] = LimitAlert.objects.filter(
        holder__in=holders, starts_at__gte=since
    ).order_by("-raised_at", "-percent")
    last: dict[tuple[object, ...], LimitAlert] = {}
    for row in rows[:500]:
        last.setdefault((*_of(row)[:4], is_refusal(row)), row)
    return named(list(last.values()))


def mail_from(owner: int) -> int:
    """From which threshold on an owner wants letters; 0 is never."""
    wish = AlertWish.objects.filter(owner=owner).first()
    return wish.mail_from if wish else THRESHOLDS[0]


def set_mail_from(owner: int, percent: int) -> None:
    """Letters from this threshold on."""
    AlertWish.objects.update_or_create(owner=owner, defaults={"mail_from": percent})
