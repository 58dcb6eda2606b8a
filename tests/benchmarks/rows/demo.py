"""The demo of a stranger's first minute: time to ready on a warm machine, memory of all of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from marketplace.embedded.ports import free_port
from tests.benchmarks.figures import median, short
from tests.benchmarks.ours import ROOT, is_ours
from tests.benchmarks.processes import memory_bytes
from tests.benchmarks.report import Line
from tests.benchmarks.stage import Round, Stage, say
from tests.benchmarks.waiting import Failed

SHIPPED = ("marketplace", "sellers", "payments", "templates", "static")
STOP_SECONDS = 30.0
GOAL_SECONDS, GOAL_MEGABYTES = 10, 600
READY, MEMORY = "ready, s", "memory, MB"


class DemoStart:
    name = "demo"
    needs = ()

    def collect(self, this_round: Round) -> dict[str, float]:
        stage = this_round.stage
        checkout = stage.part("demo", lambda: warm_checkout(stage))
        seconds, megabytes = start(checkout, stage.anvil)
        say(f"  demo: ready after {seconds:.1f} s, {megabytes:.0f} MB")
        return {READY: seconds, MEMORY: megabytes}

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        seconds = [sample[READY] for sample in samples]
        megabytes = [sample[MEMORY] for sample in samples]
        return [
            Line(
                measure="`manage.py demo` on a warm machine: time to ready, s",
                goal=f"≤ {GOAL_SECONDS}",
                values=tuple(seconds),
                reached=median(seconds) <= GOAL_SECONDS,
                absolute=f"{short(median(seconds))} s",
                compares="nothing; a second start in a copy of the checkout",
            ),
            Line(
                measure="memory of the whole demo stack when ready, MB",
                goal=f"≤ {GOAL_MEGABYTES}",
                values=tuple(megabytes),
                reached=median(megabytes) <= GOAL_MEGABYTES,
                absolute=f"{short(median(megabytes))} MB",
                compares="nothing; proportional share (PSS) of every process",
            ),
        ]


def warm_checkout(stage: Stage) -> Path:
    """A copy whose demo has been started once, so that the next start finds its state."""
    folder = stage.scratch / "checkout"
    folder.mkdir(mode=0o755)
    for name in SHIPPED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (*ROOT.glob("*.py"), *ROOT.glob("requirements*.txt"), ROOT / "pyproject.toml"):
        shutil.copy(file, folder)
    say("  demo: the first start, which is not measured")
    start(folder, stage.anvil)
    return folder


def start(checkout: Path, anvil: Path) -> tuple[float, float]:
    """Start it, wait for its `ready`, weigh it, stop it: seconds and megabytes."""
    begun = time.monotonic()
    demo = subprocess.Popen(
        [sys.executable, "manage.py", "demo", "--port", str(free_port())],
        cwd=checkout,
        env=environment(os.environ, anvil),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    said = []
    try:
        for line in demo.stdout:
            said.append(line)
            if line.startswith("ready "):
                return time.monotonic() - begun, memory_bytes([demo.pid]) / 1024**2
        raise Failed(f"the demo did not start: {''.join(said)[-800:]}")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=STOP_SECONDS)


def environment(shell: Mapping[str, str], anvil: Path) -> dict[str, str]:
    """The shell's, without any setting of Souk; the node is the one found already."""
    return {name: value for name, value in shell.items() if not is_ours(name)} | {
        "ANVIL_BIN": str(anvil)
    }
