"""The programs of the demo: started in order, watched, and all stopped, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from marketplace.embedded.logs import bound, last_lines, rotate
from marketplace.embedded.process_table import can_be_read, members_of, runs_in
from marketplace.embedded.refusal import DemoError

LOOK_SECONDS = 0.2
WAIT_SECONDS = 0.05
# Together below the five seconds that Ctrl-C may take.
STOP_SECONDS = 2.6
KEEPER_STOP_SECONDS = 1.8
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ProgramEnded(Exception):
    """A program of the demo ended by itself; the text says which, how, and its last words."""


class StopAsked(Exception):
    """Ctrl-C, or a polite kill."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number


class StopSignals:
    """The first signal asks to stop, in the middle of whatever goes on; a second one hurries."""

    def __init__(self) -> None:
        self.stopping = False
        self.hurry = False
        for number in STOP_SIGNALS:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            self.hurry = True
            return
        self.stopping = True
        raise StopAsked(number)


@dataclass(frozen=True, slots=True)
class Program:
    """One running program, and where its words go."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    is_keeper: bool

    def is_gone(self) -> bool:
        """Ended, and nothing that it started is left in its group."""
        self.process.poll()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, 0)
            return can_be_read() and not members_of(self.process.pid)
        return True

    def signal_all(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, number)

    def ending(self) -> ProgramEnded:
        code = self.process.returncode
        if code is None:
            how = "in part: a process that it had started is gone"
        else:
            how = f"killed by signal {-code}" if code < 0 else f"with code {code}"
        words = last_lines(self.log)
        said = f"Its last words, from {self.log}:\n{words}" if words else "It left no last words."
        return ProgramEnded(f"{self.name} ended ({how}). {said}")


class Programs:
    """Everything the demo started, in order."""

    def __init__(self, logs: Path, folder: Path, changed: Callable[[dict[str, int]], None]) -> None:
        """Run programs in `folder`; `changed` is told the numbers of all that run."""
        self._logs = logs
        self._folder = folder
        self._changed = changed
        self._running: list[Program] = []
        self._parts: dict[str, list[Path]] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        is_keeper: bool = False,
        **popen_kwargs: Any,
    ) -> subprocess.Popen[bytes]:
        """Start a program out of reach of the terminal's Ctrl-C; a keeper is stopped last.

        Linux ends a program with the thread that started it: call this from the main thread.
        """
        log = self._logs / f"{name}.log"
        rotate(log)
        with log.open("ab") as output:  # at its end, wherever that is: it may be emptied
            process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
                **{"stdin": subprocess.DEVNULL, "start_new_session": True, **popen_kwargs},
            )
        self._running.append(Program(name, process, log, is_keeper))
        self._tell()
        return process

    def finish(self, name: str, seconds: float) -> None:
        """Wait until a program that has an end comes to it, and that it is a good one."""
        program = next(each for each in self._running if each.name == name)
        deadline = time.monotonic() + seconds
        while program.process.poll() is None:
            self.look(but=program)
            if time.monotonic() > deadline:
                program.signal_all(signal.SIGKILL)
            time.sleep(WAIT_SECONDS)
        self._running.remove(program)
        self._tell()
        if program.process.returncode != 0:
            raise program.ending()

    def wait_until(self, true: Callable[[], bool], what: str, seconds: float) -> None:
        """Wait for something that the running programs bring about."""
        deadline = time.monotonic() + seconds
        while not true():
            self.look()
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{what} was not ready after {seconds:.0f} s. The logs in {self._logs} say "
                    "how far it came."
                )
            time.sleep(WAIT_SECONDS)

    def look(self, but: Program | None = None) -> None:
        """Raise when a program ended by itself; those that others stand on come first."""
        for program in self._running:
            if program is not but and not self._is_whole(program):
                raise program.ending()

    def keep_whole(self, name: str) -> None:
        """From now on a program has ended, too, when a process that it had started has.

        For one whose processes are not replaced: a Celery worker goes on without its beat.
        """
        program = next(each for each in self._running if each.name == name)
        self._parts[name] = members_of(program.process.pid)

    def _is_whole(self, program: Program) -> bool:
        if program.process.poll() is not None:
            return False
        group = program.process.pid
        return all(runs_in(part, group) for part in self._parts.get(program.name, ()))

    def watch(self, also: Callable[[], None] = lambda: None) -> None:
        """Look on for ever, at the programs and at what else may give a reason to stop."""
        while True:
            self.look()
            also()
            for program in self._running:
                bound(program.log)
            time.sleep(LOOK_SECONDS)

    def stop(self, hurry: Callable[[], bool]) -> None:
        """End everything that was started: first what works, then what keeps the state."""
        for keepers, seconds in ((False, STOP_SECONDS), (True, KEEPER_STOP_SECONDS)):
            programs = [each for each in self._running if each.is_keeper == keepers]
            for program in programs:
                program.signal_all(signal.SIGINT)
            deadline = time.monotonic() + seconds
            while not all(program.is_gone() for program in programs):
                if hurry() or time.monotonic() > deadline:
                    break
                time.sleep(WAIT_SECONDS)
            for program in programs:
                program.signal_all(signal.SIGKILL)
                program.process.wait()
        self._running.clear()
        self._parts.clear()

    def _tell(self) -> None:
        self._changed({each.name: each.process.pid for each in self._running})
