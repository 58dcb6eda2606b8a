"""A run of the benchmarks: which rows, how many rounds, and what comes of them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from marketplace.embedded.anvil import ChainError
from marketplace.embedded.postgres_binaries import PostgresError
from marketplace.embedded.throwaway import (
    ROOT,
    STOP_SIGNALS,
    StopAskedError,
    adopt_orphans,
    ask_to_stop,
    chain_node,
    scratch_folder,
)
from tests.benchmarks import peers
from tests.benchmarks.nginx import find_nginx
from tests.benchmarks.profiling import profile
from tests.benchmarks.report import Run, write
from tests.benchmarks.rows import ROWS
from tests.benchmarks.stage import LeftOut, Round, Stage, open_stage, say
from tests.benchmarks.tools import missing_tools
from tests.benchmarks.waiting import Failed

CACHE = ROOT / ".souk" / "bench"
REPORT = ROOT / "docs" / "benchmarks.md"
ROUNDS, SECONDS = 3, 6.0
QUICK_ROUNDS, QUICK_SECONDS = 1, 4.0
PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asked for."""

    rows: tuple[str, ...]
    rounds: int
    seconds: float
    quick: bool
    release: str
    connections: int
    remark: str

    @property
    def is_whole(self) -> bool:
        """Whether this run may stand in the documents."""
        return not self.rows and not self.quick

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Wishes:
        quick = bool(options["quick"])
        return cls(
            rows=tuple(options["rows"]),
            rounds=options["rounds"] or (QUICK_ROUNDS if quick else ROUNDS),
            seconds=options["seconds"] or (QUICK_SECONDS if quick else SECONDS),
            quick=quick,
            release=options["release"],
            connections=options["connections"],
            remark=options["remark"],
        )


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    names = ", ".join(row.name for row in ROWS)
    parser.add_argument(
        "rows", nargs="*", metavar="row", type=_row, help=f"some only: {names}; or {PROFILE}"
    )
    parser.add_argument("--rounds", type=_count, default=0, help=f"default: {ROUNDS}")
    parser.add_argument(
        "--seconds", type=_seconds, default=0.0, help=f"each measurement; default: {SECONDS:.0f}"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"one round of {QUICK_SECONDS:.0f} s, to look"
    )
    parser.add_argument("--remark", default="", help="a sentence for the report, on this run")
    parser.add_argument("--release", default="hold", help=f"{PROFILE}: hold or instant")
    parser.add_argument(
        "--connections", type=_count, default=64, help=f"{PROFILE}: buyers at a time"
    )


def _row(text: str) -> str:
    if text not in {PROFILE, *(row.name for row in ROWS)}:
        raise argparse.ArgumentTypeError(f"there is no row {text!r}")
    return text


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 2_000:
        raise argparse.ArgumentTypeError("a number from 1 to 2000")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 60:
        raise argparse.ArgumentTypeError("from 1 to 60 seconds")
    return seconds


def run(options: Mapping[str, Any]) -> int:
    """Do it on a stack of its own, of which nothing remains; returns the exit code."""
    wishes = Wishes.of(options)
    adopt_orphans()
    for number in STOP_SIGNALS:
        signal.signal(number, ask_to_stop)
    set_environment()
    try:
        anvil = chain_node()
        with (
            scratch_folder() as scratch,
            open_stage(scratch, CACHE, anvil, wishes.seconds) as stage,
        ):
            measure(stage, wishes)
    except StopAskedError as asked:
        return 128 + asked.number
    except (Failed, PostgresError, ChainError) as reason:
        sys.stderr.write(f"bench: {reason}\n")
        return 1
    finally:
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
    return 0


def set_environment() -> None:
    """This process only looks at things; what it starts is given settings of its own."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"
    os.environ["SOUK_DEBUG"] = "1"
    os.environ["CHAINS"] = "{}"


def measure(stage: Stage, wishes: Wishes) -> None:
    """The profile, or the rows round by round and then the report."""
    if wishes.rows == (PROFILE,):
        profile(stage, wishes.release, wishes.connections)
        return
    started = time.monotonic()
    left_out = reasons_to_leave_out(wishes)
    for name, why in left_out.items():
        say(f"row {name} is left out: {why}")
    samples: dict[str, list[dict[str, float]]] = {}
    for number in range(1, wishes.rounds + 1):
        say(f"round {number} of {wishes.rounds}")
        one_round(Round(stage, number), wishes, left_out, samples)
    minutes = (time.monotonic() - started) / 60
    lines = [line for row in ROWS if row.name in samples for line in row.lines(samples[row.name])]
    versions = {"nginx": stage.nginx.version} if find_nginx() else {}
    run = Run(
        rounds=wishes.rounds,
        seconds=wishes.seconds,
        minutes=minutes,
        versions=versions | own_versions(stage) | peers.versions(),
        left_out=left_out,
        remarks=[remark] if (remark := wishes.remark) else [],
    )
    path = REPORT if wishes.is_whole else CACHE / "last.md"
    text = write(path, run, lines, samples)
    (CACHE / "last.json").write_text(json.dumps(samples, indent=1), encoding="utf-8")
    sys.stdout.write(text.partition("## Every figure")[0])
    say(f"written to {path}, after {minutes:.1f} minutes; every reconcile said difference 0")


def one_round(
    this_round: Round,
    wishes: Wishes,
    left_out: dict[str, str],
    samples: dict[str, list[dict[str, float]]],
) -> None:
    for row in ROWS:
        if row.name in left_out or (wishes.rows and row.name not in wishes.rows):
            continue
        try:
            samples.setdefault(row.name, []).append(row.collect(this_round))
        except LeftOut as reason:
            left_out[row.name] = str(reason)
            del samples[row.name]
            say(f"row {row.name} is left out: {reason}")


def reasons_to_leave_out(wishes: Wishes) -> dict[str, str]:
    """The rows that need a program this machine does not have."""
    missing = missing_tools()
    return {
        row.name: "; ".join(missing[tool] for tool in row.needs if tool in missing)
        for row in ROWS
        if any(tool in missing for tool in row.needs)
        and (not wishes.rows or row.name in wishes.rows)
    }


def own_versions(stage: Stage) -> dict[str, str]:
    said = subprocess.run([stage.anvil, "--version"], capture_output=True, text=True, check=True)
    found = {"anvil": said.stdout.split()[-1] if said.stdout else "?"}
    if words := re.search(r"anvil Version: (\S+)", said.stdout):
        found["anvil"] = words[1]
    found |= {name: version(name.lower()) for name in ("granian", "psycopg", "aiohttp", "uvloop")}
    found["Python"] = ".".join(str(part) for part in sys.version_info[:3])
    if node := shutil.which("node"):
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True)
        found["Node"] = told.stdout.strip().lstrip("v")
    return found
