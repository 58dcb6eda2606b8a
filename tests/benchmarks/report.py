"""docs/benchmarks.md, as a run writes it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import Spread, median, short

INTRODUCTION = """\
# Benchmarks

Written by `python3 manage.py bench`; every figure below was measured in that run, on one machine
that ran everything: Souk, its peers, the chain, the seller's endpoint and the buyers. Look at the
ratios inside a row; the absolute figures belong to that machine. A run asserts nothing.
"""
METHOD = """\
## How it is measured

- **The stack** is Souk with production settings on a stack of its own: one door as the image
  starts it, one worker, beat, the embedded PostgreSQL with `fsync` on, messages in a folder. Two
  limits are raised for one listing that sells everything: `SOUK_LISTING_IN_FLIGHT_MAX` and
  `SOUK_CALLS_IN_FLIGHT_MAX`. The chain is one anvil node with a block every second and none in
  between. The seller's endpoint is nginx with a fixed answer.
- **The peers** are the official FastAPI and Flask middlewares with the official Python
  facilitator, and `@x402/express` and `@x402/hono` with the official TypeScript facilitator and
  viem's nonce manager; one process each, as in their documents. What makes them fast without
  changing them is chosen: uvicorn with uvloop and httptools, a thread for every buyer of Flask
  and for every request to the Python facilitator, pooled clients to the seller, viem asking for
  receipts every 0.5 s. They use the same node and the same nginx. "Yes" is a facilitator that
  looks at nothing: nginx with two fixed answers.
- **The buyers** are one program with keep-alive connections. Every call carries a payment of its
  own from one of 64 wallets, signed before the clock runs. The next call of a connection begins
  when the last one is answered.
- **Paid calls** are counted within a window that opens at a block, once every buyer has had an
  answer or waited long for it, and closes at another. What counts is the least of three: answers
  that came to their buyers, payments that came into a block, and for Souk payments that were
  booked (final after two blocks, in the ledger, with a receipt). Nobody is credited with a
  backlog. A payment to a "yes" facilitator never reaches the chain: there the answer alone counts.
- A peer's failed calls do not count, and its processes are started anew after them, so that the
  next measurement finds it whole. A failed call of Souk's ends the run with an error.
- **Rounds** are interleaved: in each, everybody is measured once after the other. A ratio is
  taken in each round; the table shows the median, and least – median – most.
- **Processor time** is read from /proc at both ends of the window, for all processes of a part;
  the buyers' is not counted.
- After each measurement of Souk every payment is waited for until it is final, and `manage.py
  reconcile` must find difference 0; otherwise the run ends with an error.

## Where the promises differ

- The official stacks hold the answer until the payment is in a block, and keep nothing: an answer
  that is lost on its way is lost, and one payment sent twice at once reaches the seller twice. Souk
  claims each payment once in a durable row and stores the answer before it moves money.
- **Instant release** gives the answer first and moves the money afterwards, under caps. No
  official stack does that; the comparison shows what the other promise costs, not that one does
  the same faster.
- **Hold release** is the promise of the official stacks, and stronger for the reasons above.
- The "yes" rows take the chain out of the peers and leave it in Souk's.
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table."""

    measure: str
    goal: str
    values: tuple[float, ...]  # one a round
    reached: bool | None  # None where no goal is set
    absolute: str
    compares: str


@dataclass(frozen=True, slots=True)
class Run:
    """What is said about a run as a whole."""

    rounds: int
    seconds: float
    minutes: float
    versions: Mapping[str, str]
    left_out: Mapping[str, str]
    remarks: Sequence[str]


def write(
    path: Path,
    run: Run,
    lines: Sequence[Line],
    figures: Mapping[str, Sequence[Mapping[str, float]]],
) -> str:
    """Write the document, and return it."""
    text = document(run, lines, figures)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return text


def document(
    run: Run, lines: Sequence[Line], figures: Mapping[str, Sequence[Mapping[str, float]]]
) -> str:
    parts = [INTRODUCTION, machine(run)]
    parts += [f"{remark}\n" for remark in run.remarks]
    parts += ["## Results\n", table(lines)]
    if run.left_out:
        parts.append("Left out of this run:\n")
        parts.append("".join(f"- `{name}`: {why}\n" for name, why in run.left_out.items()))
    parts += ["## Every figure\n", every_figure(figures), METHOD]
    return "\n".join(parts)


def machine(run: Run) -> str:
    cores, gigabytes, model = hardware()
    known = ", ".join(f"{name} {version}" for name, version in sorted(run.versions.items()))
    return (
        f"- **Date**: {datetime.now(UTC):%Y-%m-%d}, {run.rounds} round"
        f"{'s' if run.rounds != 1 else ''} of {short(run.seconds)} s a measurement,"
        f" {run.minutes:.0f} minutes in all\n"
        f"- **Machine**: {cores} cores of {model}, {gigabytes:.0f} GB of memory,"
        f" {platform.system()} {platform.release().partition('-')[0]}\n"
        f"- **Versions**: {known}\n"
    )


def hardware() -> tuple[int, float, str]:
    """Cores, gigabytes, and the processor's name."""
    cores, model = 0, platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        cores += name.strip() == "processor"
        if name.strip() == "model name":
            model = " ".join(value.split())
    kilobytes = next(
        int(line.split()[1])
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("MemTotal:")
    )
    return cores, kilobytes / 1024**2, model


def table(lines: Sequence[Line]) -> str:
    rows = ["| measure | goal | measured | | least – median – most | figures | compares |"]
    rows.append("| --- | --- | --- | --- | --- | --- | --- |")
    for line in lines:
        mark = {True: "reached", False: "not reached", None: ""}[line.reached]
        rows.append(
            f"| {line.measure} | {line.goal} | **{short(median(line.values))}** | {mark}"
            f" | {spread_of(line.values)} | {line.absolute} | {line.compares} |"
        )
    return "\n".join(rows) + "\n"


def every_figure(figures: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    rows = ["| row | figure | least – median – most |", "| --- | --- | --- |"]
    for row, samples in figures.items():
        names = dict.fromkeys(name for sample in samples for name in sample)
        for name in names:
            found = [sample[name] for sample in samples if name in sample]
            rows.append(f"| `{row}` | {name} | {spread_of(found)} |")
    return "\n".join(rows) + "\n"


def spread_of(values: Sequence[float]) -> str:
    try:
        return str(Spread.of(values))
    except ValueError:
        return "–"
