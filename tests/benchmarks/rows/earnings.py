"""The earnings page of a seller with a million payments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from marketplace.embedded.postgres import Postgres
from tests.benchmarks.figures import median, short
from tests.benchmarks.ours import ROOT, is_ours, production_secrets
from tests.benchmarks.report import Line
from tests.benchmarks.stage import Round, Stage, say
from tests.benchmarks.waiting import Failed

GOAL_MS = 100
FIRST = "first view, p50 ms"
CONNECTIONS_MAX = 20


class EarningsPage:
    name = "earnings"
    needs = ()

    def collect(self, this_round: Round) -> dict[str, float]:
        found = measure(this_round.stage)
        say(f"  earnings: {found}")
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        first = [sample[FIRST] for sample in samples]
        return [
            Line(
                measure="earnings page of a seller with a million payments, first view, p50, ms",
                goal=f"≤ {GOAL_MS}",
                values=tuple(first),
                reached=median(first) <= GOAL_MS,
                absolute=f"{short(median(first))} ms",
                compares="nothing; from request to response in one process, its database beside it",
            )
        ]


def measure(stage: Stage, subject: str = "earnings") -> dict[str, float]:
    """On a database that is kept beside the other sets, so that it is made once."""
    folder = stage.cache / subject
    folder.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(folder / "postgres", connections_max=CONNECTIONS_MAX)
    server = postgres.start(folder / "postgres.log")
    try:
        postgres.create_database("souk")
        return ask(postgres.url("souk"), subject)
    finally:
        postgres.stop(server)


def ask(database_url: str, subject: str) -> dict[str, float]:
    shell = {name: value for name, value in os.environ.items() if not is_ours(name)}
    settings = {
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DATABASE_URL": database_url,
        "CHAINS": "{}",
        "PUBLIC_BASE_URL": "http://testserver",
        "SOUK_LOG_LEVEL": "ERROR",
    }
    page = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{subject}_page"],
        cwd=ROOT,
        env={**shell, **production_secrets(), **settings},
        capture_output=True,
        text=True,
    )
    if page.returncode:
        raise Failed(f"the {subject} page was not to be measured: {page.stderr[-800:]}")
    return {name: float(value) for name, value in json.loads(page.stdout).items()}
