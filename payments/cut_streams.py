"""What was passed on of a stream that was cut: kept for as long as its answer would have been."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection

from payments.models import StreamPart

# Of a payment `p`; the same for all its parts, or a stream that passes midnight lost its beginning
# a day before its end.
LAST_DAY: Final = "(p.created_at at time zone 'utc')::date + p.answer_keep_days + 1"


@dataclass(frozen=True, slots=True)
class CutStream:
    """What passed at the last attempt at which anything did: never a whole answer."""

    payment_id: UUID
    attempt: int
    keep_until: date
    content_type: str
    content_encoding: str
    body_bytes: int


_CUT = f"""
    select p.id, s.attempt, s.keep_until, min(s.content_type), min(s.content_encoding),
           sum(octet_length(s.body))
      from payments_payment p
      join payments_streampart s on s.payment_id = p.id and s.keep_until = {LAST_DAY}
     where p.id = %s
     group by p.id, s.attempt, s.keep_until order by s.attempt desc limit 1
"""  # noqa: S608 - composed of our own constants only


def cut_stream_of(payment_id: UUID) -> CutStream | None:
    """What is kept of a payment's stream; whether it was cut, its state says."""
    with connection.cursor() as cursor:
        cursor.execute(_CUT, (payment_id,))
        row = cursor.fetchone()
    return CutStream(*row) if row else None


def bytes_of(cut: CutStream) -> bytes:
    return b"".join(_bodies(cut))


def hash_of(cut: CutStream) -> bytes:
    """By which a copy is known."""
    whole = hashlib.sha256()
    for body in _bodies(cut):
        whole.update(body)
    return whole.digest()


def _bodies(cut: CutStream) -> Iterator[bytes | memoryview]:
    parts = StreamPart.objects.filter(
        payment_id=cut.payment_id, keep_until=cut.keep_until, attempt=cut.attempt
    )
    yield from parts.order_by("number").values_list("body", flat=True)
