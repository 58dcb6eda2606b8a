"""A seller's box that takes an id of a payment: its own, a dispute's, a transaction, a nonce.

Also a refund's transaction and a request's hash. Whatever is asked for, only what was paid to the
asker is found.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from payments.reports.finding import (
    BY_DISPUTE,
    BY_REFUND,
    BY_TRANSACTION,
    FOUND_MAX,
    read_mark,
)

NEWEST_MAX = 10_000  # of the seller's payments, for what no index knows
_OWN = """
    select id from payments_payment where id = any(%s) and seller_id = %s order by created_at desc
"""
# A nonce's index needs its payer, and of what others sent no table is searched by transaction.
_BY_HASH = f"""
    select found.id from (
        select p.id, p.fingerprint, p.nonce from payments_payment p
         where p.seller_id = %(seller)s order by p.created_at desc limit {NEWEST_MAX}) found
     where %(digest)s in (found.nonce, found.fingerprint)
        or %(digest)s = (select g.transaction from payments_progress g
                           where g.payment_id = found.id)
     limit {FOUND_MAX}
"""  # noqa: S608 - composed of our own constants only
# Sent with its statement. Of a seller who has most of the table, all of it would be read.
_WALK = "set local enable_seqscan = off; set local enable_bitmapscan = off;"


def find_sales(seller_id: UUID, text: str) -> tuple[UUID, ...]:
    """The payments that this text names, among those this seller was to be paid."""
    meant = read_mark(text)
    if isinstance(meant, UUID):
        return _own(seller_id, [meant]) or _of_dispute(seller_id, meant)
    return _hashed(seller_id, meant) if isinstance(meant, bytes) else ()


def _of_dispute(seller_id: UUID, known: UUID) -> tuple[UUID, ...]:
    with connection.cursor() as cursor:
        cursor.execute(BY_DISPUTE, (known,))
        return _own(seller_id, [row[0] for row in cursor.fetchall()])


def _hashed(seller_id: UUID, digest: bytes) -> tuple[UUID, ...]:
    with connection.cursor() as cursor:
        for statement in (BY_TRANSACTION, BY_REFUND):
            cursor.execute(statement, (digest, FOUND_MAX))
            if found := _own(seller_id, [row[0] for row in cursor.fetchall()]):
                return found
    return _among_newest(seller_id, digest)


def _among_newest(seller_id: UUID, digest: bytes) -> tuple[UUID, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_WALK + _BY_HASH, {"seller": seller_id, "digest": digest})
        while cursor.nextset():
            pass
        return tuple(row[0] for row in cursor.fetchall())


def _own(seller_id: UUID, ids: Sequence[UUID]) -> tuple[UUID, ...]:
    if not ids:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_OWN, (list(ids), seller_id))
        return tuple(row[0] for row in cursor.fetchall())
