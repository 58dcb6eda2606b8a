"""A run of the benchmarks: which rows, how many rounds, and what comes of them."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
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
from tests.benchmarks.profiling import profile
from tests.benchmarks.stage import Stage, open_stage, say
from tests.benchmarks.waiting import Failed

CACHE = ROOT / ".souk" / "bench"
ROUNDS, SECONDS = 3, 8.0
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
        )


def describe(parser: argparse.ArgumentParser) -> None:
    """Say what can be asked for."""
    parser.add_argument("rows", nargs="*", metavar="row", help=f"some rows only, or {PROFILE!r}")
    parser.add_argument("--rounds", type=_count, default=0, help=f"default: {ROUNDS}")
    parser.add_argument(
        "--seconds", type=_seconds, default=0.0, help=f"each measurement; default: {SECONDS:.0f}"
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"one round of {QUICK_SECONDS:.0f} s, to look"
    )
    parser.add_argument("--release", default="hold", help=f"{PROFILE}: hold or instant")
    parser.add_argument(
        "--connections", type=_count, default=64, help=f"{PROFILE}: buyers at a time"
    )


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
    started = time.monotonic()
    if wishes.rows == (PROFILE,):
        profile(stage, wishes.release, wishes.connections)
    say(f"done in {time.monotonic() - started:.0f} s")
