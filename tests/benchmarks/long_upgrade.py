"""A real upgrade under twenty paid calls a second, and the way back: old code on new tables.

The old release is the newest tag of this repository; before the first one it is the last commit
whose tables are those that migration_rules.py calls the first release's. Everything starts as that
release, with its own tables. Then the tables are brought up to date and part by part is restarted
on today's code, with calls at an old and a new door, settled by an old and by a new worker alone;
and part by part goes back to the old code, on the new tables.

python3 manage.py test tests/benchmarks/long_upgrade.py -s
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.migration_rules import FIRST_RELEASE
from tests.end_to_end.steady_buyers import SteadyBuyers
from tests.end_to_end.under_load import everybody_was_served_once, goes_on, steady_buyers
from tests.fixtures.cast import Cast
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.production import (
    DOORS,
    OURS,
    WORKERS,
    Production,
    missing,
    running_production,
)
from tests.fixtures.stack import Sold
from tests.fixtures.upstream import Behaviour

ROLLED = ("worker-a", "worker-b", "beat", "door-a", "door-b", "site")  # deploy/roll.sh


def git(*words: str) -> str:
    command = ["git", "-C", str(CHECKOUT), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def release_before() -> str:
    """Its commit."""
    if tags := git("tag", "--list", "v*", "--sort=-creatordate", "--merged").splitlines():
        return tags[0]
    later = [
        str(path)
        for path in CHECKOUT.glob("**/migrations/[0-9]*.py")
        if int(path.name[:4]) > FIRST_RELEASE.get(path.parent.parent.name, 0)
    ]
    first = git("log", "--format=%H", "--diff-filter=A", "--topo-order", "--", *later)
    return git("rev-parse", f"{first.splitlines()[-1]}^")


def unpack(commit: str, folder: Path) -> Path:
    folder.mkdir()
    tree = subprocess.run(
        ["git", "-C", str(CHECKOUT), "archive", commit], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(folder)], input=tree.stdout, check=True)
    return folder


class Upgraded(Production):
    """Sells by the command of whatever release its workers are of: old tables want old code."""

    def sell(
        self,
        *,
        dollars: str = "0.01",
        method: str = "GET",
        pay_to: str = Cast.seller.address,
        behaviour: Behaviour | None = None,
        **draft: Any,
    ) -> Sold:
        slug = f"t-{uuid.uuid4().hex[:12]}"
        assert behaviour is not None
        self.upstream.on(f"/{slug}", behaviour)
        done = self.run(
            "worker-a", "python", "manage.py", "listing", "add", f"{self.upstream.url}/{slug}",
            "--seller", "tests", "--slug", slug, "--price", dollars, "--pay-to", pay_to,
            "--method", method, "--example", json.dumps(draft["example"]),
            "--answer", '{"ok":true}',
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        self.wait_on_sale(f"tests/{slug}")
        return Sold(f"tests/{slug}", self.url(f"tests/{slug}"), f"/{slug}", self.upstream)


def test_an_upgrade_and_the_way_back(
    tmp_path: Path, anvil_binary: Path, django_db_blocker: Any
) -> None:
    if lacking := missing():
        pytest.skip(f"production needs: {lacking}")
    before = release_before()
    old = unpack(before, tmp_path / "old")
    sys.stderr.write(f"the release before: {git('log', '-1', '--format=%h %s', before)}\n")
    images = dict.fromkeys((*OURS, "migrate"), old)
    make = partial(Upgraded, images=images)
    folder = tmp_path / "production"
    folder.mkdir()
    with running_production(folder, anvil_binary, django_db_blocker, make=make) as production:
        tables = production.rows("select count(*) from django_migrations")
        with steady_buyers(production, "upgrade") as shopping:
            production.images.pop("migrate")
            migrated = production.run("migrate")
            assert migrated.returncode == 0, migrated.stderr
            assert production.rows("select count(*) from django_migrations") > tables
            goes_on(production, shopping)
            roll(production, shopping, CHECKOUT)
            told(shopping, "upgraded")
            roll(production, shopping, old)
            told(shopping, "went back")
        everybody_was_served_once(production, shopping)
        for name in OURS:
            sys.stderr.write(f"{name} complained: {complaints(production, name)}\n")
        assert set(shopping.told) == {200}, shopping.told


def roll(production: Production, shopping: SteadyBuyers, image: Path) -> None:
    """Part by part, and where two are of two releases each works without its twin."""
    for part in ROLLED:
        production.images[part] = image
        production.restart_service(part)
        goes_on(production, shopping)
        if part == WORKERS[0]:
            for alone in WORKERS:
                production.stop_service(alone)
                goes_on(production, shopping)
                production.start_service(alone)
                production.wait_well(alone)
        if part == DOORS[0]:
            goes_on(production, shopping)


def told(shopping: SteadyBuyers, what: str) -> None:
    words = {each.words[:160] for each in shopping.bought if each.words}
    sys.stderr.write(
        f"{what}: {len(shopping.bought)} bought, told {dict(shopping.told)} {words or ''}\n"
    )


def complaints(production: Production, name: str) -> list[str]:
    text = (production.folder / f"{name}.log").read_text(errors="replace")
    return [line[:200] for line in text.splitlines() if "ERROR" in line or "Error:" in line][:5]
