"""A sale appears on the open earnings page: over the stream, and then on the page itself."""

from __future__ import annotations

import contextlib
import html
import http.client
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.test import Client, override_settings

from sellers.models import Seller
from sellers.profile.directory import give_to
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Stack
from tests.fixtures.wallet import buy

PATIENCE_SECONDS = 30


@contextlib.contextmanager
def signed_in(stack: Stack) -> Iterator[dict[str, str]]:
    """The cookie of whoever sells as `tests`: for a while, as other tests sell without a proof."""
    with stack.database(), override_settings(SECRET_KEY=stack.environment["SECRET_KEY"]):
        user, _ = get_user_model().objects.get_or_create(username="tests seller")
        give_to("tests", user)
        client = Client()
        client.force_login(user)
        cookies = "; ".join(f"{key}={each.value}" for key, each in client.cookies.items())
    try:
        yield {"Cookie": cookies}
    finally:
        with stack.database():
            Seller.objects.filter(slug="tests").update(owner=None)


@contextlib.contextmanager
def asked(stack: Stack, path: str, cookie: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
    line = http.client.HTTPConnection(urlsplit(stack.url("")).netloc, timeout=PATIENCE_SECONDS)
    with contextlib.closing(line):
        line.request("GET", path, headers=cookie)
        with contextlib.closing(line.getresponse()) as answer:
            assert answer.status == 200
            yield answer


def next_event(answer: http.client.HTTPResponse) -> str:
    """The next event's name; comments only say that the stream is alive."""
    while said := answer.readline():
        if said.startswith(b"event: "):
            return said.decode().removeprefix("event: ").strip()
    raise AssertionError("the stream has ended")


def page(stack: Stack, cookie: dict[str, str]) -> str:
    with asked(stack, "/sell/earnings/", cookie) as answer:
        return answer.read().decode()


def stream_of(shown: str) -> str:
    """Where the page listens, and what it says it has seen already."""
    (address,) = re.findall(r'hx-sse:connect="([^"]+)"', shown)
    return html.unescape(address)


def test_a_sale_appears_on_the_open_page(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    with signed_in(stack) as cookie:
        with asked(stack, stream_of(page(stack, cookie)), cookie) as events:
            assert events.headers["Content-Type"] == "text/event-stream"
            payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]
            assert next_event(events) == "earnings"
        stack.wait_until(lambda: payment in page(stack, cookie), "the sale on the page")
        # And with the sums: the listing stands among those that earned something.
        name = f"Test {sold.path.removeprefix('tests/')}</a>"
        stack.wait_until(lambda: name in page(stack, cookie), "the sale in the sums")


def test_a_payments_own_page_hears_of_every_step(stack: Stack, cast: type[Cast]) -> None:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    payment = buy(sold.url, cast.buyer).settlement["extensions"]["souk"]["payment"]
    with asked(stack, f"/events?topics=payment:{payment}&seen=1.0", {}) as events:
        assert next_event(events) == "payment"
