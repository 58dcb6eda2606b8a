"""`manage.py bench profile`: where the time of a paid call goes, process by process."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import uvloop

from tests.benchmarks.figures import short
from tests.benchmarks.paid import Measured, per_call_us
from tests.benchmarks.spy import find_spy
from tests.benchmarks.stage import OURS, Contender, Stage, say

STATISTICS = (
    "select 'transactions', xact_commit + xact_rollback from pg_stat_database"
    " where datname = current_database()"
    " union all select 'wal bytes', wal_bytes from pg_stat_wal"
    " union all select 'wal records', wal_records from pg_stat_wal"
    " union all select 'full page images', wal_fpi from pg_stat_wal"
    " union all select relname || ' inserted', n_tup_ins from pg_stat_user_tables"
    " union all select relname || ' updated', n_tup_upd from pg_stat_user_tables"
    " union all select relname || ' updated in place (HOT)', n_tup_hot_upd"
    "   from pg_stat_user_tables"
    " union all select relname || ' read in sequence', seq_tup_read from pg_stat_user_tables"
)
DURATION = re.compile(r"duration: ([\d.]+) ms  (?:execute [^:]*|statement): (.*)")
STEP = re.compile(r"duration: ([\d.]+) ms  (?:parse|bind) [^:]*: (.*)")
STATEMENTS_SHOWN = 25
FRAMES_SHOWN = 25
SAMPLES_PER_SECOND = 200


def profile(stage: Stage, release: str, connections: int) -> None:
    """Measure twice: undisturbed for the figures, then watched for the names."""
    ours = stage.ours(release)
    before = _statistics(stage)
    measured = _measure(stage, ours, connections)
    _show_figures(measured, before, _statistics(stage))
    stage.souk.settle_all()
    with _statements_logged(stage), _spying(stage):
        watched = _measure(stage, ours, connections)
    calls = len(watched.outcome.answered)
    say(f"\nwatched: {watched.window.rate:.0f} calls/s, {calls} in all")
    _show_statements(stage.souk.folder / "postgres.log", calls)
    _show_frames(stage.scratch)
    for stacks in stage.scratch.glob("*.spy"):  # for a flame graph
        shutil.copy(stacks, stage.cache)
    stage.souk.settle_all()
    say("\nreconcile: difference 0")


def _measure(stage: Stage, ours: Contender, connections: int) -> Measured:
    return uvloop.run(
        stage.bench.paid(
            ours.name, ours.target, ours.roots, connections=connections, guess=ours.guess
        )
    )


def _show_figures(measured: Measured, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    window = measured.window
    say(
        f"\n{window.rate:.1f} paid calls/s over {window.seconds:.1f} s, {window.counted} calls"
        f" answered and in a block\nprocessor, µs a call"
    )
    for name in OURS:
        busy = window.processor[name] / window.seconds
        say(f"  {name:<10}{per_call_us(window, [name]):>10.0f}   {busy:6.1%} of one core")
    say(f"  {'together':<10}{per_call_us(window, OURS):>10.0f}")
    calls = len(measured.outcome.answered)
    say(f"\nPostgreSQL, each call ({calls} calls, warm-up and end included)")
    for name in sorted(after, key=lambda n: before.get(n, 0) - after[n]):
        if (change := after[name] - before.get(name, 0)) > calls / 100:
            say(f"  {short(change / calls):>10}  {name}")


def _statistics(stage: Stage) -> dict[str, int]:
    return {str(name): int(count) for name, count in stage.souk.rows(STATISTICS)}


@contextmanager
def _statements_logged(stage: Stage) -> Iterator[None]:
    """Every statement with its time goes to the database's log; this costs a little itself."""
    log = stage.souk.folder / "postgres.log"
    log.write_bytes(b"")
    _set(stage, "alter system set log_min_duration_statement = 0")
    try:
        yield
    finally:
        _set(stage, "alter system reset log_min_duration_statement")


def _set(stage: Stage, order: str) -> None:
    with psycopg.connect(stage.souk.database_url, autocommit=True) as connection:
        connection.execute(order)
        connection.execute("select pg_reload_conf()")


def _show_statements(log: Path, calls: int) -> None:
    spent, count = statements(log.read_text(encoding="utf-8", errors="replace").splitlines())
    say(f"\nstatements: {sum(count.values()) / calls:.2f} a call; of those that took longest")
    say("   µs/call  times/call   ms each")
    for text in sorted(spent, key=lambda t: -spent[t])[:STATEMENTS_SHOWN]:
        each = spent[text] / max(count[text], 1)
        say(
            f"{1000 * spent[text] / calls:10.0f}  {count[text] / calls:10.2f}  {each:8.2f}"
            f"   {text[:110]}"
        )


def statements(lines: Iterable[str]) -> tuple[dict[str, float], Counter[str]]:
    """Milliseconds and times of each statement, as the database's log tells them.

    A statement of several lines goes on in lines that begin with a tab.
    """
    spent: dict[str, float] = defaultdict(float)
    count: Counter[str] = Counter()
    whole: list[str] = []
    for line in lines:
        if line.startswith("\t") and whole:
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
    for line in whole:
        if found := DURATION.search(line):
            text = " ".join(found[2].split())
            count[text] += 1
            spent[text] += float(found[1])
        elif found := STEP.search(line):
            spent[" ".join(found[2].split())] += float(found[1])
    return spent, count


@contextmanager
def _spying(stage: Stage) -> Iterator[None]:
    """py-spy beside the door and the worker, where it can be had."""
    spy = find_spy(stage.cache)
    if spy is None:
        yield
        return
    seconds = int(stage.seconds) + 2
    watching = [
        subprocess.Popen(
            [
                spy, "record", "--pid", str(stage.souk.programs[name].pid), "--subprocesses",
                "--gil",
                "--duration", str(seconds), "--rate", str(SAMPLES_PER_SECOND),
                "--format", "raw", "--output", str(stage.scratch / f"{name}.spy"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in ("door", "worker")
    ]  # fmt: skip
    try:
        yield
    finally:
        for process in watching:
            process.wait(60)


def _show_frames(scratch: Path) -> None:
    for file in sorted(scratch.glob("*.spy")):
        lines = file.read_text(encoding="utf-8").splitlines()
        own, whole, total = frames(lines)
        say(f"\n{file.stem}: {total} samples of Python at work; share of them, own and with calls")
        for name, samples in own.most_common(FRAMES_SHOWN):
            say(f"  {samples / total:6.1%} {whole[name] / total:6.1%}  {name}")
        say("  with what they call:")
        for name, samples in whole.most_common(FRAMES_SHOWN):
            say(f"  {own[name] / total:6.1%} {samples / total:6.1%}  {name}")


def frames(lines: Sequence[str]) -> tuple[Counter[str], Counter[str], int]:
    """Samples by function, its own and with what it calls, from py-spy's raw stacks."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    total = 0
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        names = [re.sub(r":\d+\)$", ")", name) for name in stack.split(";")]
        names = [name for name in names if not name.startswith("process ")] or ["?"]
        own[names[-1]] += int(samples)
        for name in set(names):
            whole[name] += int(samples)
        total += int(samples)
    return own, whole, max(total, 1)
