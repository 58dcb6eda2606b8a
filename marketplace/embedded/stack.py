"""The demo's stack: what it is made of, the order in which it comes up and goes down."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from marketplace.embedded.anvil import find_anvil
from marketplace.embedded.chain import Anvil, prepare
from marketplace.embedded.demo_settings import (
    Keys,
    Ports,
    choose_ports,
    demo_environment,
    forget_the_shells_settings,
    set_environment,
)
from marketplace.embedded.logs import LiveLog
from marketplace.embedded.ports import is_free
from marketplace.embedded.postgres import Postgres
from marketplace.embedded.processes import Programs
from marketplace.embedded.readiness import (
    chain_answers,
    database_clock,
    has_lost_payments,
    has_sold,
    has_tables,
    is_settling,
    port_answers,
    web_answers,
)
from marketplace.embedded.refusal import DemoError
from marketplace.embedded.room import TO_START_MEGABYTES, require_room
from marketplace.embedded.run_record import RunRecord
from marketplace.embedded.starting import dies_with_us

ROOT = Path(__file__).resolve().parent.parent.parent
STATE = ROOT / ".souk"
LOGS = STATE / "logs"
# Kept over --fresh: the chain's program and the installers' caches, which are no state.
KEPT_WHEN_FRESH = {
    "node",
    "cache",
    "compiled",
    "tmp",
    "bootstrap.log",
    "bootstrap.lock",
    "demo.lock",
    "bench",
}
POSTGRES_SECONDS = 120.0
PROGRAM_SECONDS = 60.0
PREPARATION_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asked for."""

    port: int
    fresh: bool
    seed: bool
    verbose: bool


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


class Stack:
    """PostgreSQL, chain, upstream, worker and web server of one checkout."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.environment: dict[str, str] = {}
        self.record = RunRecord(STATE, ROOT)
        self.programs = Programs(LOGS, ROOT, self._note)
        self.postgres: Postgres | None = None
        self.live_log = LiveLog(LOGS, sys.stdout)

    def start(self) -> Ports:
        """Bring everything up; returns when a call can be bought."""
        forget_the_shells_settings()
        from django.conf import settings

        self._take_place(is_database_given=settings.DATABASE_IS_GIVEN)
        if self.wishes.verbose:
            self.live_log.start()
        with self._step("The demo chain's node"):
            anvil_binary = find_anvil(settings.ANVIL_BIN, STATE)
        ports = choose_ports(self.wishes.port, STATE / "ports.json")
        anvil = Anvil(anvil_binary, state_dir=STATE / "chain", port=ports.chain)
        anvil.initialise()
        self.programs.start("chain", anvil.command(), is_keeper=True)
        if settings.DATABASE_IS_GIVEN:
            database_url, direct_url = settings.DATABASE_URL, settings.DATABASE_DIRECT_URL
        else:
            database_url = direct_url = self._start_postgres()
        self.environment = demo_environment(
            STATE,
            ports,
            database_url=database_url,
            direct_url=direct_url,
            egress_allow=settings.EGRESS_ALLOW,
        )
        set_environment(self.environment)
        self._bring_up(ports, direct_url)
        return ports

    def stop(self, hurry: Callable[[], bool]) -> None:
        """End everything that was started, and nothing else."""
        self.programs.stop(hurry)
        if self.postgres is not None:
            self.postgres.release()
        self.live_log.end()
        self.record.release()

    def _take_place(self, *, is_database_given: bool) -> None:
        """Whatever can be known to stand in the way, before anything is started."""
        LOGS.mkdir(parents=True, exist_ok=True)
        self.record.take(f"http://127.0.0.1:{self.wishes.port}")
        if ended := self.record.end_leftovers():
            say(f"Ended what an earlier demo left running: {', '.join(ended)}.")
        if not is_free(self.wishes.port):
            raise DemoError(
                f"Port {self.wishes.port} is taken by another program. Stop that one, or choose "
                f"another port: python3 manage.py demo --port {self.wishes.port + 100}"
            )
        require_room(STATE, TO_START_MEGABYTES)
        if self.wishes.fresh:
            if is_database_given:
                raise DemoError(
                    "--fresh forgets everything, and DATABASE_URL names a database of yours, which "
                    "the demo does not empty. Empty it yourself, or unset DATABASE_URL: then the "
                    "demo brings its own."
                )
            self._forget()

    def _forget(self) -> None:
        """Start over: rows, chain, keys, logs."""
        Postgres(STATE / "postgres", say=say).erase()
        for entry in STATE.iterdir():
            if entry.name in KEPT_WHEN_FRESH:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        LOGS.mkdir()

    def _start_postgres(self) -> str:
        with self._step("PostgreSQL"):
            self.postgres = Postgres(STATE / "postgres", say=lambda words: say(f"\n  {words}"))
            self.postgres.initialise()
            process = self.programs.start(
                "postgres",
                self.postgres.command(),
                is_keeper=True,
                **self.postgres.popen_kwargs(),
            )
            self.programs.wait_until(
                lambda: self.postgres is not None and self.postgres.is_ready(process.pid),
                "PostgreSQL",
                POSTGRES_SECONDS,
            )
            self.postgres.create_database("souk")
        return self.postgres.url("souk")

    def _bring_up(self, ports: Ports, database_url: str) -> None:
        """Start what does not need each other at the same time; wait where one needs another."""
        since = database_clock(database_url)
        tables_are_there = has_tables(database_url, ROOT)
        self._start("upstream", "marketplace.embedded.upstream", "--port", str(ports.upstream))
        keys = Keys(STATE / "keys")
        seeding = ["--upstream-url", ports.upstream_url] if self.wishes.seed else []
        self._start(
            "preparation",
            "marketplace.embedded.preparation",
            *["--admin-password-file", keys.admin_password_file()],
            *["--seller-password-file", keys.seller_password_file(), *seeding],
        )
        if tables_are_there:
            self._start_worker_and_web(ports)
        with self._step("The demo chain, with its dollar"):
            self.programs.wait_until(
                lambda: chain_answers(ports.rpc_url), "The demo chain", PROGRAM_SECONDS
            )
            prepare(ports.rpc_url)
        with self._step("Tables and listings"):
            self.programs.finish("preparation", PREPARATION_SECONDS)
        if has_lost_payments(ports.rpc_url, database_url):
            raise DemoError(
                "The demo chain has lost payments that the ledger holds: its node was cut off "
                "while it wrote, or had no room to. The two do not come together again. Start "
                "over: python3 manage.py demo --fresh"
            )
        if not tables_are_there:
            self._start_worker_and_web(ports)
        with self._step("Upstream, worker and web server"):
            self.programs.wait_until(
                lambda: port_answers(ports.upstream), "The upstream", PROGRAM_SECONDS
            )
            self.programs.wait_until(
                lambda: web_answers(ports.web), "The web server", PROGRAM_SECONDS
            )
            self.programs.wait_until(
                lambda: is_settling(database_url, since), "The worker", PROGRAM_SECONDS
            )
            self.programs.keep_whole("worker")
        if self.wishes.seed and not has_sold(database_url):
            self._make_history(ports)

    def _start(self, name: str, module: str, *arguments: str) -> None:
        self.programs.start(name, [*dies_with_us(), sys.executable, "-m", module, *arguments])

    def _start_worker_and_web(self, ports: Ports) -> None:
        (STATE / "messages").mkdir(exist_ok=True)
        self._start(
            "worker",
            "celery",
            *["-A", "marketplace.celery", "worker", "--pool", "threads", "--concurrency", "4"],
            *["--beat", "--schedule", str(STATE / "messages" / "beat")],
            *["--loglevel", "INFO" if self.wishes.verbose else "WARNING"],
            *["--without-gossip", "--without-mingle", "--without-heartbeat"],
        )
        self._start(
            "web",
            "granian",
            *["--interface", "asgi", "--host", "127.0.0.1", "--port", str(ports.web)],
            *["--workers", "1", "--no-ws", "--workers-kill-timeout", "2"],
            *["--log-config", "marketplace/granian.json"],
            "marketplace.asgi:application",
        )

    def _make_history(self, ports: Ports) -> None:
        with self._step("A dozen paid calls, through the front door"):
            self._start(
                "history",
                "marketplace.embedded.history",
                *["--base-url", ports.base_url, "--rpc-url", ports.rpc_url],
            )
            self.programs.finish("history", PREPARATION_SECONDS)

    @contextmanager
    def _step(self, words: str) -> Iterator[None]:
        """A line of progress with its time; written whole where logs would run into it."""
        started = time.monotonic()
        line = f"  {words:<46}"
        if not self.wishes.verbose:
            sys.stdout.write(line)
            sys.stdout.flush()
        yield
        say(f"{line if self.wishes.verbose else ''}{time.monotonic() - started:6.1f} s")

    def _note(self, processes: dict[str, int]) -> None:
        """Commands typed beside the demo find it once it is known how to reach it."""
        self.record.write(self.environment, processes)
