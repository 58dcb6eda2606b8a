"""Two doors, one site, two workers over Redis: one marketplace, whichever process one meets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sellers.directory import find
from sellers.listings import pause, resume
from tests.faults.invariants import check
from tests.fixtures.cast import Person, person
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.fleet import (
    NO_REDIS,
    Fleet,
    broker_url,
    redis_binary,
    running_fleet,
    running_redis,
)
from tests.fixtures.stack import Sold
from tests.fixtures.upstream import answer, hang
from tests.fixtures.wallet import Said, ask, authorize, pack, sign_in

CALLERS = 16
ROUNDS = 6


@pytest.fixture(scope="module")
def fleet(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Fleet]:
    binary = redis_binary()
    if binary is None:
        pytest.skip(NO_REDIS)
    with (
        running_redis(binary) as broker,
        running_fleet(
            tmp_path_factory.mktemp("fleet"),
            anvil_binary,
            django_db_blocker,
            broker=broker_url(broker),
        ) as fleet,
    ):
        yield fleet


def signed(url: str, buyer: Person, **changed: Any) -> dict[str, str]:
    return {"PAYMENT-SIGNATURE": pack(authorize(ask(url).challenge, buyer, **changed))}


def post(url: str, headers: dict[str, str]) -> Said:
    return ask(
        url, method="POST", headers={**headers, "Content-Type": "application/json"}, body=b"{}"
    )


def buyers(fleet: Fleet, count: int, name: str) -> list[Person]:
    people = [person(f"{name} {number}") for number in range(count)]
    for each in people:
        fleet.chain.fund(each.address, 10)
    return people


def payment_of(said: Said) -> str:
    return str(said.settlement["extensions"]["souk"]["payment"])


def all_is_booked(fleet: Fleet) -> None:
    unfinished = (
        "select count(*) from payments_progress"
        " where work = 'open' or (work = 'answered' and money <> 'confirmed')"
    )
    fleet.wait_until(lambda: fleet.rows(unfinished) == [(0,)], "all is booked", 60)


def the_books_are_right(fleet: Fleet) -> int:
    """Ledger equals chain, by the tests' own reading and by the command's."""
    all_is_booked(fleet)
    check(fleet.database_url, chain=fleet.chain)
    done = subprocess.run(
        [sys.executable, "manage.py", "reconcile", "--json"],
        cwd=CHECKOUT, env=fleet.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    (result,) = json.loads(done.stdout)
    assert (done.returncode, result["differences"]) == (0, []), done.stderr
    return int(result["booked"])


def test_both_doors_sell_side_by_side_and_the_ledger_equals_the_chain(fleet: Fleet) -> None:
    """GET and POST, and each payment sent again to the other door."""
    shown, made = fleet.sell(), fleet.sell(method="POST")
    people = buyers(fleet, CALLERS, "crowd")

    def shop(number: int) -> list[int]:
        statuses = []
        for turn in range(ROUNDS):
            door = (number + turn) % 2
            if turn % 2:
                headers = signed(fleet.at_door(made, door), people[number])
                first = post(fleet.at_door(made, door), headers)
                again = post(fleet.at_door(made, 1 - door), headers)
            else:
                headers = signed(fleet.at_door(shown, door), people[number])
                first = ask(fleet.at_door(shown, door), headers=headers)
                again = ask(fleet.at_door(shown, 1 - door), headers=headers)
            assert again.status == 409, again.body
            statuses.append(first.status)
        return statuses

    with ThreadPoolExecutor(CALLERS) as callers:
        said = list(callers.map(shop, range(CALLERS)))

    assert said == [[200] * ROUNDS] * CALLERS
    assert len(shown.calls) + len(made.calls) == CALLERS * ROUNDS
    assert the_books_are_right(fleet) >= CALLERS * ROUNDS


def test_twins_at_two_doors_are_one_purchase(fleet: Fleet) -> None:
    sold = fleet.sell()
    people = buyers(fleet, 4, "twins")
    papers = [signed(sold.url, buyer) for buyer in people]
    errands = [(paper, door) for paper in papers for door in (0, 1, 0, 1)]

    def send(errand: tuple[dict[str, str], int]) -> Said:
        return ask(fleet.at_door(sold, errand[1]), headers=errand[0])

    with ThreadPoolExecutor(len(errands)) as callers:
        said = list(callers.map(send, errands))

    for at in range(0, len(said), 4):  # a twin that comes in time waits for the same answer
        statuses = {each.status for each in said[at : at + 4]}
        assert 200 in statuses
        assert statuses <= {200, 409}
        bought = {payment_of(each) for each in said[at : at + 4] if each.status == 200}
        assert len(bought) == 1
    assert len(sold.calls) == 4
    claimed = "select count(*) from payments_payment where listing_path = %s"
    assert fleet.rows(claimed, sold.path) == [(4,)]


def test_who_went_away_from_one_door_is_answered_by_the_other(fleet: Fleet) -> None:
    sold = fleet.sell(behaviour=hang())
    (buyer,) = buyers(fleet, 1, "hasty")
    with pytest.raises(TimeoutError):
        ask(fleet.at_door(sold, 0), headers=signed(sold.url, buyer), seconds=1.0)
    fleet.wait_until(lambda: abandoned(fleet, sold), "the door noticed", 20)
    again = signed(sold.url, buyer)

    with ThreadPoolExecutor(1) as callers:
        joining = callers.submit(ask, fleet.at_door(sold, 1), headers=again)
        sold.answers(answer())
        sold.upstream.release()
        said = joining.result()

    assert said.status == 200, said.body
    assert said.headers["x-souk-joined"] == payment_of(said)
    assert len(sold.calls) == 1


def abandoned(fleet: Fleet, sold: Sold) -> bool:
    query = (
        "select g.abandoned_at is not null from payments_progress g"
        " join payments_payment p on p.id = g.payment_id where p.listing_path = %s"
    )
    return fleet.rows(query, sold.path) == [(True,)]


@pytest.mark.parametrize("door", [0, 1])
def test_the_site_shows_a_payment_and_hands_its_answer_over_again(fleet: Fleet, door: int) -> None:
    sold = fleet.sell()
    (buyer,) = buyers(fleet, 1, f"reader {door}")
    url = fleet.at_door(sold, door)
    payment = payment_of(ask(url, headers=signed(url, buyer)))
    page = f"{fleet.site_url}/p/{payment}"

    assert ask(page).json["links"]["self"] == page
    asked = ask(f"{page}/answer")
    assert asked.status == 401
    proof = sign_in(asked.json["extensions"]["sign-in-with-x"], buyer)
    handed = ask(f"{page}/answer", headers={"SIGN-IN-WITH-X": proof})
    assert (handed.status, handed.json) == (200, {"ok": True})
    fleet.wait_until(lambda: ask(f"{page}/receipt").status == 200, "the receipt", 20)


def test_a_door_is_no_site_and_a_site_no_door(fleet: Fleet) -> None:
    sold = fleet.sell()
    door, site = (f"http://127.0.0.1:{fleet.ports[which]}" for which in (0, 2))
    assert ask(f"{door}/").status == 404
    assert ask(f"{door}/healthz").status == 200
    assert ask(f"{site}/").status == 200
    assert ask(f"{site}/call/{sold.path}").status == 404


def test_a_pause_and_its_end_are_seen_by_both_doors(fleet: Fleet) -> None:
    """Four looks a second; how long it takes is measured elsewhere."""
    sold = fleet.sell()
    urls = [fleet.at_door(sold, door) for door in (0, 1)]
    for act, status in ((pause, 503), (resume, 402)):
        with fleet.database():
            act(find(sold.path).pk)
        fleet.wait_until(both(urls, status), f"both doors answer {status}", 10)


def both(urls: list[str], status: int) -> Callable[[], bool]:
    return lambda: all(ask(url).status == status for url in urls)


def test_one_of_each_may_die_and_the_rest_go_on(fleet: Fleet) -> None:
    """The worker that runs beat, and a door; what they had in hand is finished by the others."""
    sold = fleet.sell()
    people = buyers(fleet, 4, "survivor")
    fleet.kill(fleet.workers[0])
    fleet.kill(fleet.webs[0])

    said = [ask(fleet.at_door(sold, 1), headers=signed(fleet.at_door(sold, 1), p)) for p in people]

    assert [each.status for each in said] == [200] * 4
    fleet.workers[0] = fleet.start_worker()
    fleet.webs[0] = fleet.start_web(fleet.ports[0])
    fleet.wait_ready()
    assert the_books_are_right(fleet) > 0
