"""`manage.py test`: pytest on a PostgreSQL and a chain of its own, of which nothing remains."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from marketplace.embedded.anvil import ChainError, find_anvil
from marketplace.embedded.postgres import Postgres
from marketplace.embedded.postgres_binaries import PostgresError
from marketplace.embedded.starting import dies_with_us

ROOT = Path(__file__).resolve().parent.parent.parent
# One worker more than there are cores, because many tests wait for blocks; more than four spend
# their time on each other's chains. A worker keeps neighbours together: they share their stacks.
WORKERS = min(4, (os.cpu_count() or 1) + 1)
EVERYTHING = ["-n", str(WORKERS), "--dist", "worksteal"]
CONNECTIONS_MAX = 200
GRACE_SECONDS = 20.0  # for fixtures to take their processes down
PR_SET_CHILD_SUBREAPER = 36
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopAskedError(Exception):
    """Ctrl-C, or a polite kill."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.number = number


def run_tests(arguments: list[str]) -> int:
    """Run pytest with these arguments, or everything; returns its exit code."""
    arguments = [from_root(argument) for argument in arguments] or EVERYTHING
    adopt_orphans()
    for number in STOP_SIGNALS:
        signal.signal(number, ask_to_stop)
    try:
        with scratch_folder() as scratch, running_postgres(scratch) as database_url:
            set_environment(scratch, database_url)
            os.environ["SOUK_TEST_ANVIL"] = str(chain_node())
            return run_pytest(arguments)
    except StopAskedError as asked:
        return 128 + asked.number
    except (PostgresError, ChainError) as reason:
        sys.stderr.write(f"{reason}\n")
        return 3


def run_pytest(arguments: list[str]) -> int:
    command = [*dies_with_us(), sys.executable, "-m", "pytest", *arguments]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        try:
            return exit_code(process.wait())
        except StopAskedError as asked:
            # The terminal has sent its Ctrl-C to pytest too; a second would cut the fixtures'
            # tidying short.
            if asked.number != signal.SIGINT or not sys.stdin.isatty():
                process.send_signal(signal.SIGINT)
            return exit_code(process.wait(timeout=GRACE_SECONDS))
    except (StopAskedError, subprocess.TimeoutExpired):
        process.kill()
        return exit_code(process.wait())
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def exit_code(returned: int) -> int:
    return returned if returned >= 0 else 128 - returned


def ask_to_stop(number: int, frame: FrameType | None) -> NoReturn:
    raise StopAskedError(number)


def from_root(argument: str) -> str:
    """pytest runs in the checkout; a path typed elsewhere still means what it meant there."""
    path, colons, test = argument.partition("::")
    return str(Path(path).resolve()) + colons + test if Path(path).exists() else argument


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Every temporary file of the run is made in here, and goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="souk-test-"))
    folder.chmod(0o711)  # PostgreSQL passes through as another user when we are root
    try:
        yield folder
    finally:
        end_orphans()
        shutil.rmtree(folder, ignore_errors=True)
        if sys.pycache_prefix is not None:  # programs that ran from copies of the checkout
            shutil.rmtree(f"{sys.pycache_prefix}{folder}", ignore_errors=True)


@contextmanager
def running_postgres(scratch: Path) -> Iterator[str]:
    postgres = Postgres(
        scratch / "postgres",
        durable=False,
        connections_max=CONNECTIONS_MAX,
        private_root=scratch,
    )
    process = postgres.start(scratch / "postgres.log")
    try:
        yield postgres.url("souk")
    finally:
        postgres.stop(process)


def set_environment(scratch: Path, database_url: str) -> None:
    """What pytest and all it starts inherit: this stack, and no other the shell may name."""
    for name in ("DATABASE_URL_FILE", "DATABASE_DIRECT_URL", "CHAINS_FILE"):
        os.environ.pop(name, None)
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"
    os.environ["DATABASE_URL"] = database_url
    os.environ["DATABASE_SITE_POOL_MAX"] = "0"  # tests change databases under a connection's name
    os.environ["CELERY_BROKER_URL"] = "filesystem://"
    os.environ["SOUK_MESSAGES_DIR"] = str(scratch / "messages")
    os.environ["SOUK_DEBUG"] = "1"
    os.environ["CHAINS"] = "{}"
    os.environ["SOUK_STOP_SECONDS"] = "5"  # calls that tests leave behind are nobody's
    os.environ["SOUK_ASKS_ITSELF"] = "0"  # where tests believe the site to be, another may run
    os.environ["TMPDIR"] = str(scratch)


def chain_node() -> Path:
    """The node whose chains the tests run on; fetched once into the checkout's own state."""
    from marketplace import settings  # readable only now that the environment is set

    return find_anvil(settings.ANVIL_BIN, settings.STATE_DIR)


def adopt_orphans() -> None:
    """Processes whose starter dies become our children, so that we can end them (Linux)."""
    with suppress(AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_orphans() -> None:
    """End what a killed test left running, and what that leaves in turn."""
    while orphans := children_of(os.getpid()):
        for pid in orphans:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        time.sleep(0.01)


def children_of(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            # "pid (name) state parent …", and a name may hold spaces and brackets
            if int(entry.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.parent.name))
    return found
