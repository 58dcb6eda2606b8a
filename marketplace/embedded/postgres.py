"""The embedded PostgreSQL: durable, on a Unix socket only, and nobody's business but ours."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from marketplace.embedded.postgres_binaries import (
    Binaries,
    PostgresError,
    copy_binaries,
    find_binaries,
)
from marketplace.embedded.postgres_place import (
    account_for,
    as_account,
    can_enter,
    can_run,
    clear_leftovers,
    make_owned,
    make_private,
    make_socket_dir,
    take_lock,
)
from marketplace.embedded.starting import dies_with_us, start_server

OWNER = "souk"
PORT = "5432"  # only part of the socket's file name; given so that PGPORT cannot change it
PRIVATE_ROOT = Path("/var/tmp")  # noqa: S108  (kept over a restart; what is in it is checked)
READY_SECONDS = 120.0  # recovery after a crash may replay max_wal_size
STOP_SECONDS = 4.0
STOP_SIGNAL = signal.SIGINT  # PostgreSQL's "fast" shutdown


class Postgres:
    """One cluster in one folder, prepared, started, asked for its URL, stopped.

    As root the server runs as another user; what that user cannot reach is kept under
    `private_root` instead.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Binaries | None = None,
        durable: bool = True,
        connections_max: int = 60,
        private_root: Path = PRIVATE_ROOT,
        say: Callable[[str], None] = print,
    ) -> None:
        self.data_dir = data_dir
        self.binaries = binaries or find_binaries()
        self.durable = durable
        self.connections_max = connections_max
        self.private_dir = private_root / f"souk-{hashlib.sha256(bytes(data_dir)).hexdigest()[:12]}"
        self.say = say
        self.account = account_for(data_dir)
        self.socket_dir: Path | None = None
        self.lock: IO[bytes] | None = None

    def initialise(self) -> None:
        """Everything before the start: one owner, no leftovers, a cluster of our version."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.lock = take_lock(self.data_dir)
        try:
            self.choose_place()
            clear_leftovers(self.data_dir)
            if (self.data_dir / "PG_VERSION").exists():
                self.check_version()
            else:
                self.make_cluster()
            self.socket_dir = make_socket_dir(self.account)
            self.lock.write(bytes(self.socket_dir))
            self.lock.flush()
        except BaseException:
            self.release()
            raise

    def command(self) -> list[str]:
        """The server's command line; it dies with its starter where the kernel can see to it."""
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "port": PORT,
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            "synchronous_commit": "on",
            "max_connections": str(self.connections_max),
            "shared_buffers": "64MB",
            "max_wal_size": "256MB",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_logical_replication_workers": "0",
            "log_checkpoints": "off",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            settings["souk.throwaway"] = "on"
        if self.binaries.major >= 18:
            settings["io_method"] = "sync"  # three idle worker processes fewer
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*dies_with_us(), self.binaries.tool("postgres"), "-D", str(self.data_dir), *options]

    def popen_kwargs(self) -> dict[str, Any]:
        """How to start it: as its own user, out of reach of the terminal's Ctrl-C.

        Start it from a thread that lives as long as the server should: Linux ends a child
        when the thread that made it ends.
        """
        return {"stdin": subprocess.DEVNULL, "start_new_session": True, **as_account(self.account)}

    def start(self, log: Path) -> subprocess.Popen[bytes]:
        """Prepare, start and wait until it answers; its words go to the log."""
        return start_server(self, log)

    def wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Return when the server says so in its own lock file; recovery may take a while."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready(process.pid):
            if process.poll() is not None:
                raise PostgresError(
                    f"PostgreSQL ended while starting (code {process.returncode}); "
                    "its log says why."
                )
            if time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL was not ready after {READY_SECONDS:.0f} s.")
            time.sleep(0.02)

    def is_ready(self, pid: int) -> bool:
        """Line 1 of the server's lock file is its number, line 8 what it says of itself."""
        try:
            lines = (self.data_dir / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"

    def url(self, database: str) -> str:
        return (
            f"postgresql://{OWNER}@/{quote(database)}"
            f"?host={quote(str(self.socket_dir), safe='')}&port={PORT}"
        )

    def create_database(self, name: str) -> None:
        """Make a database unless it is there."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            found = connection.execute("select 1 from pg_database where datname = %s", [name])
            if found.fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End the server and take away what it used outside its data."""
        for order in (STOP_SIGNAL, signal.SIGQUIT, signal.SIGKILL):
            if process.poll() is None:
                process.send_signal(order)
                try:
                    process.wait(timeout=STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        self.release()

    def release(self) -> None:
        """Give up the socket folder and the lock, once the server is gone."""
        if self.socket_dir:
            shutil.rmtree(self.socket_dir, ignore_errors=True)
            self.socket_dir = None
        if self.lock:
            self.lock.truncate(0)
            self.lock.close()
            self.lock = None

    def choose_place(self) -> None:
        """Keep data and programs where they are, unless the server's user cannot get there."""
        private = self.private_dir / "data"
        reachable = can_enter(self.account, self.data_dir.parent) and not private.exists()
        runnable = can_run(self.account, self.binaries)
        if reachable and runnable:
            return
        make_private(self.private_dir)
        who = self.account.name if self.account else "you"
        closed = self.binaries.folder if reachable else self.data_dir.parent
        self.say(
            f"PostgreSQL runs as {who}, who cannot enter {closed}: "
            f"what it needs from there is kept in {self.private_dir}"
        )
        if not runnable:
            self.binaries = copy_binaries(self.binaries, self.private_dir)
        if not reachable:
            if (self.data_dir / "PG_VERSION").exists() and not private.exists():
                raise PostgresError(
                    f"The data in {self.data_dir} is out of reach of {who}, as whom PostgreSQL "
                    "runs. Let others enter the folders above it (chmod o+x), then start again."
                )
            self.data_dir = private

    def check_version(self) -> None:
        made_by = (self.data_dir / "PG_VERSION").read_text(encoding="utf-8").strip()
        if made_by != str(self.binaries.major):
            raise PostgresError(
                f"{self.data_dir} was made by PostgreSQL {made_by}; this is "
                f"{self.binaries.major}, which cannot read it. Nothing was changed. To keep the "
                f"data, dump it with PostgreSQL {made_by} (pg_dumpall) and load it here; to do "
                "without, start over with --fresh."
            )

    def make_cluster(self) -> None:
        """Made beside its place and moved there whole, so that a kill leaves no half of one."""
        making = self.data_dir.with_name(f"{self.data_dir.name}.making")
        shutil.rmtree(making, ignore_errors=True)
        make_owned(making, self.account)
        # The same order of words on every machine, where this PostgreSQL can promise it.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options = ["--data-checksums", "--no-instructions", "--encoding=UTF8", "--auth=trust"]
        options += builtin if self.binaries.major >= 17 else ["--locale=C.UTF-8"]
        options += [] if self.durable else ["--no-sync"]
        made = subprocess.run(
            [self.binaries.tool("initdb"), "-D", making, f"--username={OWNER}", *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **as_account(self.account),
        )
        if made.returncode != 0:
            shutil.rmtree(making, ignore_errors=True)
            raise PostgresError(f"PostgreSQL could not make its data folder: {made.stderr.strip()}")
        making.rename(self.data_dir)

    def erase(self) -> None:
        """Forget every row, wherever it is kept; only while nothing runs."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        self.lock = take_lock(self.data_dir)
        for data in (self.data_dir, self.private_dir / "data"):
            clear_leftovers(data)
            shutil.rmtree(data, ignore_errors=True)
        shutil.rmtree(self.private_dir, ignore_errors=True)
        self.release()
