"""One box that takes an id of a payment: its own, a receipt's or dispute's, a transaction, a nonce.

Also a refund's transaction, a request's hash and a wallet.

Whatever is asked for, only payments of the asker's own wallets are found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from payments.wallets.payers import WALLETS, Payer, paid_by_wallet, rows_of
from payments.x402.networks import DEFAULT_ASSETS, chain_id_of, read_address
from payments.x402.schemes import exact_eip3009
from payments.x402.types import Authorization

FOUND_MAX = 100
TEXT_CHARACTERS_MAX = 200
_ID = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?:\.[0-9]{1,9})?", re.I)
_HASH = re.compile(r"(?:0x|sha256:)?([0-9a-f]{64})", re.I)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a text names: payments, or a wallet that was paid or paid; else nothing of these."""

    payments: tuple[UUID, ...] | None = None
    pay_to: str = ""
    payer: str = ""


def find(payers: tuple[Payer, ...], text: str) -> Finding:
    """What is meant by this text, among what these wallets bought."""
    meant = read_mark(text)
    if isinstance(meant, UUID):
        return Finding(_named(payers, meant))
    if isinstance(meant, bytes):
        return Finding(_hashed(payers, meant))
    if meant is None:
        return Finding(())
    is_mine = any(each.address == meant for each in payers)
    return Finding(payer=meant) if is_mine else Finding(pay_to=meant)


def read_mark(text: str) -> UUID | bytes | str | None:
    """An id, the bytes of a hash or a wallet, as somebody pasted it; None for anything else."""
    text = text.strip()[:TEXT_CHARACTERS_MAX]
    if named := _ID.search(text):  # also in the address of a payment's page
        return UUID(named[1])
    if hashed := _HASH.fullmatch(text):
        return bytes.fromhex(hashed[1])
    return read_address(text)


_OWN = f"""
    select p.id from payments_payment p
      join {WALLETS} on {paid_by_wallet("p")}
     where p.id = any(%(ids)s) order by p.created_at desc
"""  # noqa: S608 - composed of our own constants only
# A transaction of ours leads to its number, and that to its payments; no table is searched by it.
BY_TRANSACTION = """
    select g.payment_id from payments_broadcast b
      join payments_progress g on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce
     where b.transaction = %s limit %s
"""
BY_REFUND = "select payment_id from payments_refund where transaction = %s limit %s"
BY_DISPUTE = "select payment_id from payments_dispute where id = %s"
_BY_IDENTITY = "select id from payments_payment where identity = any(%s)"
# What a stranger or a facilitator sent: among the newest payments of the asker's own.
_AMONG_NEWEST = """
    select found.id from unnest(%s::text[]) as t(address), lateral (
        select p.id, p.fingerprint, p.nonce, g.transaction from payments_payment p
          join payments_progress g on g.payment_id = p.id
         where p.payer = t.address order by p.created_at desc limit 10000) found
"""
_BY_HASH = f"""
    {_AMONG_NEWEST} where %s in (found.fingerprint, found.nonce, found.transaction) limit %s
"""
_SENT_BY_OTHERS = f"""
    {_AMONG_NEWEST} where found.transaction = %s limit %s
"""


def _named(payers: tuple[Payer, ...], known: UUID) -> tuple[UUID, ...]:
    """A payment by its own id, or by that of a dispute about it."""
    if found := _own(payers, [known]):
        return found
    with connection.cursor() as cursor:
        cursor.execute(BY_DISPUTE, (known,))
        return _own(payers, [row[0] for row in cursor.fetchall()])


def _hashed(payers: tuple[Payer, ...], digest: bytes) -> tuple[UUID, ...]:
    """A nonce or a transaction by an index; else a request's hash, or another's transaction."""
    identities = [
        exact_eip3009.identity(chain_id_of(each.network), each.address, _promise(payer, digest))
        for payer in payers
        for each in DEFAULT_ASSETS
        if payer.counts_on(each.network)
    ]
    addresses = [each.address for each in payers]
    with connection.cursor() as cursor:
        for statement, values in (
            (_BY_IDENTITY, (identities,)),
            (BY_TRANSACTION, (digest, FOUND_MAX)),
            (BY_REFUND, (digest, FOUND_MAX)),
            (_BY_HASH, (addresses, digest, FOUND_MAX)),
        ):
            cursor.execute(statement, values)
            if found := _own(payers, [row[0] for row in cursor.fetchall()]):
                return found
    return ()


def paid_in(payer: Payer, transaction: bytes) -> tuple[UUID, ...]:
    """What a wallet paid in this transaction, whoever sent that."""
    with connection.cursor() as cursor:
        for statement, values in (
            (BY_TRANSACTION, (transaction, FOUND_MAX)),
            (_SENT_BY_OTHERS, ([payer.address], transaction, FOUND_MAX)),
        ):
            cursor.execute(statement, values)
            if found := _own((payer,), [row[0] for row in cursor.fetchall()]):
                return found
    return ()


def _promise(payer: Payer, nonce: bytes) -> Authorization:
    """Enough of one to name a payment: who signed, and its nonce."""
    return Authorization(payer.address, payer.address, 0, 0, 0, nonce, b"")


def _own(payers: tuple[Payer, ...], ids: Sequence[UUID]) -> tuple[UUID, ...]:
    if not ids or not payers:
        return ()
    with connection.cursor() as cursor:
        cursor.execute(_OWN, {**rows_of(payers), "ids": list(ids)})
        return tuple(row[0] for row in cursor.fetchall())
