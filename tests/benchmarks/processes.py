"""What programs use of this machine: seconds of processor and bytes of memory, from /proc."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


def family(roots: Iterable[int]) -> set[int]:
    """These processes and everything that descends from them."""
    children: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*"):
        with suppress(OSError):
            children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting.extend(children.get(pid, ()))
    return found


def processor_seconds(roots: Iterable[int]) -> float:
    """What a family has used since it began, its ended and reaped children included."""
    ticks = 0
    for pid in family(roots):
        with suppress(OSError):
            # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted from the state on
            ticks += sum(int(field) for field in _fields(pid)[11:15])
    return ticks / TICKS_PER_SECOND


def memory_bytes(roots: Iterable[int]) -> int:
    """Memory in use by a family; what several share is divided among them (PSS)."""
    total = 0
    for pid in family(roots):
        with suppress(OSError):
            for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


class Meter:
    """Reads several families at once; the difference of two readings is what they used."""

    def __init__(self, roots: Mapping[str, Iterable[int]]) -> None:
        self._roots = {name: tuple(pids) for name, pids in roots.items()}

    def read(self) -> dict[str, float]:
        return {name: processor_seconds(pids) for name, pids in self._roots.items()}


def used(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in before}


def _fields(pid: int) -> list[str]:
    """The fields after the name, which may hold spaces and brackets: state, parent, …"""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
