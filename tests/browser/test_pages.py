"""Every page of ours, in a real browser: it obeys its own policy, fits, and serves a keyboard."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from playwright.sync_api import Page

from tests.browser.chromium import Chromium, Seen
from tests.browser.everybody import AREAS, LONG_WORD, Somebody, everybody
from tests.browser.judging import ASPECTS, Judge, Judged
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack, running_stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import buy

# How many pages each of them has at the least: what finds them must not find nothing.
PAGES_MIN = {
    "visitor": 20,
    "newcomer": 10,
    "beginner": 8,
    "seller": 40,
    "moderator": 3,
    "admin": 6,
}
# Links of letters that nobody was sent.
OVER = ("/account/reset/x/y:", "/account/mail/confirm/y:")
BROKEN = """<!doctype html><html lang="en"><title>Broken</title><style>
  :focus-visible { outline: none }
  .card { width: 100px; overflow: hidden; white-space: nowrap }
  .on { position: relative; top: -34px }
  .pale { color: #aaa }
</style><body><h1>One</h1><h1 id="h">Two</h1><p id="h" style="width: 500px">wide</p>
<p class="card">what is cut off in the middle of a sentence</p>
<p class="pale">hardly</p><p class="on">to be read</p><a href="/">Home</a>
<form method="post"><button></button></form></body></html>"""

JudgedPages = Callable[[str], list[Judged]]


@pytest.fixture(scope="module")
def site(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    """A marketplace of its own: one of everything would be in the way of other tests."""
    folder, seal = tmp_path_factory.mktemp("site"), Fernet.generate_key().decode()
    with running_stack(
        folder, anvil_binary, django_db_blocker, webs=1, SELLER_SECRETS_KEYS=seal
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def people(site: Stack) -> dict[str, Somebody]:
    return everybody(site)


@pytest.fixture(scope="module")
def more(site: Stack) -> list[str]:
    """What no route names: states of a page, and pages that are none of Django's."""
    stack, buyer = site, Cast.buyer
    stack.chain.fund(buyer.address, 1)
    sold = stack.sell(title=f"Die {LONG_WORD}", description=f"{LONG_WORD} " * 12)
    failing = stack.sell(behaviour=answer(b"{}", status=500))
    paid, failed = buy(sold.url, buyer), buy(failing.url, buyer)
    return [
        f"/market?q={LONG_WORD}x&tag=none&maxPrice=0",
        f"/l/{sold.path}",
        "/s/tests",
        f"/call/{sold.path}",
        f"/p/{paid.headers['x-souk-payment']}",
        f"/p/{failed.headers['x-souk-payment']}",
        f"/p/{secrets.token_hex(8)}",
        "/nowhere",
        "/styleguide",
        "/account/sign-in?next=/sell/&unsent=1",
    ]


@pytest.fixture(scope="module")
def judged(
    browser: Chromium, site: Stack, people: dict[str, Somebody], more: list[str]
) -> JudgedPages:
    """Everything that somebody can open, each page once."""

    @cache
    def judge(name: str) -> list[Judged]:
        who = people[name]
        addresses = [*who.pages, *(more if name == "visitor" else [])]

        def look(page: Page, seen: Seen) -> list[Judged]:
            at = Judge.at(page, seen)
            return [at.judge(site.base_url + each) for each in addresses]

        return browser.visit(look, headers=who.cookie)

    return judge


@pytest.mark.parametrize("name", AREAS)
def test_the_routes_lead_to_pages(people: dict[str, Somebody], name: str) -> None:
    assert len(people[name].pages) >= PAGES_MIN[name]
    assert [each for each in people[name].refused if not each.startswith(OVER)] == []


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("name", AREAS)
def test_nothing_is_wrong_with_any_page(judged: JudgedPages, name: str, aspect: str) -> None:
    found = [f"{page.address}: {said}" for page in judged(name) for said in page.faults[aspect]]

    assert not found, "\n".join(found)


def test_what_is_wrong_with_a_page_is_noticed(browser: Chromium, site: Stack) -> None:
    address = f"{site.base_url}/broken"

    def look(page: Page, seen: Seen) -> Judged:
        page.route(address, lambda route: route.fulfill(body=BROKEN, content_type="text/html"))
        return Judge.at(page, seen).judge(address)

    faults = browser.visit(look).faults

    assert {aspect for aspect, said in faults.items() if said} == set(ASPECTS) - {"complaints"}
    assert any("cut off" in each for each in faults["placed"])
    assert any("lies on" in each for each in faults["placed"])
    assert any("shows no focus" in each for each in faults["keyboard"])


def test_what_a_policy_stops_is_noticed(browser: Chromium, site: Stack) -> None:
    def look(page: Page, seen: Seen) -> Seen:
        response = page.goto(f"{site.base_url}/")
        assert response is not None
        policy = {"Content-Security-Policy": response.headers["content-security-policy"]}
        bad = "<!doctype html><script>1</script><img src='http://127.0.0.2:1/'><p style='top:0'>"
        page.route("**/bad", lambda route: route.fulfill(body=bad, headers=policy))
        page.goto(f"{site.base_url}/bad")
        return seen

    seen = browser.visit(look)

    assert set(seen.stopped_by) == {"script-src-elem", "img-src", "style-src-attr"}
    assert len(seen.complaints) == len(seen.stopped_by)


def test_a_laptops_other_name_shows_the_page_as_well(browser: Chromium, site: Stack) -> None:
    def look(page: Page, seen: Seen) -> tuple[str, list[str]]:
        page.goto(f"{site.base_url}/".replace("127.0.0.1", "localhost"))
        return str(
            page.evaluate("() => getComputedStyle(document.body).fontFamily")
        ), seen.stopped_by

    font, stopped = browser.visit(look)

    assert "system-ui" in font
    assert stopped == []
