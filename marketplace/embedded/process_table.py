"""What the kernel's table of processes says of a group; only Linux shows one."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

TABLE = Path("/proc")


def can_be_read() -> bool:
    return (TABLE / "self" / "stat").exists()


def members_of(group: int) -> list[Path]:
    """The entries of a group's processes that still run.

    What has ended and only waits to be noticed is none of them: in a container nobody may ever
    notice.
    """
    return [entry.parent for entry in TABLE.glob("[0-9]*/stat") if runs_in(entry.parent, group)]


def runs_in(process: Path, group: int) -> bool:
    """Whether the process of this entry still runs, and in this group."""
    with suppress(OSError):
        # "pid (name) state parent group …", and a name may hold spaces and brackets
        state, _, its_group = (process / "stat").read_text().rpartition(")")[2].split()[:3]
        return int(its_group) == group and state not in "ZX"
    return False
