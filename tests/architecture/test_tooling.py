"""Format, lint, types and migrations are tests like any other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.skipping import MAY_LACK, SKIPS_NOTHING, fail_if_skipped


def run(checkout: Path, *command: str) -> str:
    """What a tool complained of; nothing when it is content."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=checkout,
        env=os.environ | {"SOUK_DEBUG": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "ruff", "format", "--check", "--quiet", "."),
        ("-m", "ruff", "check", "--quiet", "."),
        ("-m", "mypy", "--no-error-summary"),
        ("manage.py", "makemigrations", "--check", "--dry-run"),
    ],
    ids=["format", "lint", "types", "migrations"],
)
def test_the_tools_have_nothing_to_say(checkout, command):
    complaint = run(checkout, *command)
    assert not complaint, complaint


def test_a_tool_with_a_complaint_is_heard(tmp_path, checkout):
    (tmp_path / "untidy.py").write_text("import os\n")
    assert "F401" in run(checkout, "-m", "ruff", "check", str(tmp_path / "untidy.py"))


def skipped(why: str) -> pytest.TestReport:
    told = ("test_x.py", 1, f"Skipped: {why}")
    report = pytest.TestReport("test_x.py::test_x", ("", 1, ""), {}, "skipped", told, "setup")
    fail_if_skipped(report)
    return report


def test_ci_leaves_nothing_out_for_want_of_a_program(checkout):
    assert f"export {SKIPS_NOTHING}=1" in (checkout / ".ci/run").read_text()
    report = skipped("no curl here: apt-get install -y curl")
    assert report.failed
    assert "install -y curl" in str(report.longrepr)


@pytest.mark.parametrize("why", MAY_LACK)
def test_it_may_leave_out_what_the_machine_is_not_made_for(why):
    assert skipped(why).skipped
