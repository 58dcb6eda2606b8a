"""What the start decides and says, one case at a time."""

import errno
import importlib.util
import os
import re
import shutil
import sys
from collections import namedtuple
from pathlib import Path

import pytest

import manage
from bootstrap import CannotStartError, House, has_pins, locks_for
from bootstrap_install import (
    choose_installer,
    installer_environment,
    need_room,
    plain_words,
    why_it_failed,
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    (tmp_path / ".souk").mkdir()
    return House(tmp_path, ("requirements.txt",))


@pytest.mark.parametrize(
    ("command", "lacks_node", "locks"),
    [
        ("demo", False, ("requirements.txt",)),
        ("demo", True, ("requirements.txt", "requirements-node.txt")),
        ("test", False, ("requirements-dev.txt",)),
        ("test", True, ("requirements-dev.txt", "requirements-node.txt")),
        ("migrate", True, ("requirements.txt",)),
        ("", False, ("requirements.txt",)),
    ],
)
def test_each_command_needs_its_locks(command, lacks_node, locks):
    assert locks_for(command, lacks_node=lacks_node) == locks


LOCK = """# comment
django==5.2.8 \\
    --hash=sha256:00
psycopg-binary==3.3.0 \\
    --hash=sha256:00
uvloop==0.21 ; sys_platform != 'win32' \\
    --hash=sha256:00
"""


@pytest.mark.parametrize(
    ("folders", "complete"),
    [
        (["Django-5.2.8.dist-info", "psycopg_binary-3.3.0.dist-info"], True),
        (["django-5.2.8.dist-info"], False),
        (["django-5.2.7.dist-info", "psycopg_binary-3.3.0.dist-info"], False),
        (["django-5.2.8", "psycopg_binary-3.3.0.dist-info"], False),
    ],
)
def test_a_lock_is_met_by_each_package_in_its_version(tmp_path, folders, complete):
    (tmp_path / "lock").write_text(LOCK)
    for name in folders:
        (tmp_path / "packages" / name).mkdir(parents=True)
    places = [str(tmp_path / "absent"), str(tmp_path / "packages")]
    assert has_pins(tmp_path / "lock", places) is complete


def test_an_environment_whose_python_is_closed_to_us_is_made_anew(monkeypatch, house):
    house.python.parent.mkdir(parents=True)
    house.python.symlink_to(sys.executable)
    assert not house.is_broken({})
    monkeypatch.setattr(os, "access", lambda path, mode: path != house.python)
    assert house.is_broken({})


def machine_with(monkeypatch: pytest.MonkeyPatch, *, uv: bool, pip: bool, ensurepip: bool) -> None:
    have = {"pip": pip, "ensurepip": ensurepip}
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/uv" if uv and name == "uv" else None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: have[name] or None)


def test_uv_is_preferred(monkeypatch, house):
    machine_with(monkeypatch, uv=True, pip=True, ensurepip=True)
    tool = choose_installer(house)
    assert tool.command[:3] == ["/bin/uv", "pip", "install"]
    assert "--require-hashes" in tool.command


def test_the_machines_own_pip_is_used_where_there_is_one(monkeypatch, house):
    machine_with(monkeypatch, uv=False, pip=True, ensurepip=False)
    tool = choose_installer(house)
    assert tool.command[:3] == [sys.executable, "-m", "pip"]
    assert "--require-hashes" in tool.command
    assert not tool.brings_pip


def test_pythons_own_pip_is_unpacked_where_it_must_be(monkeypatch, house):
    machine_with(monkeypatch, uv=False, pip=False, ensurepip=True)
    tool = choose_installer(house)
    assert tool.command[0] == str(house.python)
    assert "--require-hashes" in tool.command
    assert tool.brings_pip


def test_a_machine_with_no_installer_is_told_the_package_to_add(monkeypatch, house):
    machine_with(monkeypatch, uv=False, pip=False, ensurepip=False)
    line = f"sudo apt install python3.{sys.version_info.minor}-venv"
    with pytest.raises(CannotStartError, match=line):
        choose_installer(house)


def test_a_python_too_old_is_told_which_one_to_take(monkeypatch, capsys):
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit, match="2"):
        manage.main()
    assert re.search(r"3\.11 or newer.*python3\.12 manage\.py demo", capsys.readouterr().err)


Usage = namedtuple("Usage", "free")


def test_too_small_a_disk_is_said_before_it_is_full(monkeypatch, house):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free=100_000_000))
    with pytest.raises(CannotStartError, match="100 MB are free"):
        need_room(house)


@pytest.mark.parametrize(
    ("log", "cause"),
    [
        ("OSError: [Errno 28] No space left on device", "too full"),
        ("error: Failed to fetch\n  Caused by: dns error", "could not be reached"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "could not be installed"),
    ],
)
def test_a_failed_installation_ends_in_what_to_do(house, log, cause):
    house.log.write_text(f"Collecting django\n{log}\n")
    said = why_it_failed(house)
    assert cause in said
    assert log.splitlines()[-1] in said
    assert str(house.log) in said


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EROFS, "cannot write there"), (errno.ENOSPC, "too full"), (errno.EACCES, "chown")],
)
def test_a_refusal_of_the_machine_is_said_with_its_fix(house, number, words):
    with pytest.raises(CannotStartError, match=words), plain_words(house):
        raise OSError(number, os.strerror(number), "/somewhere")


def test_temporary_files_stay_in_the_checkout(house):
    assert installer_environment(house)["TMPDIR"].startswith(str(house.root))
