"""A backup, more payments, a lost database: the chain tells what the backup does not know."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.stack import Sold, Stack, answers, make_database, running_stack
from tests.fixtures.wallet import Said, ask, authorize, buy, pack

SINCE = 50
AT_THE_NEW_ONE = 5  # payments to a wallet that sells since the backup alone
CALLERS = 10


@pytest.fixture(scope="module")
def site(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("restore")
    with running_stack(folder, anvil_binary, django_db_blocker, webs=1) as stack:
        yield stack


def manage(site: Stack, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=CHECKOUT, env=site.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def done(site: Stack, *command: str) -> Any:
    said = manage(site, *command, "--json")
    assert said.returncode == 0, said.stderr
    return json.loads(said.stdout)


def all_booked(site: Stack) -> None:
    unfinished = "select count(*) from payments_progress where money <> 'confirmed'"
    site.wait_until(lambda: site.rows(unfinished) == [(0,)], "all is booked")


def shop(site: Stack, sold: Sold, buyers: list[Person]) -> list[tuple[dict[str, str], Said]]:
    """Each buyer pays once; the signed headers are kept, as a buyer's program keeps them."""

    def one(buyer: Person) -> tuple[dict[str, str], Said]:
        headers = {"PAYMENT-SIGNATURE": pack(authorize(ask(sold.url).challenge, buyer))}
        return headers, ask(sold.url, headers=headers)

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(one, buyers))


def lose_the_database(site: Stack) -> None:
    """Everything stops, and what it is started with again is an empty database."""
    site.stop()
    empty = make_database(f"restored_{uuid.uuid4().hex[:12]}")
    site.database_url = site.environment["DATABASE_URL"] = empty


def test_what_a_backup_does_not_know_is_found_and_nothing_is_paid_twice(site: Stack) -> None:
    sold = site.sell()
    buyers = [person(f"restored {number}") for number in range(SINCE)]
    for each in buyers:
        site.chain.fund(each.address, 1)
    assert buy(sold.url, buyers[0]).status == 200
    all_booked(site)
    file = site.folder / "souk.dump"
    manifest = done(site, "backup", str(file))
    assert manifest["sha256"]
    assert file.stat().st_mode & 0o077 == 0
    bought = shop(site, sold, buyers)
    assert [said.status for _, said in bought] == [200] * SINCE
    newly_sold = site.sell(pay_to=Cast.other_seller.address)
    more = [person(f"bought of the new one {number}") for number in range(AT_THE_NEW_ONE)]
    for each in more:
        site.chain.fund(each.address, 1)
    assert [said.status for _, said in shop(site, newly_sold, more)] == [200] * AT_THE_NEW_ONE
    all_booked(site)
    paid = site.chain.atomic_of(Cast.seller.address)

    refused = manage(site, "restore", str(file))
    assert refused.returncode == 1
    assert "restore into an empty one" in refused.stderr
    lose_the_database(site)
    held = done(site, "restore", str(file))["held"]
    assert len(held) == 1
    address = held[0].split()[1]
    site.workers = [site.start_worker()]
    site.webs = [site.start_web(site.ports[0])]
    site.wait_until(lambda: answers(site.ports[0]), "the door")
    site.wait_until(lambda: refuses(site), "the relayer stands still")

    again, first = bought[0][0], len(sold.calls)
    assert ask(sold.url, headers=again).status in (402, 503)
    site.wait_until(lambda: adopted(site, address), "the relayer goes on")
    site.wait_until(lambda: refuses(site, "reopen"), "the operator is waited for")
    told = done(site, "reopen")
    assert (told["held"], told["reopened"]) == (True, False)
    assert set(told["wallets_paid"]) == {Cast.seller.address}
    assert ask(sold.url, headers=again).status in (402, 503)
    assert refuses(site, "reopen")
    assert done(site, "reopen", "--redone")["reopened"]
    site.wait_until(site.settling, "the settler")

    (result,) = json.loads(manage(site, "reconcile", "--json").stdout)
    assert {each["kind"] for each in result["differences"]} == {"unknown"}
    payees = Counter(each["pay_to"] for each in result["unknown"])
    assert payees == {Cast.seller.address: SINCE, Cast.other_seller.address: AT_THE_NEW_ONE}
    for headers, _ in bought[:3]:
        said = ask(sold.url, headers=headers)
        assert said.status == 402, said.body  # its authorization is used: the chain says so
    assert len(sold.calls) == first
    assert site.chain.atomic_of(Cast.seller.address) == paid

    newcomer = person("after the restore")
    site.chain.fund(newcomer.address, 1)
    assert buy(sold.url, newcomer).status == 200
    all_booked(site)
    assert manage(site, "reconcile", "--fix").returncode == 1
    (result,) = done(site, "reconcile")
    lost = SINCE + AT_THE_NEW_ONE
    assert (result["differences"], result["lost"], result["booked"]) == ([], lost, 2)


def refuses(site: Stack, until: str = "relayer adopt") -> bool:
    """Until the operator gives this command."""
    found = site.rows("select refusing_why from payments_chainhealth")
    return bool(found) and f"restored from a backup; manage.py {until}" in found[0][0]


def adopted(site: Stack, address: str) -> bool:
    """Asked in this process: it is asked again and again until the chain is far enough."""
    with site.database(), override_settings(DATABASE_URL=site.database_url):
        try:
            call_command("relayer", "adopt", address, stdout=StringIO())
        except CommandError:
            return False
    return True
