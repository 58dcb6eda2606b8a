"""A creation that names itself is done once, however often its request arrives.

A program that lost the answer sends the same request with the same `Idempotency-Key` and gets
the answer it lost, but for secrets: those are shown once, and kept nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from payments.database.old_rows import drop_rows
from sellers.models.keys import Repeat
from sellers.refusals import ListingRefused, Why, bad

KEY = re.compile(r"[\x21-\x7e]{1,200}")
KEPT = timedelta(hours=24)

_TAKE = """
    insert into sellers_repeat (seller_id, key, request_hash, created_at)
    values (%s, %s, %s, clock_timestamp()) on conflict (seller_id, key) do nothing returning id
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a creation is answered with, and whether it had been done before."""

    status: int
    answer: dict[str, Any]
    before: bool = False


@transaction.atomic
def once(
    seller_id: UUID,
    key: str,
    request_hash: bytes,
    create: Callable[[], Done],
    hidden: tuple[str, ...] = (),
) -> Done:
    """Create, unless a request of this name did: then say what that one was told.

    A twin that arrives meanwhile waits for this transaction. What is refused leaves no trace,
    so that a request can be mended and sent again.
    """
    if not KEY.fullmatch(key):
        raise bad("Idempotency-Key", "1 to 200 printable ASCII characters without spaces")
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (seller_id, key, request_hash))
        taken = cursor.fetchone()
    if taken is None:
        return _again(seller_id, key, request_hash)
    done = create()
    kept = {name: None if name in hidden else value for name, value in done.answer.items()}
    Repeat.objects.filter(pk=taken[0]).update(status=done.status, answer=kept)
    return done


def forget_repeats() -> int:
    """Drop what nobody repeats any more."""
    return drop_rows(Repeat.objects.filter(created_at__lt=Now() - KEPT).order_by("created_at"))


def _again(seller_id: UUID, key: str, request_hash: bytes) -> Done:
    known = Repeat.objects.get(seller_id=seller_id, key=key)
    if bytes(known.request_hash) != request_hash:
        raise ListingRefused(
            Why.KEY_REUSED,
            "this Idempotency-Key was sent with another request; take a new one",
            "Idempotency-Key",
        )
    assert known.status is not None
    assert known.answer is not None
    return Done(known.status, dict(known.answer), before=True)
