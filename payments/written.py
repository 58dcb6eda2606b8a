"""How times, bytes, hashes and a payment's address are written in whatever leaves this site."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID


def utc(moment: datetime) -> str:
    """A moment to the millisecond: 2026-11-20T10:00:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hexadecimal(raw: bytes | memoryview) -> str:
    return "0x" + bytes(raw).hex()


def sha256(digest: bytes | memoryview) -> str:
    return "sha256:" + bytes(digest).hex()


def payment_page(site: str, payment_id: UUID | str) -> str:
    """Where a payment's page is, below the site's own address."""
    return f"{site}/p/{payment_id}"


def transaction_page(explorer: str, transaction: str) -> str:
    """Where an explorer shows a transaction; nothing where none knows the chain."""
    return f"{explorer}/tx/{transaction}" if explorer else ""
