"""Endurance: many quotes and paid calls, and whether anything that runs grows under them.

`run` needs a running marketplace and wallets with money; who started it is not its business.
Run by hand it starts one of its own, with production settings:

    python3 manage.py test tests/benchmarks/long_endurance.py

Memory is compared between the first and the last third of the work, for every process.
"""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import mean
from urllib.parse import urlsplit

import psycopg

from tests.fixtures.cast import Person
from tests.fixtures.memory import open_files, resident_bytes, threads
from tests.fixtures.wallet import authorize, pack, unpack

SLICES = 30
CONNECTIONS = 32
SLOW_SECONDS = 0.5
LOOK_SECONDS = 0.05
FLAT = 0.10  # how far memory may move between the first and the last third

_SLOW = """
    select query, extract(epoch from clock_timestamp() - query_start)::float8
      from pg_stat_activity
     where datname = current_database() and state = 'active' and pid <> pg_backend_pid()
       and backend_type = 'client backend' and wait_event_type is distinct from 'Lock'
       and clock_timestamp() - query_start > make_interval(secs => %s)
"""


@dataclass(frozen=True, slots=True)
class Running:
    """A marketplace to work on: the listing's address, its processes, its database."""

    call_url: str
    processes: Mapping[str, int]  # what it is called, and the number of its first process
    database_url: str


@dataclass(slots=True)
class Sample:
    """What one process held at one moment."""

    memory_bytes: int
    files: int
    threads: int


@dataclass(slots=True)
class Report:
    """What became of everything that runs."""

    challenges: int = 0
    paid: int = 0
    seconds: float = 0.0
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    connections: list[int] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)

    def thirds(self, name: str, what: Callable[[Sample], int]) -> tuple[float, float]:
        values = [what(sample) for sample in self.samples[name]]
        third = max(1, len(values) // 3)
        return mean(values[:third]), mean(values[-third:])

    def growth(self, name: str) -> float:
        """How much more memory in the last third than in the first, as a part of the first."""
        first, last = self.thirds(name, lambda sample: sample.memory_bytes)
        return last / first - 1

    def lines(self) -> Iterator[str]:
        yield (
            f"{self.challenges} quotes and {self.paid} paid calls in {self.seconds:.0f} s,"
            f" {len(self.refused)} refused"
        )
        for name in self.samples:
            first, last = self.thirds(name, lambda sample: sample.memory_bytes)
            files = self.thirds(name, lambda sample: sample.files)
            yield (
                f"{name:>10}: {first / 1e6:6.1f} → {last / 1e6:6.1f} MB ({self.growth(name):+.1%}),"
                f" open files {files[0]:.0f} → {files[1]:.0f}"
            )
        yield f"  database: connections {self.connections[0]} → {self.connections[-1]}"
        for query, seconds in self.slow.items():
            yield f"      slow: {seconds:.2f} s {query}"


def run(
    running: Running,
    buyers: Sequence[Person],
    *,
    challenges: int,
    paid: int,
    slices: int = SLICES,
    connections: int = CONNECTIONS,
    say: Callable[[str], None] = lambda words: None,
) -> Report:
    """Ask and buy in turns, and look at every process after each."""
    report = Report(samples={name: [] for name in running.processes})
    started = time.monotonic()
    purses = itertools.cycle(buyers)
    with ThreadPoolExecutor(connections) as callers, _watching(running.database_url, report):
        for number in range(slices):
            _everybody(callers, connections, challenges // slices, running, report, _ask)
            turn = [next(purses) for _ in range(paid // slices)]
            _everybody(callers, connections, len(turn), running, report, _buyer_of(turn))
            _look(running, report)
            report.seconds = time.monotonic() - started
            if number % max(1, slices // 10) == 0:
                say(next(report.lines()))
    return report


class Line:
    """One buyer's lasting connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.path = parts.path
        self.http = http.client.HTTPConnection(parts.netloc, timeout=120)

    def get(self, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        self.http.request("GET", self.path, headers=dict(headers))
        answer = self.http.getresponse()
        return answer.status, answer.getheader("payment-required", ""), answer.read()


Errand = Callable[[Line, int, Report], None]
_counting = threading.Lock()


def _everybody(
    callers: ThreadPoolExecutor,
    connections: int,
    count: int,
    running: Running,
    report: Report,
    errand: Errand,
) -> None:
    """So many errands, shared among the connections."""

    def work(first: int) -> None:
        line = Line(running.call_url)
        for number in range(first, count, connections):
            errand(line, number, report)
        line.http.close()

    list(callers.map(work, range(min(connections, count))))


def _ask(line: Line, number: int, report: Report) -> None:
    status, _, body = line.get({})
    with _counting:
        report.challenges += 1
        if status != 402:
            report.refused.append(f"{status} {body[:100]!r}")


def _buyer_of(turn: Sequence[Person]) -> Errand:
    def buy(line: Line, number: int, report: Report) -> None:
        _, header, _ = line.get({})
        payment = pack(authorize(unpack(header), turn[number]))
        status, _, body = line.get({"PAYMENT-SIGNATURE": payment})
        with _counting:
            report.paid += 1
            if status != 200:
                report.refused.append(f"{status} {body[:100]!r}")

    return buy


def _look(running: Running, report: Report) -> None:
    for name, pid in running.processes.items():
        report.samples[name].append(Sample(resident_bytes(pid), open_files(pid), threads(pid)))
    with psycopg.connect(running.database_url, autocommit=True) as looking:
        row = looking.execute(
            "select count(*) from pg_stat_activity where datname = current_database()"
        ).fetchone()
        assert row is not None
        report.connections.append(row[0])


@contextmanager
def _watching(database_url: str, report: Report) -> Iterator[None]:
    """Notes every statement that runs for long while the work goes on."""
    ended = threading.Event()

    def watch() -> None:
        with psycopg.connect(database_url, autocommit=True) as looking:
            while not ended.wait(LOOK_SECONDS):
                for query, seconds in looking.execute(_SLOW, (SLOW_SECONDS,)).fetchall():
                    known = " ".join(query.split())[:160]
                    report.slow[known] = max(seconds, report.slow.get(known, 0.0))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
