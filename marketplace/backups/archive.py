"""Backup and restore: pg_dump's custom format, and a manifest that says what is in it.

The dump is one snapshot, so books and steps in it agree. What the chain did later is not in it:
`payments.restored` keeps every key from signing until that was looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from django.conf import settings
from django.db.migrations.recorder import MigrationRecorder

from marketplace.backups.tools import BackupRefused, reach, room_for, tool
from payments import audit_log, restored
from payments.wiring.networks import networks

CHUNK_BYTES = 1 << 20
FORMAT = 1
Asking: TypeAlias = psycopg.Connection[Any]


def could_back_up(asking: Asking, path: Path) -> str:
    """The tool that would write this file; what stands in its way is refused."""
    room_for(path)
    room_for(manifest_of(path))
    return tool("pg_dump", major=_major(asking))


def back_up(asking: Asking, path: Path) -> dict[str, Any]:
    """Write the database into a file, with its manifest beside it; gives the manifest."""
    pg_dump = could_back_up(asking, path)
    half = path.with_name(f"{path.name}.part")
    audited = audit_log.head()  # before the snapshot, which therefore holds that entry
    half.unlink(missing_ok=True)
    try:
        _dump(half, pg_dump)
        manifest = {
            "format": FORMAT,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "site": settings.PUBLIC_BASE_URL,
            "networks": networks(),
            "postgresql": _major(asking),
            "migrations": _migrations(),
            "audit_head": str(audited),
            "bytes": half.stat().st_size,
            "sha256": _digest(half),
        }
        _write(manifest_of(path), json.dumps(manifest, indent=2) + "\n")
        half.rename(path)
        _to_disk(path.parent)
    finally:
        half.unlink(missing_ok=True)
    asking.execute(
        "insert into payments_heartbeat (name, at) values ('backup', clock_timestamp())"
        " on conflict (name) do update set at = excluded.at"
    )
    return manifest


def could_restore(asking: Asking, path: Path) -> tuple[str, str]:
    """The tools that would read this file and fill the database; else why it is refused."""
    if not path.is_file():
        raise BackupRefused(f"there is no file {path}.")
    _check(path)
    _refuse_unless_empty(asking)
    return tool("pg_restore", major=_major(asking)), tool("psql", major=_major(asking))


def restore(asking: Asking, path: Path) -> None:
    """Fill an empty database from a backup; nothing of it stays if that fails half-way."""
    _refill(path, *could_restore(asking, path))


def manifest_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _major(asking: Asking) -> int:
    return asking.info.server_version // 10_000


def _dump(half: Path, pg_dump: str) -> None:
    half.touch(mode=0o600)
    done = subprocess.run(
        [pg_dump, "--format=custom", "--no-owner", "--no-privileges", f"--file={half}"],
        env=reach(settings.DATABASE_DIRECT_URL), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BackupRefused(f"pg_dump failed: {done.stderr.strip()}")
    _to_disk(half)


def _check(path: Path) -> None:
    """Whether the file is what was written; a dump without its manifest is taken as it is."""
    beside = manifest_of(path)
    if not beside.exists():
        return
    try:
        manifest = json.loads(beside.read_text(encoding="utf-8"))
        wanted, site = manifest["sha256"], manifest["site"]
    except (ValueError, KeyError, TypeError):
        raise BackupRefused(f"{beside} is no manifest of a backup.") from None
    if _digest(path) != wanted:
        raise BackupRefused(f"{path} is not the file that was backed up: its SHA-256 differs.")
    if site != settings.PUBLIC_BASE_URL:
        raise BackupRefused(
            f"this is the backup of {site}, and here is {settings.PUBLIC_BASE_URL}: receipts and"
            " offers name their site. Set PUBLIC_BASE_URL, or take the manifest away to insist."
        )


def _refuse_unless_empty(asking: Asking) -> None:
    found = asking.execute(
        "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'S')"
    ).fetchone()
    assert found is not None
    if found[0]:
        raise BackupRefused(
            f"the database holds {found[0]} tables: restore into an empty one (createdb), and"
            " point DATABASE_URL at it."
        )


def _refill(path: Path, pg_restore: str, psql: str) -> None:
    """One transaction, which ends with every key held: it is all there, or nothing is."""
    with (
        subprocess.Popen(
            [pg_restore, "--no-owner", "--no-privileges", "--file=-", str(path)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as reading,
        subprocess.Popen(
            [psql, "--no-psqlrc", "--quiet", "--single-transaction", "--output=/dev/null",
             "--set=ON_ERROR_STOP=1", "--file=-"],
            env=reach(settings.DATABASE_DIRECT_URL), stdin=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as writing,
    ):  # fmt: skip
        try:
            _pour(reading, writing)
        except BaseException:
            # Killed before its input ends: at the end it would commit what it has.
            for process in (writing, reading):
                process.kill()
            assert writing.stdin is not None
            with suppress(BrokenPipeError):
                writing.stdin.close()
            raise


def _pour(reading: subprocess.Popen[bytes], writing: subprocess.Popen[bytes]) -> None:
    assert reading.stdout is not None
    assert writing.stdin is not None
    try:
        while chunk := reading.stdout.read(CHUNK_BYTES):
            writing.stdin.write(chunk)
        if reading.wait():
            raise BackupRefused(f"pg_restore failed: {_said(reading)}")
        writing.stdin.write(f"\nset search_path = public;\n{restored.HOLD_SQL}\n".encode())
        writing.stdin.close()
    except BrokenPipeError:
        raise BackupRefused(f"psql failed: {_said(writing)}") from None
    if writing.wait():
        raise BackupRefused(f"psql failed: {_said(writing)}")


def _said(process: subprocess.Popen[bytes]) -> str:
    assert process.stderr is not None
    return process.stderr.read().decode(errors="replace").strip()


def _migrations() -> dict[str, str]:
    applied = MigrationRecorder.Migration.objects.order_by("app", "name")
    return dict(applied.values_list("app", "name"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    _to_disk(path)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
