"""Starts on a bare machine, end to end: real Python, real venv, real pip, no network."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def test_it_installs_the_lock_and_runs_the_command_inside(bare):
    code, said, complained = bare.start("version", "--now", "two words")
    assert code == 0, complained
    assert said == f"VERSION 1.0|{bare.venv}|version|--now|two words"
    assert "Packages ready" in complained


def test_a_second_start_installs_nothing_and_says_nothing(bare):
    bare.start("version")
    bare.clear_shelf()
    code, said, complained = bare.start("version")
    assert (code, complained) == (0, "")
    assert said.startswith("VERSION 1.0|")


def test_bytecode_that_may_not_stand_beside_its_source_is_kept_in_the_checkouts_state(bare):
    """Tests and demo start many programs: each would compile all of its packages anew."""
    bare.environment["PYTHONDONTWRITEBYTECODE"] = "1"
    bare.start("version")
    kept = bare.checkout / ".souk" / "compiled"
    compiled = {path.relative_to(kept) for path in kept.rglob("django/core/management*.pyc")}
    assert len(compiled) == 1
    assert not list(bare.checkout.rglob("__pycache__"))


def test_a_changed_lock_is_installed(bare):
    bare.start("version")
    bare.publish("2.0")
    assert bare.start("version")[1].startswith("VERSION 2.0|")


def test_two_starts_at_once_install_once(bare):
    both = [bare.begin("version"), bare.begin("version")]
    ends = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert sum(complained.count("Packages ready") for _, complained in ends) == 1


def test_a_half_made_environment_is_made_anew(bare):
    bare.start("version")
    (bare.venv / "souk.json").write_text('{"state": "installing"}')
    (bare.venv / "half").touch()
    assert bare.start("version")[0] == 0
    assert not (bare.venv / "half").exists()


def test_an_environment_whose_python_is_gone_is_made_anew(bare):
    bare.start("version")
    (bare.venv / "bin" / "python").unlink()
    (bare.venv / "bin" / "python").symlink_to("/nowhere/python3")
    assert bare.start("version")[1].startswith("VERSION 1.0|")


def test_a_package_that_went_missing_is_noticed(bare):
    bare.start("version")
    (packages,) = bare.venv.glob("lib/python3*/site-packages")
    (packages / "django-1.0.dist-info").rename(packages / "gone")
    code, said, complained = bare.start("version")
    assert code == 0, complained
    assert "Packages ready" in complained
    assert said.startswith("VERSION 1.0|")


def test_an_environment_that_has_everything_is_used_as_it_is(bare):
    own = bare.root / "own"
    subprocess.run([sys.executable, "-m", "venv", own], check=True)
    lock = bare.checkout / "requirements.txt"
    subprocess.run(
        [own / "bin" / "pip", "install", "-qq", "--require-hashes", "-r", lock],
        env=bare.environment,
        check=True,
    )
    code, said, complained = bare.start("version", python=str(own / "bin" / "python"))
    assert (code, complained) == (0, "")
    assert said.startswith(f"VERSION 1.0|{own}|")
    assert not bare.venv.exists()


def test_a_file_that_is_not_the_locked_one_is_refused_with_the_end_of_the_log(bare):
    lock = bare.checkout / "requirements.txt"
    lock.write_text("django==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    code, said, complained = bare.start("version")
    assert (code, said) == (2, "")
    assert "hash" in complained.lower()
    assert str(bare.checkout / ".souk" / "bootstrap.log") in complained
    assert json.loads((bare.venv / "souk.json").read_text())["state"] == "installing"


def test_a_machine_off_the_network_is_told_so(bare):
    del bare.environment["PIP_NO_INDEX"]
    del bare.environment["PIP_FIND_LINKS"]
    bare.environment |= {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    code, _, complained = bare.start("version")
    assert code == 2
    assert "could not be reached" in complained, complained
    assert "HTTPS_PROXY" in complained


def as_nobody(bare, *arguments: str) -> subprocess.CompletedProcess[str]:
    nobody = pwd.getpwnam("nobody")
    return subprocess.run(
        ["/usr/bin/python3", bare.checkout / "manage.py", *arguments],
        env=bare.environment,
        user=nobody.pw_uid,
        group=nobody.pw_gid,
        extra_groups=[],
        capture_output=True,
        text=True,
    )


@AS_ROOT
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs the system's Python")
def test_a_checkout_that_cannot_be_written_is_told_what_it_needs(bare):
    done = as_nobody(bare, "version")
    assert done.returncode == 2
    assert "Permission denied" in done.stderr
    assert "chown" in done.stderr
    assert "Traceback" not in done.stderr


@AS_ROOT
@pytest.mark.skipif(not Path("/usr/bin/python3").exists(), reason="needs the system's Python")
def test_nothing_is_written_outside_the_checkout_when_home_is_closed(bare):
    nobody = pwd.getpwnam("nobody")
    os.chown(bare.checkout, nobody.pw_uid, nobody.pw_gid)
    bare.environment["TMPDIR"] = str(bare.root / "empty")
    done = as_nobody(bare, "version")
    assert done.returncode == 0, done.stderr
    strangers = [path for path in bare.root.rglob("*") if path.stat().st_uid == nobody.pw_uid]
    assert strangers
    assert all(path.is_relative_to(bare.checkout) for path in strangers)
