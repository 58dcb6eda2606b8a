"""Format, lint, types and migrations are tests like any other."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


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
