"""Steps of payments that nobody was told of yet: what webhooks are fed from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from payments.models import Money, Work
from payments.states import State, Words, words

# Steps are found by the index of the untold ones, and changed by their key in their own month.
_TAKE = """
    with untold as materialized (
        select payment_id, version, at from payments_step
         where told_at is null order by at limit %s for update skip locked
    )
    update payments_step s set told_at = clock_timestamp()
      from untold u
     where s.payment_id = u.payment_id and s.version = u.version and s.at = u.at
       and s.told_at is null
    returning s.payment_id, s.version, s.at, s.work, s.money, s.why, s.detail
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


def take_untold(most: int) -> list[Told]:
    """Mark steps as told and say which, oldest first; inside the teller's own transaction.

    What the teller writes down commits together with the mark, so no step is told twice or
    lost. Several tellers side by side take different steps.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (most,))
        found = [_told(row) for row in cursor.fetchall()]
    return sorted(found, key=lambda told: (told.at, told.version))


def _told(row: tuple[Any, ...]) -> Told:
    payment_id, version, at, work, money, why, detail = row
    # Django's cursor hands JSON over as text.
    known = orjson.loads(detail) if isinstance(detail, str) else detail
    return Told(payment_id, version, at, State(Work(work), Money(money)), why, known)
