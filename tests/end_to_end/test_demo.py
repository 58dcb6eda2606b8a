"""The demo as its first visitor meets it: started, bought from, broken, killed, started again."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from marketplace.embedded.postgres import Postgres
from marketplace.embedded.run_record import is_alive
from tests.fixtures.ports import free_port
from tests.fixtures.wallet import ask

READY_SECONDS = 120
END_SECONDS = 60
PARTS = ("marketplace", "sellers", "payments", "templates", "static")
FILES = ("manage.py", "bootstrap*.py", "requirements*.txt", "pyproject.toml")
# What `manage.py test` sets for its own stack, and the demo has to do without.
OF_THE_TESTS = ("DATABASE_", "SOUK_", "CHAINS", "CELERY_", "DJANGO_", "SECRET_KEY")


@dataclass
class Demo:
    """A checkout of its own in which the demo is started, as often as a test likes."""

    folder: Path
    port: int
    environment: dict[str, str]
    process: "subprocess.Popen[str] | None" = None
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def parts(self) -> dict[str, int]:
        record = json.loads((self.folder / ".souk" / "run.json").read_text())
        return {name: pid for name, (pid, _) in record["processes"].items()}

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command typed in another terminal, in which nothing is set."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=END_SECONDS,
        )

    def start(self, *arguments: str) -> None:
        """Start it and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(self.port), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.lines = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith("ready "):
                return
        raise AssertionError("\n".join([*self.lines, *self.logs()]))

    def end(self) -> tuple[int, str]:
        """Wait for its end; gives its exit code and last words."""
        assert self.process is not None
        words, _ = self.process.communicate(timeout=END_SECONDS)
        return self.process.returncode, words

    def logs(self) -> list[str]:
        logs = sorted((self.folder / ".souk" / "logs").glob("*.log"))
        return [f"--- {log.name}\n{log.read_text(errors='replace')[-2000:]}" for log in logs]

    def working_here(self) -> list[int]:
        """Every process that works anywhere in this checkout."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cwd"):
            with suppress(OSError):
                if entry.readlink().is_relative_to(self.folder):
                    found.append(int(entry.parent.name))
        return [pid for pid in found if is_alive(pid)]


@pytest.fixture
def demo(checkout: Path, anvil_binary: Path) -> Iterator[Demo]:
    outside = Path(tempfile.mkdtemp(prefix="souk-demo-"))
    outside.chmod(0o755)  # PostgreSQL runs as another user when we are root
    folder = outside / "a checkout"
    folder.mkdir()
    for part in PARTS:
        if (checkout / part).exists():
            shutil.copytree(checkout / part, folder / part)
    for pattern in FILES:
        for file in checkout.glob(pattern):
            shutil.copy(file, folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_TESTS)}
    made = Demo(folder, free_port(), {**kept, "ANVIL_BIN": str(anvil_binary)})
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.communicate()
    for pid in made.working_here():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(Postgres(folder / ".souk" / "postgres").private_dir, ignore_errors=True)
    shutil.rmtree(outside)


def wait_until(true: Callable[[], bool], seconds: float = END_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def test_the_demo_sells_and_comes_back_after_whatever_ended_it(demo):
    demo.start()
    assert demo.lines[-1] == f"ready {demo.url}"
    line = next(line for line in demo.lines if "manage.py buy " in line)
    url = line.partition("'")[2].rstrip("'")

    bought = demo.manage("buy", url)
    assert bought.returncode == 0, bought.stderr
    assert '"city": "Oslo"' in bought.stdout
    assert "status         final" in bought.stdout
    receipt = re.search(rf"{demo.url}(/p/[0-9a-f-]+/receipt)", bought.stdout)
    assert receipt is not None
    as_of_old = demo.manage("buy", url, "--v1")
    assert as_of_old.returncode == 0, as_of_old.stderr
    assert "x402Version=1" in as_of_old.stdout
    assert "status         final" in as_of_old.stdout
    assert demo.manage("buy", url, "--max", "0.0001").returncode == 1
    assert demo.manage("buy", "nonsense").returncode == 2

    second = demo.manage("demo", "--port", str(free_port()))
    assert second.returncode == 1
    assert f"runs already: {demo.url}" in second.stdout

    # A part of it ends: said, and nothing is left half running.
    os.kill(demo.parts["postgres"], signal.SIGKILL)
    code, words = demo.end()
    assert code == 1
    assert "postgres ended (killed by signal 9)" in words
    assert demo.working_here() == []

    # It is killed itself: everything it started goes with it.
    demo.start()
    assert demo.process is not None
    demo.process.kill()
    demo.end()
    wait_until(lambda: demo.working_here() == [])

    # It starts over a spoiled record, and what was bought is still vouched for.
    (demo.folder / ".souk" / "run.json").write_text("{")
    demo.start()
    assert not any("paid calls" in line for line in demo.lines), "it made its history twice"
    assert ask(demo.url + receipt[1]).status == 200
    again = demo.manage("buy", url, "--quiet")
    assert json.loads(again.stdout)["city"] == "Oslo"

    demo.process.send_signal(signal.SIGINT)
    code, _ = demo.end()
    assert code == 0
    assert demo.working_here() == []
    stopped = demo.manage("buy", url)
    assert stopped.returncode == 2
    assert "Start python3 manage.py demo" in stopped.stderr
    assert "Traceback" not in stopped.stderr

    # Its chain is lost, as under a full disk: said, instead of a ledger that no chain bears out.
    shutil.rmtree(demo.folder / ".souk" / "chain")
    refused = demo.manage("demo", "--port", str(demo.port))
    assert refused.returncode == 1
    assert "python3 manage.py demo --fresh" in refused.stdout
    assert demo.working_here() == []


def test_a_taken_port_is_said_with_another_to_choose(demo):
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(demo.port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**demo.environment, "PYTHONUNBUFFERED": "1"},
    ) as other:
        wait_until(lambda: ask_quietly(demo.url))
        refused = demo.manage("demo", "--port", str(demo.port))
        other.kill()
    assert refused.returncode == 1
    assert f"Port {demo.port} is taken" in refused.stdout
    assert f"--port {demo.port + 100}" in refused.stdout


def ask_quietly(url: str) -> bool:
    with suppress(OSError):
        return ask(url).status == 200
    return False
