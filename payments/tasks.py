"""What Celery carries: bells and housekeeping. No task holds a truth; all may run twice."""

from __future__ import annotations

import asyncio
import threading
from uuid import UUID

from celery import shared_task

from payments.auditing import audits
from payments.reports import kept_buyers
from payments.settling import engine


def _engine_runs_here() -> bool:
    return any(isinstance(thread, engine.Engine) for thread in threading.enumerate())


@shared_task
def settle() -> None:
    """The second bell: settles what is due when this process runs no loop of its own."""
    if not _engine_runs_here():
        asyncio.run(engine.settle_once())


@shared_task
def partitions() -> None:
    asyncio.run(engine.tend_partitions())


@shared_task
def forgive() -> None:
    """Let what instant release lost make room again once its time is over."""
    asyncio.run(engine.forgive())


@shared_task
def forget() -> None:
    """Let go of what is not kept for good, a bounded number of rows at a time."""
    asyncio.run(engine.forget())
    kept_buyers.forget()


@shared_task
def count_buyers(job: str) -> None:
    """A seller waits at a page for this count."""
    kept_buyers.run(UUID(job))


@shared_task
def count_buyers_due() -> None:
    """The counts whose bell nobody heard."""
    kept_buyers.run_due()


@shared_task
def audit() -> None:
    """Compare what was booked since the last time with the chain, and note what it came to."""
    asyncio.run(audits.audit_once())


@shared_task
def beat_alive() -> None:
    """Beat rang and a worker came: both are alive."""
    asyncio.run(engine.beat("beat"))
