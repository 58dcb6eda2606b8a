"""Steps of payments, as they are told to whoever asked: what webhooks are fed from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction

from payments import reading
from payments.models import Money, Work
from payments.states import State, Words, words

_READER = {"reader": reading.WEBHOOKS}
# Where a page ends, and what in it belongs to the sellers who asked.
_PAGE_END = """
    select count(*), max(at) from (
        select at from payments_step where at >= %s
         order by at fetch first (%s) rows with ties) page
"""
_STEPS = """
    select s.payment_id, s.version, s.at, s.work, s.money, s.why, s.detail
      from payments_step s join payments_payment p on p.id = s.payment_id
     where s.at between %s and %s and p.seller_id = any(%s)
     order by s.at, s.version
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One step, as it is told to whoever asked to be told."""

    payment_id: UUID
    version: int
    at: datetime
    state: State
    why: str
    detail: dict[str, Any]

    @property
    def words(self) -> Words:
        return words(self.state)


def read_steps(sellers: Sequence[UUID], most: int, tell: Callable[[list[Told]], None]) -> None:
    """Hand over the steps of these sellers' payments, oldest first, a page in a transaction.

    What `tell` writes down commits together with how far was read, so that no step is lost. The
    newest ones are handed over again next time: others of their time may still be under way.
    """
    started = _one(reading.START, _READER)
    if started is None:
        _one(reading.FIRST_MARK, _READER)  # or else another is at it
        started = _one(reading.START, _READER)
    if started is None:
        return
    position, over = started
    while sellers:
        last_at = _page(position, over, sellers, most, tell)
        if last_at is None or last_at == position:
            break
        position = last_at
    _one(reading.ADVANCE + " returning 1", {**_READER, "until": over})


def _page(
    position: datetime,
    over: datetime,
    sellers: Sequence[UUID],
    most: int,
    tell: Callable[[list[Told]], None],
) -> datetime | None:
    """Tell of one page; says where the next begins, if there is one."""
    with transaction.atomic():
        _one(reading.HOLD, _READER)
        found = _one(_PAGE_END, (position, most))
        assert found is not None
        steps, last_at = found
        if not steps:
            return None
        with connection.cursor() as cursor:
            cursor.execute(_STEPS, (position, last_at, list(sellers)))
            tell([_told(row) for row in cursor.fetchall()])
        _one(reading.ADVANCE + " returning 1", {**_READER, "until": min(over, last_at)})
    return last_at if steps >= most else None


def _one(statement: str, values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def _told(row: tuple[Any, ...]) -> Told:
    payment_id, version, at, work, money, why, detail = row
    # Django's cursor hands JSON over as text.
    known = orjson.loads(detail) if isinstance(detail, str) else detail
    return Told(payment_id, version, at, State(Work(work), Money(money)), why, known)
