"""Production's own processes behind its own proxy: they may be restarted, killed and cut off.

Who pays is never charged twice and never loses an answer; what is wrong stands on the operator's
page in words. Two doors, a site, two workers: one marketplace, whichever process one meets.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from payments.x402.networks import NETWORKS
from sellers.listings import pause, resume
from sellers.profile.directory import find
from tests.end_to_end.under_load import (
    Page,
    everybody_was_served_once,
    goes_on,
    people,
    steady_buyers,
)
from tests.faults.market import Gate
from tests.fixtures.cast import Person
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.compose import read_services, rolled
from tests.fixtures.production import BAD_PAYMENTS, DOORS, WORKERS, Production
from tests.fixtures.stack import NETWORK, answers
from tests.fixtures.wallet import Said, ask, authorize, pack, sign_in

CALLERS = 8
ROUNDS = 2


@pytest.fixture(scope="module")
def page(production: Production) -> Page:
    return Page(production)


def signed(url: str, buyer: Person, **changed: Any) -> dict[str, str]:
    return {"PAYMENT-SIGNATURE": pack(authorize(ask(url).challenge, buyer, **changed))}


def payment_of(said: Said) -> str:
    return str(said.settlement["extensions"]["souk"]["payment"])


# Restarts and faults under load


def restarted_in_turn(folder: Path) -> list[str]:
    """The order of deploy/roll.sh."""
    _migrate, *ups = rolled(CHECKOUT, read_services(CHECKOUT, {"PUBLIC_BASE_URL": "-"}), folder)
    return [line.rpartition(" ")[2] for line in ups]


def test_a_rolling_restart_loses_and_double_charges_nothing(
    production: Production, tmp_path: Path
) -> None:
    with steady_buyers(production, "roll") as shopping:
        migrated = production.run("migrate")
        assert migrated.returncode == 0, migrated.stderr
        for part in restarted_in_turn(tmp_path):
            production.restart_service(part)
    everybody_was_served_once(production, shopping)
    others = [(each.told, each.words) for each in shopping.bought if set(each.told) != {200}]
    assert others == []


def test_whatever_fails_under_load_is_said_and_heals(production: Production, page: Page) -> None:
    with steady_buyers(production, "faults") as shopping:
        production.broker.flushall()
        for name in ("worker-b", "door-a", "redis"):
            production.kill_service(name)
        page.comes_to_say("nobody answers at redis://127.0.0.1")
        goes_on(production, shopping)
        production.start_redis()
        production.start_service("door-a")

        production.kill_service("worker-a")
        page.comes_to_say(f"nobody has settled {NETWORKS[NETWORK].name}")
        for worker in WORKERS:
            production.start_service(worker)
        goes_on(production, shopping)

        production.stop_postgres()
        page.comes_to_say("This site cannot reach its database at the moment")
        production.start_postgres()
        goes_on(production, shopping)

        production.cut_off_the_node()
        page.comes_to_say("the chain's node does not answer")
        production.heal_the_node()
        goes_on(production, shopping)
    everybody_was_served_once(production, shopping)
    for name in ("door-a", *WORKERS):
        production.wait_well(name)
    assert production.revived == []  # nothing ended by itself


# Stopping


def test_a_stopping_door_finishes_what_it_has_in_hand(production: Production) -> None:
    """Who waits is answered by it, and the work of who hung up is kept for their next payment."""
    gate = Gate()
    sold = production.sell(behaviour=gate)
    patient, hasty = people(production, 2, "stop")
    url = production.url(sold.path)
    with ThreadPoolExecutor(1) as callers:
        waiting = callers.submit(ask, url, headers=signed(url, patient))
        production.wait_until(lambda: gate.waiting == 1, "the first call")
        production.hang_up(sold, signed(url, hasty))
        production.wait_until(lambda: gate.waiting == 2, "both calls")
        production.running["door-a"].terminate()
        production.wait_until(lambda: not answers(production.port("door-a")), "the stop")
        other = production.url(sold.path, 1)
        joining = callers.submit(ask, other, headers=signed(other, hasty))
        gate.open()
        assert waiting.result().status == 200
    production.restart_service("door-a")

    said = joining.result()
    assert (said.status, said.headers["x-souk-joined"]) == (200, payment_of(said))
    assert len(sold.calls) == 2


def test_an_open_page_does_not_keep_the_site_from_stopping(production: Production) -> None:
    sold = production.sell()
    (buyer,) = people(production, 1, "watcher")
    payment = payment_of(ask(sold.url, headers=signed(sold.url, buyer)))
    stream = http.client.HTTPConnection("127.0.0.1", production.port("site"), timeout=20)
    with closing(stream):
        stream.request("GET", f"/events?topics=payment:{payment}")
        opened = stream.getresponse()
        assert opened.readline() == b": open\n"
        production.restart_service("site")
        assert opened.read().endswith(b"\n")  # as an answer ends; the page asks again


# The proxy in front


def test_the_proxy_carries_all_that_a_payment_needs(production: Production) -> None:
    sold = production.sell()
    called = f"/call/{sold.path}"
    assert production.ask_proxy(called).challenge["accepts"]
    assert production.ask_proxy(called, {"X-Long": "x" * 20_000}).status == 402
    assert production.ask_proxy("/").status == 200
    assert production.ask_proxy("/mcp").status == 405  # the door's word; the site knows no /mcp
    plain = f"http://127.0.0.1:{production.plain_port}"
    assert ask(f"{plain}{called}").status == 403
    assert ask(f"{plain}/mcp").status == 403
    assert ask(f"{plain}/").headers["location"].startswith("https://")


def test_doors_hold_no_key_and_commands_run_where_the_keys_are(production: Production) -> None:
    held = {name: set((production.folder / name / "secrets").iterdir()) for name in DOORS}
    assert not any("relayer" in file.name for files in held.values() for file in files)
    done = production.run("worker-a", "python", "manage.py", "doctor", "--json")
    assert '"level": "fail"' not in done.stdout, done.stdout


# Many processes, one marketplace


def post(url: str, headers: dict[str, str]) -> Said:
    return ask(
        url, method="POST", headers={**headers, "Content-Type": "application/json"}, body=b"{}"
    )


def test_both_doors_sell_side_by_side_and_know_what_the_other_sold(production: Production) -> None:
    """GET and POST, and each payment sent again to the other door."""
    shown, made = production.sell(), production.sell(method="POST")
    crowd = people(production, CALLERS, "crowd")

    def shop(number: int) -> list[int]:
        statuses = []
        for turn in range(ROUNDS):
            door = (number + turn) % 2
            here, there = (production.url(made.path, each) for each in (door, 1 - door))
            send = post
            if not turn % 2:
                here, there = (production.url(shown.path, each) for each in (door, 1 - door))
                send = get
            headers = signed(here, crowd[number])
            first, again = send(here, headers), send(there, headers)
            assert again.status == 409, again.body
            statuses.append(first.status)
        return statuses

    with ThreadPoolExecutor(CALLERS) as callers:
        said = list(callers.map(shop, range(CALLERS)))

    assert said == [[200] * ROUNDS] * CALLERS
    assert len(shown.calls) + len(made.calls) == CALLERS * ROUNDS


def get(url: str, headers: dict[str, str]) -> Said:
    return ask(url, headers=headers)


def test_twins_at_two_doors_are_one_purchase(production: Production) -> None:
    sold = production.sell()
    papers = [signed(sold.url, buyer) for buyer in people(production, 4, "twins")]
    errands = [(paper, door) for paper in papers for door in (0, 1, 0, 1)]

    def send(errand: tuple[dict[str, str], int]) -> Said:
        return ask(production.url(sold.path, errand[1]), headers=errand[0])

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
    assert production.rows(claimed, sold.path) == [(4,)]


@pytest.mark.parametrize("door", [0, 1])
def test_the_site_shows_a_payment_and_hands_its_answer_over_again(
    production: Production, door: int
) -> None:
    sold = production.sell()
    (buyer,) = people(production, 1, f"reader {door}")
    url = production.url(sold.path, door)
    payment = payment_of(ask(url, headers=signed(url, buyer)))
    page = f"http://127.0.0.1:{production.port('site')}/p/{payment}"

    assert ask(page).json["links"]["self"] == f"https://souk.example/p/{payment}"
    asked = ask(f"{page}/answer")
    assert asked.status == 401
    proof = sign_in(asked.json["extensions"]["sign-in-with-x"], buyer)
    handed = ask(f"{page}/answer", headers={"SIGN-IN-WITH-X": proof})
    assert (handed.status, handed.json) == (200, {"ok": True})
    production.bury()
    production.wait_until(lambda: ask(f"{page}/receipt").status == 200, "the receipt")


def test_a_door_is_no_site_and_a_site_no_door(production: Production) -> None:
    sold = production.sell()
    door, site = (f"http://127.0.0.1:{production.port(name)}" for name in ("door-a", "site"))
    assert ask(f"{door}/").status == 404
    assert ask(f"{door}/healthz").status == 200
    assert ask(f"{site}/").status == 200
    assert ask(f"{site}/call/{sold.path}").status == 404


def test_a_pause_and_its_end_are_seen_by_both_doors(production: Production) -> None:
    """Four looks a second; how long it takes is measured elsewhere."""
    sold = production.sell()
    urls = [production.url(sold.path, door) for door in (0, 1)]
    for act, status in ((pause, 503), (resume, 402)):
        with production.database():
            act(find(sold.path).pk)
        production.wait_until(both(urls, status), f"both doors answer {status}")


def both(urls: list[str], status: int) -> Callable[[], bool]:
    return lambda: all(ask(url).status == status for url in urls)


def test_garbage_makes_its_network_wait_at_both_doors_and_nobody_else(
    production: Production,
) -> None:
    """Neither a quote nor a payment that is ours already is ever in the way of a limit."""
    sold = production.sell()
    ours, other, stranger = people(production, 3, "beside garbage")
    doors = [production.url(sold.path, door) for door in (0, 1)]
    here, elsewhere = {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "198.51.100.7"}
    bought = signed(doors[0], ours) | here
    assert get(doors[0], bought).status == 200
    garbage = forged(doors[0], stranger) | here
    for _ in range(BAD_PAYMENTS):
        assert get(doors[0], garbage).status == 402
    told = get(doors[0], garbage)
    assert (told.status, told.json["error"]) == (429, "too_many_bad_payments")
    assert 1 <= int(told.headers["retry-after"]) <= 60

    sent = []

    def is_told_too() -> bool:
        sent.append(get(doors[1], garbage).status)
        return sent[-1] == 429

    production.wait_until(is_told_too, "the other door heard of it")
    assert len(sent) < BAD_PAYMENTS, "it counted for itself"
    for door in doors:
        assert get(door, here).status == 402
        assert get(door, bought).status == 409, "it is ours already, and collected"
        assert get(door, signed(door, other) | here).status == 429
    assert get(doors[1], signed(doors[1], other) | elsewhere).status == 200


def forged(url: str, buyer: Person) -> dict[str, str]:
    """A payment that somebody else signed."""
    payload = authorize(ask(url).challenge, buyer)
    signature = payload["payload"]["signature"]
    digit = "1" if signature[9] != "1" else "2"
    payload["payload"]["signature"] = signature[:9] + digit + signature[10:]
    return {"PAYMENT-SIGNATURE": pack(payload)}


def test_beats_rings_travel_over_redis(production: Production) -> None:
    asked = production.broker.info("commandstats")

    def carried() -> bool:
        now = production.broker.info("commandstats")
        return all(calls(now, each) > calls(asked, each) for each in ("lpush", "brpop"))

    production.wait_until(carried, "a ring was sent and taken")


def calls(stats: dict[str, Any], command: str) -> int:
    return int(stats.get(f"cmdstat_{command}", {"calls": 0})["calls"])
