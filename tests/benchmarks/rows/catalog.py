"""Search in a catalog of a hundred thousand listings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

from marketplace.embedded.postgres import Postgres
from tests.benchmarks.figures import median, short
from tests.benchmarks.ours import ROOT, is_ours
from tests.benchmarks.report import Line
from tests.benchmarks.stage import Round, Stage, say
from tests.benchmarks.waiting import Failed

SEARCH, KNOWN = "search, p50 ms", "ETag hit, p50 ms"
GOALS_MS = {SEARCH: 10, KNOWN: 2}
CONNECTIONS_MAX = 20
CHAINS = {"eip155:84532": {"RPC": ["http://127.0.0.1:1"]}}


class CatalogSearch:
    name = "catalog"
    needs = ()

    def collect(self, this_round: Round) -> dict[str, float]:
        found = measure(this_round.stage)
        say(f"  catalog: {found}")
        return found

    def lines(self, samples: Sequence[dict[str, float]]) -> list[Line]:
        return [_line(name, goal, samples) for name, goal in GOALS_MS.items()]


def _line(name: str, goal: int, samples: Sequence[dict[str, float]]) -> Line:
    values = [sample[name] for sample in samples]
    return Line(
        measure=f"catalog of 100,000 listings: {name.replace(', p50 ms', '')}, p50, ms",
        goal=f"≤ {goal}",
        values=tuple(values),
        reached=median(values) <= goal,
        absolute=f"{short(median(values))} ms",
        compares="nothing; from request to response in one process, its database beside it",
    )


def measure(stage: Stage) -> dict[str, float]:
    """On a database that is kept beside the other sets, so that it is made once."""
    folder = stage.cache / "catalog"
    folder.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(folder / "postgres", connections_max=CONNECTIONS_MAX)
    server = postgres.start(folder / "postgres.log")
    try:
        postgres.create_database("souk")
        return ask(postgres.url("souk"))
    finally:
        postgres.stop(server)


def ask(database_url: str) -> dict[str, float]:
    shell = {name: value for name, value in os.environ.items() if not is_ours(name)}
    settings = {
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
        "DATABASE_URL": database_url,
        "SOUK_DEBUG": "1",
        "CHAINS": json.dumps(CHAINS),
        "SOUK_LOG_LEVEL": "ERROR",
        "SOUK_EGRESS_ALLOW": "127.0.0.0/8:1",
    }
    page = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.catalog_page"],
        cwd=ROOT,
        env={**shell, **settings},
        capture_output=True,
        text=True,
    )
    if page.returncode:
        raise Failed(f"the catalog was not to be measured: {page.stderr[-800:]}")
    return {name: float(value) for name, value in json.loads(page.stdout).items()}
