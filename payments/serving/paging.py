"""Long lists, a page at a time: newest first, and the next page begins where this one ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

Row = TypeVar("Row")
Kept = TypeVar("Kept", bound=Model)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, newest first, and from which of them on there are others on both sides."""

    rows: list[Row]
    newer: UUID | None
    older: UUID | None

    def edges(self, address: Callable[..., str]) -> dict[str, str]:
        """Where the pages before and after are; nowhere where there are none."""
        return {
            "newer": address(newer=str(self.newer)) if self.newer else "",
            "older": address(older=str(self.older)) if self.older else "",
        }


def page_of(
    found: Sequence[Row],
    most: int,
    id_of: Callable[[Row], UUID],
    *,
    older_than: UUID | None,
    newer_than: UUID | None,
) -> Page[Row]:
    """The page of what was found from an edge on, one row more than a page has.

    What is newer than an edge is found the other way round.
    """
    rows, more = list(found[:most]), len(found) > most
    if newer_than is not None:
        rows, has_newer, has_older = rows[::-1], more, True
    else:
        has_newer, has_older = older_than is not None, more
    return Page(
        rows,
        id_of(rows[0]) if rows and has_newer else None,
        id_of(rows[-1]) if rows and has_older else None,
    )


def page_in(
    known: QuerySet[Kept],
    most: int,
    *,
    older_than: UUID | None = None,
    newer_than: UUID | None = None,
) -> Page[Kept]:
    """A page of rows whose ids are made in the order of time."""
    if newer_than is not None:
        known = known.filter(pk__gt=newer_than).order_by("pk")
    else:
        known = (known.filter(pk__lt=older_than) if older_than else known).order_by("-pk")
    found = list(known[: most + 1])
    return page_of(found, most, _key, older_than=older_than, newer_than=newer_than)


def _key(row: Model) -> Any:
    return row.pk
