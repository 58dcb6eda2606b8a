"""What is old goes some rows at a time: no statement holds many, and nobody waits for the broom."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

ROWS_AT_ONCE = 1_000


def drop_rows(old: QuerySet[Any], at_once: int | None = None) -> int:
    """Drop these rows in their order, and say how many went with all that hangs on them."""
    gone = 0
    while ids := list(old.values_list("pk", flat=True)[: at_once or ROWS_AT_ONCE]):
        gone += old.model._default_manager.filter(pk__in=ids).delete()[0]
    return gone
