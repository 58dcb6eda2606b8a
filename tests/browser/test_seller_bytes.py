"""What a seller sends is data: in no way of opening it does a script in it run at our address."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import product

import pytest
from playwright.sync_api import Page

from sellers.terms import Sample
from tests.browser.chromium import Chromium, Seen
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import ask, authorize, pack

# Says where it runs: to its own window, to the page around it, and to whoever opened it.
SCRIPT = """
self.ranAt = self.origin;
for (const other of [self.parent, self.opener]) {
  try { other.ranAt = self.origin } catch (error) {}
  try { other.postMessage({ranAt: self.origin}, '*') } catch (error) {}
}"""
SENT = {
    "html": (
        "text/html",
        f"<!doctype html><script>{SCRIPT}</script><img src=x: onerror='self.ranAt = self.origin'>",
    ),
    "svg": (
        "image/svg+xml",
        f'<svg xmlns="http://www.w3.org/2000/svg"><script><![CDATA[{SCRIPT}]]></script></svg>',
    ),
    "js": ("text/javascript", SCRIPT),
}
KINDS = tuple(SENT)
ANSWERS = ("paid", "sample", "error", "stored")
WAYS = {"img": "src", "iframe": "src", "script": "src", "object": "data", "embed": "src"}
# Ends when the browser has made up its mind, be it by the page's policy.
PUT_IN = """([tag, attribute, url]) => new Promise(done => {
  addEventListener('message', said => { self.ranAt = said.data.ranAt });
  addEventListener('securitypolicyviolation', done);
  const part = document.createElement(tag);
  part.onload = part.onerror = done;
  part[attribute] = url;
  document.body.append(part);
}).then(() => null)"""
# The answer read by a page's own script, and opened again under an address of the page's making.
BLOB = """async ([url, headers]) => {
  addEventListener('message', said => { self.ranAt = said.data.ranAt });
  const answer = await fetch(url, {headers});
  self.type = answer.headers.get('content-type');
  return URL.createObjectURL(await answer.blob());
}"""
COOKIE = "() => { try { return document.cookie } catch (error) { return error.name } }"


@dataclass(frozen=True, slots=True)
class Answer:
    """Where a seller's bytes can be had from us, with which headers, and straight from them."""

    url: str
    headers: dict[str, str]
    content_type: str
    seller_url: str


Have = Callable[[str, str], Answer]  # by kind of bytes and sort of answer


def for_sale(stack: Stack, kind: str, how: str) -> Answer:
    """The same bytes as an answer of each sort, which can be had as often as one asks."""
    content_type, text = SENT[kind]
    body, status = text.encode(), 400 if how == "error" else 200
    sold = stack.sell(
        behaviour=answer(body, status=status, content_type=content_type),
        sample=Sample(200, content_type, body),
    )
    seller_url = sold.upstream.url + sold.upstream_path
    if how == "sample":
        return Answer(f"{sold.url}?demo=true", {}, content_type, seller_url)
    name = secrets.token_urlsafe(20)
    payload = authorize(ask(sold.url).challenge, Cast.buyer)
    payload["extensions"] = {"payment-identifier": {"info": {"id": name}}}
    headers = {"PAYMENT-SIGNATURE": pack(payload)}
    first = ask(sold.url, headers=headers)
    assert (first.status, first.body) == (status, body), first
    if how == "stored":
        stored = f"{stack.base_url}/p/{first.headers['x-souk-payment']}/answer"
        return Answer(stored, {"X-Payment-Identifier": name}, content_type, seller_url)
    return Answer(sold.url, headers, content_type, seller_url)


@pytest.fixture(scope="module")
def have(_shared_stack: Stack) -> Have:
    """Buys each answer when it is first wanted."""
    _shared_stack.chain.fund(Cast.buyer.address, 1)
    _shared_stack.upstream.on("/stage", answer(b"<!doctype html><body>", content_type="text/html"))
    buy = partial(for_sale, _shared_stack)
    kept = cache(buy)
    # A payment that bought nothing can be tried again only while its time lasts.
    return lambda kind, how: buy(kind, how) if how == "error" else kept(kind, how)


def stages(stack: Stack) -> dict[str, str]:
    """Pages that take the answer in: ours, one of ours without its policy, and a stranger's."""
    return {
        "ours": f"{stack.base_url}/",
        "ours, unguarded": f"{stack.base_url}/unguarded",
        "a stranger's": f"{stack.upstream.url}/stage",
    }


def ran_at(page: Page) -> str:
    """The origin at which the script says it ran, if it did."""
    return str(page.evaluate("() => self.ranAt ?? ''"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_script_runs_where_nobody_stops_it(
    browser: Chromium, stack: Stack, have: Have, kind: str
) -> None:
    one = have(kind, "sample")

    def attack(page: Page, seen: Seen) -> str:
        if kind == "js":
            page.goto(f"{stack.upstream.url}/stage")
            page.evaluate(PUT_IN, ["script", "src", one.seller_url])
        else:
            page.goto(one.seller_url)
        return ran_at(page)

    assert browser.visit(attack) == stack.upstream.url


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("kind", KINDS)
def test_opened_by_itself_it_runs_nothing_and_reads_no_cookie(
    browser: Chromium, stack: Stack, have: Have, kind: str, how: str
) -> None:
    one = have(kind, how)

    def attack(page: Page, seen: Seen) -> tuple[str, str, str, dict[str, str]]:
        page.context.add_cookies([{"name": "session", "value": "mine", "url": stack.base_url}])
        response = page.goto(one.url)
        assert response is not None
        origin, cookie = str(page.evaluate("() => self.origin")), str(page.evaluate(COOKIE))
        return ran_at(page), origin, cookie, response.headers

    ran, origin, cookie, headers = browser.visit(attack, headers=one.headers)

    assert (ran, origin, cookie) == ("", "null", "SecurityError")
    assert headers["content-type"].startswith(one.content_type)
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("kind", KINDS)
def test_taken_into_a_page_it_runs_nothing(
    browser: Chromium, stack: Stack, have: Have, kind: str, how: str
) -> None:
    one = have(kind, how)

    def attack(page: Page, seen: Seen) -> tuple[dict[tuple[str, str], str], set[str]]:
        page.route("**/unguarded", lambda route: route.fulfill(body="<!doctype html><body>"))
        ran = {}
        for stage, address in stages(stack).items():
            page.goto(address)
            for tag, attribute in WAYS.items():
                page.evaluate(PUT_IN, [tag, attribute, one.url])
                ran[stage, tag] = ran_at(page)
        answered = [each for each in seen.responses if each.url == one.url]
        return ran, {each.headers["content-security-policy"] for each in answered}

    ran, policies = browser.visit(attack, headers=one.headers)

    assert ran == dict.fromkeys(product(stages(stack), WAYS), "")
    assert policies == {"sandbox; default-src 'none'"}


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize("kind", KINDS)
def test_read_by_a_page_and_opened_as_its_own_it_never_runs_at_our_address(
    browser: Chromium, stack: Stack, have: Have, kind: str, how: str
) -> None:
    one = have(kind, how)
    tag, attribute = ("script", "src") if kind == "js" else ("iframe", "src")

    def attack(page: Page, seen: Seen) -> tuple[str, str]:
        found = []
        for stage in ("ours", "a stranger's"):
            page.goto(stages(stack)[stage])
            blob = page.evaluate(BLOB, [one.url, one.headers])
            assert page.evaluate("() => self.type").startswith(one.content_type)
            page.evaluate(PUT_IN, [tag, attribute, blob])
            found.append(ran_at(page))
        return found[0], found[1]

    at_ours, at_the_strangers = browser.visit(attack)

    assert at_ours == ""
    # There it is the stranger's own page that runs it: the bytes did arrive, and could have run.
    assert at_the_strangers == stack.upstream.url
