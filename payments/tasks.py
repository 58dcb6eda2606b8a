"""What Celery carries: bells and housekeeping. No task holds a truth; all may run twice."""

from __future__ import annotations

import asyncio
import threading

from celery import shared_task

from payments import engine


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
def forget() -> None:
    """Let go of what is not kept for good, a bounded number of rows at a time."""
    asyncio.run(engine.forget())


@shared_task
def beat_alive() -> None:
    """Beat rang and a worker came: both are alive."""
    asyncio.run(engine.beat("beat"))
