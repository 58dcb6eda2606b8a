"""Rows that say when they are due: one worker has each, and they come apart by themselves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

from django.db import connection, transaction

from sellers.models import Domain, Verification
from sellers.models.health import Health

# A worker that dies on a row is followed by another when its claim is over. Chosen by a step of
# its own: inside the condition it may be asked again for each row, and take more than so many.
_CLAIM = """
    with due as materialized (
        select {key} from {table}
         where {due_at} <= now() and (claimed_until is null or claimed_until <= now())
         order by {due_at} limit %(most)s for update skip locked)
    update {table} set claimed_until = now() + make_interval(secs => %(lease)s)
     where {key} in (select {key} from due) returning {key}
"""
Row = TypeVar("Row", Health, Verification, Domain)
_OF_A_LISTING = ("listing__seller", "listing__live_revision")


def take(
    kind: type[Row],
    due_at: str,
    *,
    most: int,
    lease_seconds: float,
    related: Sequence[str] = _OF_A_LISTING,
) -> list[Row]:
    """Take rows whose time has come, each with what it is of; nobody else has them for a while."""
    table = kind._meta
    statement = _CLAIM.format(table=table.db_table, key=table.pk.column, due_at=due_at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, {"lease": lease_seconds, "most": most})
        ids = [row[0] for row in cursor.fetchall()]
    return list(kind.objects.select_related(*related).filter(pk__in=ids))


def spread(seconds: float, share: float) -> timedelta:
    """About so long: what came due together does not come due together again."""
    return timedelta(seconds=seconds * random.uniform(1 - share, 1 + share))  # noqa: S311
