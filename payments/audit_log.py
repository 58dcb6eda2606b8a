"""The audit log: who did what, when, and what it was before. Written once, chained by hashes.

    audit_log.record(f"user:{person.pk}", "listing.refused", f"listing:{listing.pk}",
                     before={"state": "in_review"}, after={"state": "draft"}, why=reason)

An entry belongs to the caller's transaction: the act and its entry are both there, or neither.
Whoever writes one holds the log's end until that transaction is over, and everybody else waits,
so write it last. A transaction that takes another row which many wait for, and writes an entry
too, calls `take_turn` before it takes that row: all then queue in one order.

Actors and subjects are opaque (`user:7`, never a name or an address of mail): the log is never
changed, also when somebody's account is erased. Values before and after hold no secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from payments.audit_chain import EMPTY, START, Entry, Head, digest, faults, written
from payments.canonical import WHOLE_NUMBER_MAX, canonical
from payments.models import AuditEntry, AuditHead

SYSTEM: Final = "system"
RESTORED: Final = "database.restored"
ENTRY_BYTES_MAX: Final = 65_536
ROWS_AT_ONCE: Final = 1_000
_KINDS_OF_ACTORS = "user|key|wallet|command"
_ACTOR = re.compile(rf"system|(?:{_KINDS_OF_ACTORS}):[A-Za-z0-9_-]{{1,64}}")
_ACT = re.compile(r"[a-z_]{1,40}(?:\.[a-z_]{1,40}){1,2}")
_SUBJECT = re.compile(r"[a-z_]{1,40}:[A-Za-z0-9:/._-]{1,120}")


def record(
    actor: str,
    act: str,
    subject: str,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    why: str = "",
) -> None:
    """Write down that something was done, in the transaction that does it."""
    for named, form in ((actor, _ACTOR), (act, _ACT), (subject, _SUBJECT)):
        if not form.fullmatch(named):
            raise ValueError(f"{named!r} names nothing in the audit log")
    said = (_plain(before), _plain(after))
    if len(canonical(said)) > ENTRY_BYTES_MAX:
        raise ValueError(f"an entry of {act} is longer than {ENTRY_BYTES_MAX} bytes")
    with transaction.atomic():
        _append(_held(), timezone.now(), actor, act, subject, said, why.replace("\0", ""))


def user(user_id: int | str) -> str:
    """Somebody who is signed in, as the log names them."""
    return f"user:{user_id}"


def command(name: str) -> str:
    """Whoever may type commands where this site runs."""
    return f"command:{name}"


def take_turn() -> None:
    """Hold the log's end from now on: before a row that many wait for, and an entry after it."""
    _held()


def head() -> Head:
    """The last entry's number and hash."""
    row = AuditHead.objects.first()
    return Head(row.sequence, bytes(row.hash).hex()) if row else Head(0, START.hex())


def entries(first: int = 1, last: int | None = None) -> Iterator[Entry]:
    """The log, the oldest entry first, a bounded number of rows in memory."""
    rows = AuditEntry.objects.filter(sequence__gte=first).order_by("sequence")
    if last is not None:
        rows = rows.filter(sequence__lte=last)
    return (entry_of(row) for row in rows.iterator(chunk_size=ROWS_AT_ONCE))


def export(first: int = 1) -> Iterator[bytes]:
    """The log as it ends now, an entry a line of JSON; each part is one short question."""
    last = head().sequence
    while first <= last:
        part = list(entries(first, min(last, first + ROWS_AT_ONCE - 1)))
        yield b"".join(_line(entry) for entry in part)
        first += ROWS_AT_ONCE


def _line(entry: Entry) -> bytes:
    return json.dumps(entry.to_json(), ensure_ascii=False).encode() + b"\n"


def entry_of(row: AuditEntry) -> Entry:
    """A row as the hash covers it."""
    return Entry(
        row.sequence,
        written(row.at),
        row.actor,
        row.act,
        row.subject,
        row.before,
        row.after,
        row.why,
        bytes(row.previous).hex(),
        bytes(row.hash).hex(),
    )


def verify(*witnesses: Head) -> tuple[Head, list[str]]:
    """Go through the whole log, as it ends now: where that is, and what is wrong with it.

    Nobody waits for this: what is written meanwhile is left for the next time. The newest entry
    is looked for before the head is read, so it can only be beyond it if the head was set back.
    """
    newest = AuditEntry.objects.aggregate(newest=Max("sequence"))["newest"] or 0
    end = head()
    return end, list(faults(entries(last=max(newest, end.sequence)), end, witnesses))


def verify_end(most: int) -> tuple[Head, int, list[str]]:
    """The same for the last entries alone, so many: where it ends, how many, what is wrong."""
    newest = AuditEntry.objects.aggregate(newest=Max("sequence"))["newest"] or 0
    end = head()
    last = max(newest, end.sequence)
    found = list(entries(max(1, last - most + 1), last))
    after = EMPTY
    if last > most:  # the first of them is taken at its word about the one before
        after = Head(last - most, found[0].previous if found else "")
    return end, len(found), list(faults(found, end, after=after))


def _held() -> Head:
    """The log's end, held until the transaction ends: whoever comes after waits here."""
    AuditHead.objects.bulk_create([AuditHead(sequence=0, hash=START)], ignore_conflicts=True)
    row = AuditHead.objects.select_for_update().get()
    return Head(row.sequence, bytes(row.hash).hex())


def _append(
    end: Head,
    now: datetime,
    actor: str,
    act: str,
    subject: str,
    said: tuple[dict[str, Any] | None, dict[str, Any] | None],
    why: str,
) -> None:
    before, after = said
    entry = Entry(end.sequence + 1, written(now), actor, act, subject, before, after, why, end.hash)
    AuditEntry.objects.create(
        sequence=entry.sequence,
        at=now,
        actor=actor,
        act=act,
        subject=subject,
        before=before,
        after=after,
        why=why,
        previous=bytes.fromhex(end.hash),
        hash=bytes.fromhex(digest(entry)),
    )


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Values as JSON has them: ids, large numbers and times as text, bytes in hex."""
    return None if values is None else {name: _said(value) for name, value in values.items()}


def _said(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _said(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_said(each) for each in value]
    if isinstance(value, Enum):
        return _said(value.value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime):
        return written(value)
    is_large = isinstance(value, int) and abs(value) > WHOLE_NUMBER_MAX
    return str(value) if is_large or isinstance(value, UUID | Decimal) else value
