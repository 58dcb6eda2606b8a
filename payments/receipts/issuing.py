"""Receipts: our signed word about one payment, which anybody can check without us.

A receipt is canonical JSON in a JWS. It says how deep the chain had buried the money when it
was written and claims nothing beyond that; a later version of it supersedes an earlier one.
Its first level also carries every field of the x402 offer-receipt extension's payload.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from payments.amounts import token
from payments.database.pool import Connection
from payments.models import Money, Work
from payments.receipts.signing import Signer, read_jws, verify_jws
from payments.written import hexadecimal, sha256, utc

KIND = "souk-receipt"
VERSION = 1  # of the x402 receipt payload that this extends

FINAL = "final"
PAID = "paid"
UNANSWERED = "paid without an answer: refund due"
REVERSED = "reversed"


class NothingToReceipt(Exception):
    """A programming error: nobody is told "paid" before the chain has shown it deep enough."""


async def issue(connection: Connection, payment_ids: Sequence[UUID], signer: Signer) -> None:
    """Write the receipts of payments whose money just became certain, or just was taken back.

    Runs in the transaction that moved them, so a receipt and its fact are one commit.
    """
    if not payment_ids:
        return
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_FACTS, (list(payment_ids),))
        facts = await cursor.fetchall()
    await connection.execute(
        "insert into payments_receipt (payment_id, version, issued_at, jws)"
        " select * from unnest(%s::uuid[], %s::int[], %s::timestamptz[], %s::text[])"
        # Two settlers may look at one payment at once: what they say of a version is the same.
        " on conflict (payment_id, version) do nothing",
        (
            [row["payment_id"] for row in facts],
            [row["version"] for row in facts],
            [row["now"] for row in facts],
            [signer.sign(_statement(row), KIND) for row in facts],
        ),
    )


_FACTS = """
    select p.id as payment_id, p.network, p.scheme, p.asset, p.payer, p.pay_to, p.amount_atomic,
           p.nonce, p.seller_id, p.listing_path, p.title, p.revision_hash, p.fingerprint,
           p.method, p.url, p.body_hash, p.created_at, g.work, g.money, g.version, g.transaction,
           g.block_number, g.block_hash, a.status, a.content_type, a.body_bytes,
           a.body_hash as answer_hash, a.keep_until, a.stored_at, h.head_number,
           clock_timestamp() as now,
           (select max(r.version) from payments_receipt r where r.payment_id = p.id) as earlier,
           t.settled_at, t.confirmed_at
      from payments_payment p
      join payments_progress g on g.payment_id = p.id
      left join payments_answer a on a.payment_id = p.id
      left join payments_chainhealth h on h.network = p.network
      cross join lateral (
           -- Filtered, not asked one by one: a plain maximum is sought from the newest step of
           -- all payments on, and what was sold meanwhile is read again for each receipt.
           -- By why: a step of the work says what its money is, too.
           select max(s.at) filter (where s.why = 'paid on chain') as settled_at,
                  max(s.at) filter (where s.why = 'confirmed') as confirmed_at
             from payments_step s
            where s.payment_id = p.id and s.at > p.created_at - interval '1 minute') t
     where p.id = any(%s)
     order by p.id
"""


def _statement(row: Mapping[str, Any]) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "version": VERSION,
        "payment": str(row["payment_id"]),
        "receiptVersion": row["version"],
        "status": _status(Work(row["work"]), Money(row["money"])),
        "issuedAt": int(row["now"].timestamp()),
        "network": row["network"],
        "scheme": row["scheme"],
        "token": _token(row["network"], row["asset"]),
        "amount": str(int(row["amount_atomic"])),
        "payer": row["payer"],
        "payTo": row["pay_to"],
        "nonce": hexadecimal(row["nonce"]),
        "transaction": "",
        "resourceUrl": _listing_url(row["url"], row["listing_path"]),
        "listing": {
            "path": row["listing_path"],
            "title": row["title"],
            "seller": str(row["seller_id"]),
            "revision": sha256(row["revision_hash"]),
        },
        "request": {
            "method": row["method"],
            "hash": sha256(row["fingerprint"]),
            "bodyHash": sha256(row["body_hash"]),
        },
        "times": _times(row),
    }
    if row["earlier"] is not None:
        statement["supersedes"] = row["earlier"]
    if row["status"] is not None:
        statement["response"] = _response(row)
    if row["money"] == Money.CONFIRMED:
        statement |= {"transaction": hexadecimal(row["transaction"]), "block": _block(row)}
    return statement


def _status(work: Work, money: Money) -> str:
    if money == Money.CONFIRMED:
        return {Work.ANSWERED: FINAL, Work.OPEN: PAID, Work.VOID: UNANSWERED}[work]
    if money in {Money.NONE, Money.BROADCAST}:
        return REVERSED
    raise NothingToReceipt(f"money is {money}")


def _block(row: Mapping[str, Any]) -> dict[str, Any]:
    """Where the money moved, and the least depth at which we know we saw it."""
    block = {"number": row["block_number"], "hash": hexadecimal(row["block_hash"])}
    if row["head_number"] is not None and row["head_number"] >= row["block_number"]:
        block["confirmations"] = row["head_number"] - row["block_number"] + 1
    return block


def _token(network: str, address: str) -> dict[str, Any]:
    known = token(network, address)
    if known is None:
        return {"address": address}
    return {"address": address, "symbol": known.symbol, "decimals": known.decimals}


def _response(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "status": row["status"],
        "contentType": row["content_type"],
        "bytes": row["body_bytes"],
        "hash": sha256(row["answer_hash"]),
        "keptUntil": row["keep_until"].isoformat(),  # to its end, in UTC; older receipts lack it
    }


def _times(row: Mapping[str, Any]) -> dict[str, str]:
    names = {
        "claimed": "created_at",
        "answered": "stored_at",
        "settled": "settled_at",
        "confirmed": "confirmed_at",
    }
    if row["money"] != Money.CONFIRMED:
        names = {"claimed": "created_at", "answered": "stored_at", "reversed": "now"}
    return {name: utc(row[column]) for name, column in names.items() if row[column] is not None}


def _listing_url(url: str, path: str) -> str:
    """The listing's address, as the signed offer names it.

    A receipt may be shown to anybody: what the buyer asked of the listing, in path and query,
    stays inside the request hash.
    """
    named = path if path.startswith("/") else f"/call/{path}"  # a preview has its own
    head, found, _ = url.partition("?")[0].partition(named)
    return head + found


def _sha256_of(data: bytes) -> str:
    return sha256(hashlib.sha256(data).digest())


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt whose signature holds: the key that signed it and what it says."""

    kid: str
    statement: Mapping[str, Any]

    @property
    def payment_id(self) -> str:
        return str(self.statement["payment"])

    @property
    def status(self) -> str:
        return str(self.statement["status"])

    @property
    def says_paid(self) -> bool:
        return self.status in {FINAL, PAID, UNANSWERED}

    def is_of_answer(self, body: bytes) -> bool:
        """Whether these bytes are the answer that the receipt speaks of."""
        response = self.statement.get("response")
        return isinstance(response, dict) and response.get("hash") == _sha256_of(body)

    def is_of_request(self, url: str, body: bytes) -> bool:
        """Whether the receipt is for this very request; `url` is whole, with its query.

        Written apart from the claim's own fingerprint on purpose: it checks that one.
        """
        listing, request = self.statement.get("listing"), self.statement.get("request")
        if not isinstance(listing, dict) or not isinstance(request, dict):
            return False
        revision = bytes.fromhex(str(listing.get("revision")).removeprefix("sha256:"))
        method = str(request.get("method")).encode()
        parts = (revision, method, url.encode(), hashlib.sha256(body).digest())
        joined = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return bool(request.get("hash") == _sha256_of(joined))


def statement_of(jws: str) -> dict[str, Any]:
    """What one of our own stored receipts says."""
    return read_jws(jws, KIND).document


def verify(jws: str, did_document: Mapping[str, Any]) -> VerifiedReceipt:
    """Check a receipt offline against its signer's DID document; BadSignature when it fails."""
    signed = read_jws(jws, KIND)
    verify_jws(signed, did_document)
    return VerifiedReceipt(signed.kid, signed.document)
