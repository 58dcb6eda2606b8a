"""A bare machine in small: the real start, with locks of one tiny package on a local shelf."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SCRIPTS = (
    "manage.py", "bootstrap.py", "bootstrap_install.py", "payments/__init__.py",
    "payments/loaded.py",
)  # fmt: skip
BARE_PYTHON = getattr(sys, "_base_executable", sys.executable)
# Stands where Django stands: says where it runs and what it was asked.
PACKAGE = """
import sys
def execute_from_command_line(arguments):
    print(f"VERSION {version}", sys.prefix, *arguments[1:], sep="|")
"""


@dataclass
class Bare:
    """A checkout and a machine on which nothing is prepared."""

    root: Path  # open to other users
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def checkout(self) -> Path:
        return self.root / "a checkout"

    @property
    def venv(self) -> Path:
        return self.checkout / ".venv"

    def publish(self, version: str) -> None:
        """Put a release on the shelf and pin it in the locks."""
        wheel = self.root / "shelf" / f"django-{version}-py3-none-any.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            info = f"django-{version}.dist-info"
            code = PACKAGE.replace("{version}", version).replace('f"', '"')
            archive.writestr("django/__init__.py", "")
            archive.writestr("django/core/__init__.py", "")
            archive.writestr("django/core/management.py", code)
            archive.writestr(
                "django/core/exceptions.py", "class ImproperlyConfigured(Exception): ..."
            )
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: django\nVersion: {version}\n"
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        for lock in ("requirements.txt", "requirements-dev.txt", "requirements-node.txt"):
            pin = f"django=={version} \\\n    --hash=sha256:{digest}\n"
            (self.checkout / lock).write_text(pin)

    def begin(self, *arguments: str, python: str = BARE_PYTHON) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [python, self.checkout / "manage.py", *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def start(self, *arguments: str, python: str = BARE_PYTHON) -> tuple[int, str, str]:
        process = self.begin(*arguments, python=python)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said.strip(), complained

    def clear_shelf(self) -> None:
        for wheel in (self.root / "shelf").iterdir():
            wheel.unlink()


@pytest.fixture
def bare(checkout: Path) -> Iterator[Bare]:
    root = Path(tempfile.mkdtemp(prefix="souk bare "))
    root.chmod(0o755)
    machine = Bare(root)
    for folder in (machine.checkout, root / "shelf", root / "home", root / "empty"):
        folder.mkdir()
    for script in SCRIPTS:
        (machine.checkout / script).parent.mkdir(exist_ok=True)
        shutil.copy(checkout / script, machine.checkout / script)
    machine.environment = {
        "PATH": str(root / "empty"),
        "HOME": str(root / "home"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": (root / "shelf").as_uri(),
    }
    machine.publish("1.0")
    yield machine
    shutil.rmtree(root)
