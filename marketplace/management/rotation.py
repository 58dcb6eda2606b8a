"""Every secret that lies encrypted in the database, sealed anew with the newest key.

A value that opens with the newest key alone is done, so a rotation that was stopped goes on where
it was. Each row is changed only if nobody changed it meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.db import transaction
from django.db.models import Model

from marketplace.accounts.models import SecondFactor
from marketplace.accounts.second_factor import key_of_a_bare_site
from payments import audit_log
from sellers.models import Preview, ProposedSecret, UpstreamSecret, Webhook, Worksheet

ROWS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A column of sealed values: one token each, or a map of tokens by name."""

    words: str
    model: type[Model]
    column: str


PLACES: Final = (
    Place("secret headers of listings", UpstreamSecret, "sealed"),
    Place("secret headers of proposals", ProposedSecret, "sealed"),
    Place("secrets of webhooks", Webhook, "sealed"),
    Place("secrets of webhooks before the last change", Webhook, "sealed_before"),
    Place("secret headers of drafts", Worksheet, "sealed"),
    Place("secret headers of drafts that are tried out", Preview, "sealed"),
    Place("second factors", SecondFactor, "sealed"),
)


@dataclass(slots=True)
class Count:
    """What became of the values of one place."""

    words: str
    new: int = 0  # sealed with the newest key already
    turned: int = 0
    lost: int = 0  # sealed with a key that is not among those given


class Rotation:
    """Goes through every place with the keys of the settings, the newest first."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._newest = Fernet(keys[0])
        self._all = MultiFernet([*map(Fernet, keys), Fernet(key_of_a_bare_site())])

    def run(self, *, by: str, dry: bool) -> Iterator[Count]:
        """Turn every value over, or only count them; each place is turned whole, or not at all."""
        for place in PLACES:
            with transaction.atomic():
                count = Count(place.words)
                for row in _rows(place):
                    self._turn(place, row, count, dry=dry)
                if count.turned and not dry:
                    after = {"turned": count.turned, "lost": count.lost}
                    subject = f"secrets:{place.model.__name__.lower()}.{place.column}"
                    audit_log.record(by, "secrets.rotated", subject, after=after)
            yield count

    def _turn(self, place: Place, row: Model, count: Count, *, dry: bool) -> None:
        was = getattr(row, place.column)
        now = self._turned(was, count)
        if now == was or dry:
            return
        same = place.model._default_manager.filter(pk=row.pk, **{place.column: was})
        same.update(**{place.column: now})

    def _turned(self, value: Any, count: Count) -> Any:
        if isinstance(value, dict):
            return {name: self._turned(each, count) for name, each in value.items()}
        token = value.encode() if isinstance(value, str) else bytes(value)
        try:
            self._newest.decrypt(token)
        except InvalidToken:
            pass
        else:
            count.new += 1
            return value
        try:
            turned = self._all.rotate(token)
        except InvalidToken:
            count.lost += 1
            return value
        count.turned += 1
        return turned.decode() if isinstance(value, str) else turned


def _rows(place: Place) -> Iterator[Model]:
    """Every row with something in it, by its key, a bounded number in memory."""
    rows = place.model._default_manager.exclude(**{f"{place.column}__isnull": True})
    last: Any = None
    while found := list(
        (rows.filter(pk__gt=last) if last is not None else rows).order_by("pk")[:ROWS_AT_ONCE]
    ):
        for row in found:
            if getattr(row, place.column):  # a webhook that was removed has none
                yield row
        last = found[-1].pk
