"""A start on a bare machine: makes `.venv` from the committed locks, then runs inside it.

Standard library only: it runs before any package is there. Nothing is written outside the
checkout but the installers' own caches, and those stay inside when HOME cannot be written.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent
RUNTIME, DEVELOPMENT, NODE = "requirements.txt", "requirements-dev.txt", "requirements-node.txt"
DEVELOPER_COMMANDS = {"test", "bench"}
CHAIN_COMMANDS = {"demo", "test", "bench"}
RESTARTED = "SOUK_RESTARTED"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)([ \t]*;)?", re.MULTILINE)


class CannotStartError(Exception):
    """Why Souk cannot start here, in one paragraph with its fix."""


def stand_on_packages(arguments: list[str], root: Path = ROOT) -> None:
    """Return inside an environment that has what the command needs, making it if need be."""
    restarted = os.environ.pop(RESTARTED, "") == "1"
    house = House(root, locks_for(arguments[0] if arguments else "", lacks_node=lacks_node()))
    keep_compiled(house.state / "compiled")
    if house.is_under_us():
        return
    try:
        if restarted:
            raise CannotStartError(
                f"{house.folder} was just installed and still lacks packages of its lock. "
                f"Remove it and start again: rm -r '{house.folder}'"
            )
        if not house.is_ready():
            from bootstrap_install import install

            install(house)
    except CannotStartError as reason:
        print(reason, file=sys.stderr)
        sys.exit(2)  # 1 is a verdict of some commands
    os.environ[RESTARTED] = "1"
    os.execv(house.python, [str(house.python), str(root / "manage.py"), *arguments])  # noqa: S606


def keep_compiled(folder: Path) -> None:
    """Where Python may write no bytecode beside the sources, keep it here instead.

    Every program that a command starts would else compile more than a thousand modules anew, and
    take three times as long to start.
    """
    if sys.dont_write_bytecode and sys.pycache_prefix is None:
        sys.dont_write_bytecode = False
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(folder)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def locks_for(command: str, *, lacks_node: bool) -> tuple[str, ...]:
    """The lock files whose packages a command needs."""
    base = DEVELOPMENT if command in DEVELOPER_COMMANDS else RUNTIME
    return (base, NODE) if lacks_node and command in CHAIN_COMMANDS else (base,)


def lacks_node() -> bool:
    """True where neither the demo chain's node nor an npm to fetch it with is installed."""
    return not (os.environ.get("ANVIL_BIN") or shutil.which("anvil") or shutil.which("npm"))


def has_pins(lock: Path, folders: Iterable[str | Path]) -> bool:
    """True when the folders hold each package of a lock in its locked version.

    Pins under a platform condition are left to the installer.
    """
    present = set()
    for folder in folders:
        with suppress(OSError):
            present |= {plain(entry.name) for entry in os.scandir(folder)}
    pins = PIN.findall(lock.read_text(encoding="utf-8"))
    return all(
        plain(f"{name}-{version}.dist-info") in present
        for name, version, condition in pins
        if not condition
    )


def plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


class House:
    """The checkout's own `.venv`, and the stamp in it that says what was installed."""

    def __init__(self, root: Path, locks: tuple[str, ...]) -> None:
        self.root = root
        self.locks = locks
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "souk.json"
        self.state = root / ".souk"
        self.log = self.state / "bootstrap.log"

    def is_under_us(self) -> bool:
        """True when this very process already runs where every locked package is."""
        if Path(sys.prefix) == self.folder:
            return self.is_ready()
        return all(has_pins(self.root / lock, sys.path) for lock in self.locks)

    def is_ready(self) -> bool:
        """Finished, for these locks as they are now, with its packages still there."""
        stamp = self.read_stamp()
        wanted = {lock: self.fingerprint(lock) for lock in self.locks}
        if self.is_broken(stamp) or not (stamp == {} or wanted.items() <= stamp.items()):
            return False
        packages = list(self.folder.glob("lib/python3*/site-packages"))
        return all(has_pins(self.root / lock, packages) for lock in self.locks)

    def is_broken(self, stamp: dict[str, str]) -> bool:
        """Half made, moved here from elsewhere, or with a Python that is gone or closed to us.

        An empty stamp is a `.venv` somebody else made: it is used, and added to, as it is.
        """
        return not os.access(self.python, os.X_OK) or not (
            stamp == {} or self.stamp_when_done().items() <= stamp.items()
        )

    def stamp_when_done(self) -> dict[str, str]:
        python = os.path.realpath(self.python)
        return {"state": "ready", "folder": str(self.folder), "python": python}

    def fingerprint(self, lock: str) -> str:
        return hashlib.sha256((self.root / lock).read_bytes()).hexdigest()

    def read_stamp(self) -> dict[str, str]:
        try:
            stamp: dict[str, str] = json.loads(self.stamp.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError:  # cut short by a full disk or a kill
            return {"state": "installing"}
        return stamp

    def write_stamp(self, stamp: dict[str, str]) -> None:
        self.stamp.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
