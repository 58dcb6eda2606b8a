"""A minute without each thing that production stands on, under twenty paid calls a second.

The chain's node, PostgreSQL, both workers (killed) and Redis (emptied and stopped), one after the
other on the same marketplace: what its page says meanwhile, what buyers are told, and how soon
answers go out when it is back.

python3 manage.py test tests/benchmarks/long_outages.py -s
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.steady_buyers import SteadyBuyers
from tests.end_to_end.under_load import (
    Page,
    everybody_was_served_once,
    goes_on,
    steady_buyers,
)
from tests.fixtures.production import WORKERS, Production, missing, running_production

OUTAGE_SECONDS = 60.0
LOOK_SECONDS = 10.0


def kill_workers(production: Production) -> None:
    for name in WORKERS:
        production.kill_service(name)


def start_workers(production: Production) -> None:
    for name in WORKERS:
        production.start_service(name)


def lose_redis(production: Production) -> None:
    production.broker.flushall()
    production.kill_service("redis")


OUTAGES: dict[str, tuple[str, Callable[[Production], None], Callable[[Production], None]]] = {
    "the chain's node": (
        "the chain's node does not answer",
        Production.cut_off_the_node,
        Production.heal_the_node,
    ),
    "PostgreSQL": (
        "This site cannot reach its database at the moment",
        Production.stop_postgres,
        Production.start_postgres,
    ),
    "a worker": ("nobody has settled", kill_workers, start_workers),
    "Redis": ("nobody answers at redis://127.0.0.1", lose_redis, Production.start_redis),
}


def test_a_minute_without(tmp_path: Path, anvil_binary: Path, django_db_blocker: Any) -> None:
    if lacking := missing():
        pytest.skip(f"production needs: {lacking}")
    with running_production(tmp_path, anvil_binary, django_db_blocker) as production:
        page, asked = Page(production), 0
        for what, (words, lose, find_again) in OUTAGES.items():
            asked_before = asked
            with steady_buyers(production, what) as shopping:
                before = shopping.told
                lose(production)
                watch(what, page, words)
                meanwhile, waiting = shopping.told - before, still_waiting(shopping)
                find_again(production)
                healed = time.monotonic()
                goes_on(production, shopping)
                seconds = time.monotonic() - healed
            everybody_was_served_once(production, shopping)
            after = shopping.told - before - meanwhile
            asked = sum(1 for call in production.upstream.calls if call.header("X-Souk-Payment"))
            sys.stderr.write(
                f"without {what} for {OUTAGE_SECONDS:.0f} s: {len(shopping.bought)} bought, told"
                f" meanwhile {dict(meanwhile)} ({len(waiting)} wait for their answer,"
                f" {dict(words_of(shopping))}), after it {dict(after)};"
                f" answers go out {seconds:.1f} s after it is back, and sellers were asked"
                f" {asked - asked_before} times\n"
            )
        assert production.revived == []  # nothing ended by itself


def watch(what: str, page: Page, words: str) -> None:
    """What the page says through the minute, which has to be what is wrong."""
    begun = time.monotonic()
    page.comes_to_say(words)
    sys.stderr.write(f"without {what}: said after {time.monotonic() - begun:.1f} s\n")
    while (left := begun + OUTAGE_SECONDS - time.monotonic()) > 0:
        time.sleep(min(left, LOOK_SECONDS))
        said = page.words()
        sys.stderr.write(f"without {what} the page says: {said}\n")
        assert words in said


def still_waiting(shopping: SteadyBuyers) -> list[int]:
    return [each.number for each in shopping.bought if each.answer is None]


def words_of(shopping: SteadyBuyers) -> Counter[str]:
    """What buyers were told last before their answer, in words."""
    return Counter(each.words[:120] for each in shopping.bought if each.words)
