"""Which demo runs in this checkout: one at a time, with its settings and processes on record.

The record is how commands typed beside the demo find it, and how the start after a kill finds
what the killed one left running.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from marketplace.embedded.process_table import can_be_read, members_of
from marketplace.embedded.refusal import DemoError

LOCK_TRIES = 20  # a command that looks whether a demo runs holds the lock for a moment
LOCK_PAUSE_SECONDS = 0.05
LEFTOVER_SECONDS = 4.0


class RunRecord:
    """The lock that says a demo runs here, and the file that says what belongs to it."""

    def __init__(self, state: Path, checkout: Path) -> None:
        self.checkout = checkout
        self.file = state / "run.json"
        self._lock_file = state / "demo.lock"
        self._lock: IO[bytes] | None = None

    def take(self, url: str) -> None:
        """Be the demo of this checkout, or say which one already is."""
        lock = self._lock_file.open("a+b")
        for _ in range(LOCK_TRIES):
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            lock.seek(0)
            other = lock.read().decode() or "somebody"
            lock.close()
            raise DemoError(
                f"A demo of this checkout runs already: {other}. Use that one, or stop it with "
                "Ctrl-C where it was started. For two side by side, start the second from a "
                "second checkout with another --port."
            )
        lock.truncate(0)
        lock.write(f"{url} (process {os.getpid()})".encode())
        lock.flush()
        self._lock = lock

    def end_leftovers(self) -> list[str]:
        """End what a killed demo of this checkout left running; says what that was."""
        left = {name: pids for name, pids in self._left() if pids}
        deadline = time.monotonic() + LEFTOVER_SECONDS
        order = signal.SIGINT
        while pids := [pid for pids in left.values() for pid in pids if is_alive(pid)]:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, order)
            if time.monotonic() > deadline:
                order = signal.SIGKILL
            time.sleep(0.05)
        self.file.unlink(missing_ok=True)
        return list(left)

    def _left(self) -> Iterator[tuple[str, list[int]]]:
        for name, pid, birth in self._read():
            if birth_of(pid) is None:
                yield name, self._orphans_of(pid)
            elif birth_of(pid) == birth:
                yield name, [pid, *self._orphans_of(pid)]

    def _orphans_of(self, leader: int) -> list[int]:
        """What else is in a program's group and works in this checkout.

        The number of a dead leader is not given away while its group has members; the folder
        guards against the group being a stranger's all the same.
        """
        found = []
        for entry in members_of(leader):
            with suppress(OSError):
                if int(entry.name) != leader and (entry / "cwd").readlink() == self.checkout:
                    found.append(int(entry.name))
        return found

    def _read(self) -> list[tuple[str, int, str]]:
        """The processes on record; a record cut short by a kill or a full disk has none."""
        try:
            processes = json.loads(self.file.read_text(encoding="utf-8"))["processes"]
            return [(str(name), int(pid), str(birth)) for name, (pid, birth) in processes.items()]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return []

    def write(self, environment: Mapping[str, str], processes: Mapping[str, int]) -> None:
        """Put on record what runs now; whole or not at all."""
        record: dict[str, Any] = {
            "environment": dict(environment),
            "processes": {name: [pid, birth_of(pid)] for name, pid in processes.items()},
        }
        written = self.file.with_suffix(".new")
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1)
        written.replace(self.file)

    def release(self) -> None:
        """Nothing of this demo runs any more."""
        if self._lock is not None:
            self.file.unlink(missing_ok=True)
            self._lock.truncate(0)
            self._lock.close()
            self._lock = None


def is_alive(pid: int) -> bool:
    return birth_of(pid) is not None


def birth_of(pid: int) -> str | None:
    """When a process began, so that a later one with its number is not taken for it.

    None when it is gone, or only waits for its starter to notice.
    """
    if not can_be_read():
        asked = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
            capture_output=True,
            text=True,
        )
        return asked.stdout.strip() or None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if fields[0] in "ZX" else f"{boot} {fields[19]}"
