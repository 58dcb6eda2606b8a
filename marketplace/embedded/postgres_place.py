"""As whom the embedded PostgreSQL runs, where that user may keep data, what a kill left there."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from marketplace.embedded.postgres_binaries import Binaries, PostgresError

SOCKET_PREFIX = "souk-pg-"
SOCKET_ROOT_BYTES_MAX = 60
SHORT_TEMP = Path("/tmp")  # noqa: S108  (the folder in it is made by mkdtemp)
LEFTOVER_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Account:
    """The user the server runs as when it may not run as us."""

    name: str
    uid: int
    gid: int

    def popen_kwargs(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(data_dir: Path) -> Account | None:
    """Nobody but us; except that root has to be somebody else, whoever owns the data already."""
    owner = data_dir.stat() if data_dir.exists() else None
    if os.geteuid() != 0:
        if owner and owner.st_uid != os.geteuid():
            raise PostgresError(
                f"{data_dir} belongs to another user (number {owner.st_uid}). Start as that user, "
                f"or take the data over: sudo chown -R $(id -u) '{data_dir}'"
            )
        return None
    if owner and owner.st_uid != 0:
        return Account(f"user {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(f"user {name}", entry.pw_uid, entry.pw_gid)
    raise PostgresError(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor a "
        "user nobody. Start as a plain user, or set DATABASE_URL to a server you have."
    )


def as_account(account: Account | None) -> dict[str, Any]:
    """Arguments for subprocess that start a child as that user and nothing more."""
    return account.popen_kwargs() if account else {}


def can_enter(account: Account | None, folder: Path) -> bool:
    """Asked of the kernel, not of modes."""
    return succeeds_as(account, "/bin/sh", "-c", 'cd "$1"', "sh", str(folder))


def can_run(account: Account | None, binaries: Binaries) -> bool:
    return succeeds_as(account, binaries.tool("postgres"), "--version")


def succeeds_as(account: Account | None, *command: str) -> bool:
    try:
        asked = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, **as_account(account)
        )
    except PermissionError:
        return False
    return asked.returncode == 0


def make_private(folder: Path) -> None:
    """A folder only we can write, in a place where anybody could have made it before us."""
    folder.mkdir(mode=0o711, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid != os.geteuid() or facts.st_mode & 0o022:
        raise PostgresError(f"{folder} is not ours alone: remove it, then start again.")


def make_owned(folder: Path, account: Account | None) -> Path:
    """An empty folder that only the server's user can enter."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(folder, account.uid, account.gid)
    return folder


def make_socket_dir(account: Account | None) -> Path:
    """Short, because a socket's path may have no more than about 100 bytes."""
    temporary = Path(tempfile.gettempdir())
    short = len(bytes(temporary)) <= SOCKET_ROOT_BYTES_MAX
    root = temporary if short and can_enter(account, temporary) else SHORT_TEMP
    return make_owned(Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=root)), account)


def take_lock(data_dir: Path) -> IO[bytes]:
    """One start at a time may own the data; the kernel frees the lock when that start ends.

    The file names the socket folder in use, so that the start after a kill can remove it.
    """
    lock = data_dir.with_name(f"{data_dir.name}.lock").open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise PostgresError(
            f"Another start is using {data_dir}. Stop it first, or start from another checkout."
        ) from None
    lock.seek(0)
    socket_dir = Path(os.fsdecode(lock.read()))
    if socket_dir.name.startswith(SOCKET_PREFIX):
        shutil.rmtree(socket_dir, ignore_errors=True)
    lock.truncate(0)
    return lock


def clear_leftovers(data_dir: Path) -> None:
    """End a server whose starter was killed; call it holding the lock."""
    end_processes_in(data_dir)
    # The number in its lock file may be any process's by now, and PostgreSQL would refuse to
    # start. Only where /proc proved that no server works in the folder is it safe to drop.
    if Path("/proc/self/cwd").exists():
        (data_dir / "postmaster.pid").unlink(missing_ok=True)


def end_processes_in(data_dir: Path) -> None:
    """A server and its children work inside their data folder, so that is how they are known."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    order = signal.SIGINT
    while pids := processes_in(data_dir):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, order)
        if time.monotonic() > deadline:
            order = signal.SIGKILL
        time.sleep(0.05)


def processes_in(folder: Path) -> list[int]:
    found = []
    real = folder.resolve()
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if entry.readlink() == real:
                found.append(int(entry.parent.name))
    return found
