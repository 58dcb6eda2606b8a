"""`manage.py test` itself: its exit code, and that nothing of a run remains."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.embedded.throwaway import children_of, exit_code, from_root

LEAVES_A_CHILD = """
import os, subprocess
def test_one():
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print("", "LEFT", child.pid, os.environ["TMPDIR"], sep="|", flush=True)
    {then}
"""


def begin(tmp_path: Path, checkout: Path, then: str) -> tuple[subprocess.Popen[str], int, Path]:
    """A run of one test that leaves a process behind; its number and the run's folder."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    test = tmp_path / "test_one.py"
    test.write_text(LEAVES_A_CHILD.replace("{then}", then))
    inside = ["-p", "no:django", "-p", "no:randomly", "-p", "no:cacheprovider", "-s"]
    run = subprocess.Popen(
        [sys.executable, "manage.py", "test", *inside, "-c", tmp_path / "pytest.ini", test],
        cwd=checkout,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout is not None
    said = next(line for line in run.stdout if "|LEFT|" in line)
    _, _, pid, folder = said.strip().split("|")
    return run, int(pid), Path(folder)


@pytest.mark.parametrize(("then", "code"), [("pass", 0), ("assert False", 1)])
def test_the_exit_code_is_pytests_and_nothing_remains(tmp_path, checkout, then, code):
    run, left_behind, folder = begin(tmp_path, checkout, then)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == code, output
    assert output.strip().splitlines()[-1].startswith("=====")
    assert not Path(f"/proc/{left_behind}").exists()
    assert not folder.exists()


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_stopped_tidies_up(tmp_path, checkout, order):
    run, left_behind, folder = begin(tmp_path, checkout, "import time; time.sleep(600)")
    watched = os.pidfd_open(left_behind)
    run.send_signal(order)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == pytest.ExitCode.INTERRUPTED, output
    assert select.select([watched], [], [], 0)[0]
    os.close(watched)
    assert not folder.exists()


def test_a_path_typed_elsewhere_means_what_it_meant_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_here.py").touch()
    assert from_root("test_here.py::test_it") == f"{tmp_path / 'test_here.py'}::test_it"
    assert from_root("-x") == "-x"


def test_a_killed_run_says_so_in_its_code():
    assert exit_code(0) == 0
    assert exit_code(-signal.SIGKILL) == 137


def test_children_are_found_whatever_their_name():
    with subprocess.Popen(["sleep", "600"]) as child:
        assert child.pid in children_of(os.getpid())
        child.kill()
