"""The log files of the demo's programs: bounded, quoted when one of them ends, shown live."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import TextIO

LAST_LINES = 15
LAST_BYTES = 16_384
LOOK_SECONDS = 0.1
LOG_BYTES_MAX = 20_000_000


def rotate(log: Path) -> None:
    """Start a new file; the one of the last run is kept beside it, older ones are not."""
    if log.exists():
        log.replace(log.with_suffix(".old.log"))


def bound(log: Path) -> None:
    """A program that runs for weeks keeps two files of bounded size, as one that starts does.

    Its file stays the same and is emptied: the program goes on writing at its end.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        shutil.copyfile(log, log.with_suffix(".old.log"))
        os.truncate(log, 0)


def last_lines(log: Path) -> str:
    """The end of a log, for people who ask why a program ended."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LAST_BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(f"  | {line[:300]}" for line in lines[-LAST_LINES:])


class LiveLog(threading.Thread):
    """Shows what the programs write as they write it, each line behind its program's name.

    It reads the files, so no program ever waits for, or dies with, whoever looks on.
    """

    def __init__(self, folder: Path, screen: TextIO) -> None:
        super().__init__(name="live log", daemon=True)
        self._folder = folder
        self._screen = screen
        self._read: dict[Path, int] = {}
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self._show()

    def end(self) -> None:
        """Show what is left, and stop looking."""
        if self.is_alive():
            self._ended.set()
            self.join()
            self._show()

    def _show(self) -> None:
        for log in sorted(self._folder.glob("*.log")):
            if not log.name.endswith(".old.log"):
                self._show_new(log)

    def _show_new(self, log: Path) -> None:
        begin = self._read.get(log, 0)
        if log.stat().st_size < begin:
            begin = 0  # it was emptied
        with log.open("rb") as file:
            file.seek(begin)
            whole, newline, _ = file.read().rpartition(b"\n")
        if newline:
            self._read[log] = begin + len(whole) + 1
            for line in whole.decode("utf-8", "replace").splitlines():
                self._screen.write(f"{log.stem:>10} | {line}\n")
            self._screen.flush()
