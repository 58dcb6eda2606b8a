"""PostgreSQL's own tools: which of them to use, and how they are told where the database is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from marketplace.embedded.postgres_binaries import packaged_folders, system_folders

_VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "passfile": "PGPASSFILE",
}  # fmt: skip


class BackupRefused(Exception):
    """Why there is no backup, or no restore, with what to do about it."""


def tool(name: str, *, major: int) -> str:
    """A tool at least as new as the server: an older pg_dump refuses a newer one."""
    found = [(version, path) for path in _candidates(name) if (version := _major(path))]
    fitting = sorted(each for each in found if each[0] >= major)
    if fitting:
        return fitting[0][1]
    newest = f"; the newest here is {max(found)[0]}" if found else ""
    raise BackupRefused(
        f"{name} of PostgreSQL {major} or newer is needed{newest}. On Debian and Ubuntu:"
        f" apt install postgresql-client-{major}; or run it where PostgreSQL runs"
        " (docs/operate.md, “Backups”)."
    )


def reach(url: str) -> dict[str, str]:
    """The environment in which a tool finds a database; no password stands on a command line."""
    given = conninfo_to_dict(url)
    known = {_VARIABLES[key]: str(value) for key, value in given.items() if key in _VARIABLES}
    return {"PATH": os.defpath, **known}


def _candidates(name: str) -> Iterator[str]:
    if on_path := shutil.which(name):
        yield on_path
    for folder in (*packaged_folders(), *system_folders()):
        if (folder / name).exists():
            yield str(folder / name)


def _major(path: str) -> int | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\) (\d+)", said.stdout)
    return int(version[1]) if version else None


def room_for(path: Path) -> None:
    """A backup never replaces a file, and needs a folder that it may write into."""
    if path.exists():
        raise BackupRefused(
            f"{path} is there already: name another file, or its folder, where each backup is named"
            " after its time."
        )
    if not path.parent.is_dir():
        raise BackupRefused(f"{path.parent} is no folder: make it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise BackupRefused(
            f"{path.parent} cannot be written into: name a folder that can, such as /backups"
            " (docs/operate.md, “Backups”)."
        )
