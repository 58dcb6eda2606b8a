"""Unpaid requests as many as go: wrk, which costs less than anything it asks."""

from __future__ import annotations

import re
import shutil
import subprocess

from tests.benchmarks.load import Target
from tests.benchmarks.waiting import Failed

CONNECTIONS = 64
WARM_UP_SECONDS = 1  # Node compiles what it runs often
RATE = re.compile(r"^Requests/sec:\s+([\d.]+)", re.MULTILINE)
TOTAL = re.compile(r"^\s+(\d+) requests in ", re.MULTILINE)
OTHER = re.compile(r"^\s+Non-2xx or 3xx responses: (\d+)", re.MULTILINE)
ERRORS = re.compile(r"^\s+Socket errors: (.*)", re.MULTILINE)


def requests_per_second(target: Target, seconds: float, *, status: int) -> float:
    """How many requests a second are answered, all of them with 402 or all with 200."""
    binary = shutil.which("wrk")
    assert binary is not None
    said = ""
    for length in (WARM_UP_SECONDS, max(1, round(seconds))):
        command = [
            *[binary, "-t", "1", "-c", str(CONNECTIONS), "-d", f"{length}s"],
            # wrk counts what takes longer than two seconds as failed; a slow peer is only slow.
            *["--timeout", "30s", "-H", "Accept: application/json"],
            f"http://127.0.0.1:{target.port}{target.path}",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return read_rate(said, status=status)


def read_rate(said: str, *, status: int) -> float:
    """The rate wrk reports, if the answers were the ones expected."""
    rate, total = RATE.search(said), TOTAL.search(said)
    other = OTHER.search(said)
    refused = int(other[1]) if other else 0
    if rate is None or total is None or ERRORS.search(said):
        raise Failed(f"wrk: {said[-500:]}")
    if refused != (0 if status == 200 else int(total[1])):
        raise Failed(f"wrk: {refused} of {total[1]} answers were no success, {status} was expected")
    return float(rate[1])
