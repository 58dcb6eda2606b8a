"""What no browser and no honest program sends is refused in words, and is nobody's fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.pages import Pages
from sellers.models import Listing
from tests.fixtures.cast import Cast
from tests.fixtures.programs import Program, program_of
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.marketplace.moderation.bench import as_moderator, judge
from tests.sellers.desk import ASSET, NETWORK, Desk, open_desk

NUL = "\0"
FORM = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n+2AA-\r\n--x--\r\n'
FIELDS = "application/x-www-form-urlencoded"


@dataclass
class Market:
    """A seller with a listing on sale, and a moderator, each in a browser; and a program."""

    desk: Desk
    sold: Listing
    seller: Client
    moderator: Client
    program: Program


@pytest.fixture
def market(db: None, settings: Settings, upstream: ScriptedUpstream) -> Market:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    desk = open_desk("atlas", Cast.seller, upstream.url)
    moderator = as_moderator(User.objects.create_user("mod"))
    listing = desk.submitted()
    judge(moderator, listing, "approve")
    _come_lately(desk.client)
    return Market(desk, listing, desk.client, moderator, program_of(desk.seller))


def _come_lately(client: Client) -> None:
    session = client.session
    session["signed_in_at"] = 2**40
    session.save()


def _form(content_type: str) -> Callable[[Market], Any]:
    return lambda market: Client(enforce_csrf_checks=True).post(
        "/account/sign-in", FORM, content_type=content_type
    )


def _said(path: str, **fields: str) -> Callable[[Market], Any]:
    def send(market: Market) -> Any:
        client = market.moderator if path.startswith("/moderation") else market.seller
        return client.post(path.format(sold=market.sold.pk), fields)

    return send


def _asked(path: str, **headers: str) -> Callable[[Market], Any]:
    def ask(market: Market) -> Any:
        client = market.moderator if path.startswith("/moderation") else Client()
        return client.get(path, headers=headers)

    return ask


REFUSED: dict[str, Callable[[Market], Any]] = {
    "half characters": _form("multipart/form-data; boundary=x; charset=utf-7"),
    "another spelling of letters": _form(f"{FIELDS}; charset=latin-1"),
    "a wallet to unlink": _said("/account/wallet/unlink", address=NUL),
    "a wallet to pay only": _said("/account/wallet/entry", address=NUL, pays_only="yes"),
    "a secret": _said("/sell/listings/weather/secret", name=NUL, value="x"),
    "a document": _said("/sell/import", url="https://1.1.1.1/", base_url=NUL),
    "a reason": _said("/moderation/{sold}/suspend", reason=f"It sells {NUL}."),
    "a field's name": _said("/sell/profile", **{NUL: "x"}),
    "a search of moderators": _asked("/moderation/find?q=a%00/b"),
    "a search": _asked("/market?q=%00"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_form_or_an_address_that_nothing_could_store_is_refused(
    market: Market, what: str
) -> None:
    assert REFUSED[what](market).status_code == 400
    market.sold.refresh_from_db()
    assert market.sold.state == Listing.State.LIVE


BORNE: dict[str, tuple[Callable[[Market], Any], int]] = {
    "an open page of nowhere": (
        _asked("/sell/profile", **{"HX-Request": "true", "HX-Current-URL": "http://["}), 204,
    ),
    "half an address": (_asked("/moderation/find?q=//[x"), 302),
    "a form in UTF-8": (
        lambda market: market.seller.post(
            "/sell/profile", FORM, content_type="multipart/form-data; boundary=x; charset=UTF-8"
        ), 302,
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BORNE)
def test_what_can_be_understood_is_answered(market: Market, what: str) -> None:
    send, status = BORNE[what]
    assert send(market).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "document", "field"),
    [
        ("GET", "/earnings?network=eip155:0", None, "network"),
        ("GET", "/buyers?network=x", None, "network"),
        ("POST", "/drafts", {"typed": {"logo": NUL}}, "logo"),
        ("POST", "/drafts", {"typed": {"logo": "../x"}}, "logo"),
        ("POST", "/import/fetch", {"url": "https://1.1.1.1/", "base_url": NUL}, "base_url"),
    ],
)
def test_programs_read_which_field_is_odd(
    market: Market, method: str, path: str, document: Any, field: str
) -> None:
    refused = market.program(method, path, document)
    assert (refused.status, refused.document["field"]) == (422, field)
    assert market.program("GET", "/earnings?network=%00").status == 400


def test_an_example_that_cannot_be_sent_is_refused_before_the_look(market: Market) -> None:
    sheet = market.desk.start()
    market.desk.step(sheet, "endpoint", upstream_url=f"{market.desk.upstream_url}/x", method="POST")
    given = {"input_mode": "json", "input_schema": "", "sample_body": "{}"}
    example = json.dumps({"body": {"city": "a\0"}})
    market.desk.step(sheet, "shape", "save", **given, example=example)
    refused = market.desk.step(sheet, "shape", "look", **given, example=example)
    assert refused.status_code == 422
    assert "characters nobody can see" in refused.content.decode()
    assert not sheet.looks.exists()


@pytest.mark.parametrize(
    ("method", "path", "content_type", "status"),
    [
        ("POST", "/account/sign-in", "multipart/form-data; boundary=x; charset=hex", 400),
        ("POST", "/account/sign-in", "multipart/form-data; boundary=x; charset=none-such", 400),
        ("POST", "/account/sign-in", f"{FIELDS}; charset=hex", 400),
        ("GET", "/styleguide", "text/plain; charset=hex", 200),
        ("GET", "/nowhere", "text/plain; charset=hex", 404),
    ],
)
async def test_a_bodys_charset_is_not_the_addresss(
    method: str, path: str, content_type: str, status: int
) -> None:
    """As the web server asks: Django itself would fail before anything of ours is reached."""
    headers = [(b"host", b"127.0.0.1"), (b"content-type", content_type.encode())]
    scope = {"type": "http", "method": method, "path": path, "query_string": b"q=x",
             "headers": headers}  # fmt: skip
    asked = ApplicationCommunicator(Pages(), scope)
    await asked.send_input({"type": "http.request", "body": FORM})
    begun, _ = [await asked.receive_output(timeout=30) for _ in range(2)]
    await asked.wait()
    assert begun["status"] == status


@pytest.mark.parametrize("body", [b"{}", b"\0"])
def test_bodies_of_programs_are_left_to_whoever_reads_them(db: None, body: bytes) -> None:
    """A form's type opens nothing, and is not read by us before the page that refuses it."""
    for content_type in ("application/json", FIELDS, "multipart/form-data; boundary=x"):
        said = Client().post("/api/refunds", body, content_type=content_type)
        assert (said.status_code, said.json()["error"]) == (400, "bad_request")
        assert "paymentReference" in said.json()["detail"] or "JSON" in said.json()["detail"]
