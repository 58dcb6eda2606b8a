"""Waiting for programs, with a bound, and saying which of them ended instead."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence

READY_SECONDS = 60.0


class Failed(Exception):
    """The run cannot go on, or what it measured does not count; the text says why."""


def wait_until(
    true: Callable[[], bool],
    what: str,
    programs: Sequence[subprocess.Popen[bytes]] = (),
    seconds: float = READY_SECONDS,
) -> None:
    """Return when it is so."""
    deadline = time.monotonic() + seconds
    while not true():
        if ended := [str(p.args) for p in programs if p.poll() is not None]:
            raise Failed(f"waiting for {what}: ended by itself: {ended[0][:300]}")
        if time.monotonic() > deadline:
            raise Failed(f"{what} was not so after {seconds:.0f} s")
        time.sleep(0.2)
