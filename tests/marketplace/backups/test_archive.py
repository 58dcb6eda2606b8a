"""A backup is whole or is none; a restore fills what is empty, or leaves it as it was."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from marketplace.backups import archive
from marketplace.backups.archive import manifest_of
from marketplace.backups.tools import BackupRefused, reach, tool
from marketplace.management.commands.backup import ONE_AT_A_TIME
from marketplace.management.manners import alone
from payments import audit_log, restored
from payments.models import Heartbeat, Relayer
from sellers.models import Seller
from tests.fixtures.purchases import NETWORK, sql_url
from tests.fixtures.stack import make_database


@pytest.fixture
def site(transactional_db: None, settings: Settings) -> Settings:
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = sql_url()
    Relayer.objects.create(network=NETWORK, address="0x" + "ab" * 20, next_nonce=7)
    Seller.objects.create(slug="kept", name="Kept")
    return settings


@pytest.fixture
def empty(site: Settings) -> Iterator[str]:
    name = f"restored_{uuid.uuid4().hex[:12]}"
    yield make_database(name)
    with psycopg.connect(sql_url(), autocommit=True) as server:
        server.execute(f'drop database "{name}" with (force)')


def back_up(file: Path) -> dict[str, Any]:
    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as asking:
        return archive.back_up(asking, file)


def restore(file: Path) -> None:
    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as asking:
        archive.restore(asking, file)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as looking:
        return looking.execute(query).fetchall()


def test_what_was_backed_up_comes_back_with_every_key_held(
    site: Settings, empty: str, tmp_path: Path
) -> None:
    file = tmp_path / "souk.dump"
    audit_log.record("system", "listing.paused", "listing:1")
    manifest = back_up(file)
    assert manifest["audit_head"] == str(audit_log.head())
    assert manifest == json.loads(manifest_of(file).read_text())
    assert file.stat().st_mode & 0o077 == 0
    assert Heartbeat.objects.filter(name="backup").exists()
    site.DATABASE_URL = site.DATABASE_DIRECT_URL = empty
    restore(file)
    assert rows(empty, "select slug from sellers_seller") == [("kept",)]
    ended = rows(empty, "select sequence || ':' || encode(hash, 'hex') from payments_audithead")
    assert ended == [(manifest["audit_head"],)]
    held = rows(empty, "select next_nonce, stopped_why from payments_relayer")
    assert held == [(7, restored.WHY)]
    assert rows(empty, "select name from payments_heartbeat") == [(restored.HELD_ROW,)]
    assert rows(empty, "select network from payments_chainhealth") == []


def test_a_database_that_holds_anything_is_left_alone(site: Settings, tmp_path: Path) -> None:
    file = tmp_path / "souk.dump"
    back_up(file)
    with pytest.raises(BackupRefused, match="into an empty one"):
        restore(file)
    assert Relayer.objects.get().stopped_why == ""


def test_a_file_is_never_replaced(site: Settings, tmp_path: Path) -> None:
    file = tmp_path / "souk.dump"
    file.write_text("mine")
    with pytest.raises(BackupRefused, match="there already"):
        back_up(file)
    assert file.read_text() == "mine"
    with pytest.raises(BackupRefused, match="no folder"):
        back_up(tmp_path / "nowhere" / "souk.dump")


def run(*arguments: str) -> dict[str, Any]:
    said = io.StringIO()
    call_command("backup", *arguments, "--json", stdout=said)
    return dict(json.loads(said.getvalue()))


def test_one_line_makes_a_file_of_its_own_every_night(site: Settings, tmp_path: Path) -> None:
    (tmp_path / "souk.dump").write_text("mine")
    file = Path(run(str(tmp_path))["file"])
    assert file.parent == tmp_path
    assert re.fullmatch(r"souk-\d{8}T\d{6}Z\.dump", file.name)
    assert manifest_of(file).exists()


def test_without_a_name_it_is_written_here(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Path(run("--dry-run")["file"]).parent == tmp_path


def test_a_folder_that_is_closed_is_said(
    site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as closed:
        closed.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
        with pytest.raises(CommandError, match=f"{tmp_path} cannot be written into"):
            run(str(tmp_path))
    monkeypatch.setattr(archive, "_write", _onto_a_full_disk)
    with pytest.raises(CommandError, match="cannot be written: No space left"):
        run(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def _onto_a_full_disk(path: Path, text: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_was_changed_is_refused(site: Settings, empty: str, tmp_path: Path) -> None:
    file = tmp_path / "souk.dump"
    back_up(file)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    site.DATABASE_URL = site.DATABASE_DIRECT_URL = empty
    with pytest.raises(BackupRefused, match="SHA-256"):
        restore(file)


def test_another_sites_backup_is_refused(site: Settings, empty: str, tmp_path: Path) -> None:
    file = tmp_path / "souk.dump"
    back_up(file)
    site.DATABASE_URL = site.DATABASE_DIRECT_URL = empty
    site.PUBLIC_BASE_URL = "https://another.example"
    with pytest.raises(BackupRefused, match=r"another\.example"):
        restore(file)


def test_half_a_restore_is_none(site: Settings, empty: str, tmp_path: Path) -> None:
    """The file breaks off in the middle, and nobody kept its manifest."""
    file = tmp_path / "souk.dump"
    back_up(file)
    manifest_of(file).unlink()
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    site.DATABASE_URL = site.DATABASE_DIRECT_URL = empty
    with pytest.raises(BackupRefused, match="failed"):
        restore(file)
    tables = "select count(*) from pg_class where relname like 'payments_%'"
    assert rows(empty, tables) == [(0,)]


def test_two_do_not_run_at_once(site: Settings, tmp_path: Path) -> None:
    with alone(ONE_AT_A_TIME):
        for command in ("backup", "restore"):
            with pytest.raises(CommandError, match="runs on this database already"):
                call_command(command, str(tmp_path / "souk.dump"))
    assert list(tmp_path.iterdir()) == []


def test_a_rehearsal_looks_and_changes_nothing(site: Settings, empty: str, tmp_path: Path) -> None:
    file, said = tmp_path / "souk.dump", io.StringIO()
    call_command("backup", str(file), "--dry-run", "--json", stdout=said)
    assert json.loads(said.getvalue()) == {"file": str(file), "dry_run": True}
    assert list(tmp_path.iterdir()) == []
    assert not Heartbeat.objects.filter(name="backup").exists()
    back_up(file)
    with pytest.raises(CommandError, match="into an empty one"):
        call_command("restore", str(file), "--dry-run")
    site.DATABASE_URL = site.DATABASE_DIRECT_URL = empty
    with psycopg.connect(empty, autocommit=True) as asking:
        archive.could_restore(asking, file)
    assert rows(empty, "select count(*) from pg_class where relname like 'payments_%'") == [(0,)]


def test_no_password_stands_on_a_command_line() -> None:
    environment = reach("postgresql://souk:secret@db.example:5433/souk?sslmode=require")
    assert environment["PGPASSWORD"] == "secret"
    assert environment["PGHOST"] == "db.example"
    assert environment["PGSSLMODE"] == "require"


def test_a_tool_older_than_the_server_is_not_used() -> None:
    with pytest.raises(BackupRefused, match="postgresql-client-99"):
        tool("pg_dump", major=99)


def test_the_command_says_why_not(site: Settings, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no file"):
        call_command("restore", str(tmp_path / "none"))
