"""Production while twenty paid calls a second come in, and what must hold after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from tests.end_to_end.steady_buyers import SteadyBuyers, echo
from tests.faults import record
from tests.faults.invariants import check
from tests.fixtures.cast import Person, person
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.production import HOST, Production
from tests.fixtures.wallet import ask

CALLS_PER_SECOND = 20
PEOPLE = 40
AT_SELLER_SECONDS = 0.3
HEAL_SECONDS = 60


def people(production: Production, count: int, name: str) -> list[Person]:
    """Wallets with ten dollars each, which one block brings to all of them."""
    found = [person(f"{name} {number}") for number in range(count)]
    production.chain.fund_all([each.address for each in found], 10)
    return found


@contextmanager
def steady_buyers(production: Production, name: str) -> Iterator[SteadyBuyers]:
    """Twenty purchases a second through nginx, by GET and by POST in turn."""
    buyers = people(production, PEOPLE, name)
    urls = {}
    for method in ("GET", "POST"):
        example = {"query": {"n": 1}, **({"body": {}} if method == "POST" else {})}
        sold = production.sell(
            dollars="0.001", method=method, behaviour=echo(AT_SELLER_SECONDS), example=example
        )
        urls[method] = (production.public_url(sold.path), ask(production.url(sold.path)).challenge)
    shopping = SteadyBuyers(urls, buyers, production.trust(), CALLS_PER_SECOND)
    with shopping:
        goes_on(production, shopping)
        yield shopping
        shopping.finish()


def goes_on(production: Production, shopping: SteadyBuyers) -> None:
    """Answers go out again: more than what was nearly done."""
    before = shopping.served
    try:
        production.wait_until(
            lambda: shopping.served > before + CALLS_PER_SECOND, "more answers", HEAL_SECONDS
        )
    except AssertionError as stuck:
        waiting = [each for each in shopping.bought if each.answer is None]
        raise AssertionError(f"{shopping.told}, {waiting[-3:]}\n{stuck}") from None


# What must hold


def everybody_was_served_once(production: Production, shopping: SteadyBuyers) -> None:
    """Each has the answer to their own question, and the chain moved each payment exactly once."""
    lost = [each for each in shopping.bought if each.answer != {"n": each.number}]
    assert lost == [], (shopping.told, production.logs())
    the_books_are_right(production)
    moved = [each.nonce for each in record.moved(production.chain)]
    for each in shopping.bought:
        assert moved.count(each.nonce) == 1, each
    nonces = [each.nonce for each in shopping.bought]
    paid = "select count(*) from payments_payment where nonce = any(%s)"
    assert production.rows(paid, nonces) == [(len(nonces),)]


def the_books_are_right(production: Production) -> int:
    """Ledger equals chain, by the tests' own reading and by the command's."""
    unfinished = (
        "select count(*) from payments_progress"
        " where work = 'open' or (work = 'answered' and money <> 'confirmed')"
    )
    production.bury()
    production.wait_until(lambda: production.rows(unfinished) == [(0,)], "all is booked")
    check(production.database_url, chain=production.chain)
    done = production.run("worker-a", "python", "manage.py", "reconcile", "--json")
    (result,) = json.loads(done.stdout)
    assert (done.returncode, result["differences"]) == (0, []), done.stderr
    return int(result["booked"])


class Page:
    """The operator's page, as an admin's program reads it through the proxy."""

    def __init__(self, production: Production) -> None:
        self._production = production
        secret = (production.folder / "secrets/secret_key").read_text().strip()
        own = settings.SECRET_KEY
        with production.database():
            settings.SECRET_KEY = secret
            try:
                browser = browser_of(admin(), second_factor=True)
            finally:
                settings.SECRET_KEY = own
        key = browser.cookies[settings.SESSION_COOKIE_NAME].value
        self._headers = {
            "Cookie": f"__Host-session={key}",
            "Host": HOST,
            "X-Forwarded-Proto": "https",
            "Accept": "application/json",
        }

    def words(self) -> str:
        """Everything that it says is wrong."""
        site = f"http://127.0.0.1:{self._production.port('site')}"
        try:
            said = ask(f"{site}/operator/", headers=self._headers).json
        except OSError as error:
            return f"no page: {error}"
        if "findings" not in said:
            return str(said["detail"])
        return "; ".join(each["words"] for each in said["findings"] if each["level"] != "ok")

    def comes_to_say(self, words: str) -> None:
        said: list[str] = []

        def says_so() -> bool:
            said.append(self.words())
            return words in said[-1]

        try:
            self._production.wait_until(says_so, f"the page says {words!r}")
        except AssertionError as silent:
            raise AssertionError(f"it says: {said[-1]}\n{silent}") from None
