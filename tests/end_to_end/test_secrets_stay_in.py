"""Whatever happens to a call: no credential in a log, nothing of our inside in an answer."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from marketplace.embedded.demo_accounts import RELAYER
from tests.fixtures.cast import Cast
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.stack import Sold, Stack, running_stack
from tests.fixtures.upstream import answer, cut, hang_up, raw
from tests.fixtures.wallet import Said, ask, authorize, pack, sign_in, unpack

NODE_SAYS = "no answer from http://node.internal:8545/v2/node-api-key, sender 0x01"
PROGRAM = {"Accept": "application/json"}
PERSON = {"Accept": "text/html"}
INSIDE = (
    "Traceback", "Error:", "Exception", "psycopg", "aiohttp", "django", "marketplace.", "payments.",
    "relation ", "node.internal", "node-api-key", "postgres",
)  # fmt: skip


@dataclass
class Affair:
    """Everything that was sent and said while a marketplace had good and bad calls."""

    stack: Stack
    rpc: RpcProxy
    secrets: set[str] = field(default_factory=set)  # what only the sender may know
    said: list[tuple[str, Said]] = field(default_factory=list)

    def call(self, what: str, sold: Sold, headers: dict[str, str], **request: Any) -> Said:
        self.secrets |= set(headers.values())
        return self.hear(what, ask(sold.url, headers={**headers, **PROGRAM}, **request))

    def hear(self, what: str, said: Said) -> Said:
        self.said.append((what, said))
        return said

    def payment(self, sold: Sold, *, name: str = "", **changed: Any) -> dict[str, Any]:
        payload = authorize(ask(sold.url).challenge, Cast.buyer, **changed)
        if name:
            payload["extensions"] = {"payment-identifier": {"info": {"id": name}}}
            self.secrets.add(name)
        self.secrets.add(payload["payload"]["signature"].removeprefix("0x"))
        return payload

    def header(self, sold: Sold, **changed: Any) -> dict[str, str]:
        return {"PAYMENT-SIGNATURE": pack(self.payment(sold, **changed))}


@pytest.fixture(scope="module")
def affair(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Affair]:
    """A marketplace of its own, at its most talkative, after one call of every kind."""
    proxies: list[RpcProxy] = []

    def rpc_through(node_url: str) -> str:
        proxies.append(RpcProxy(node_url))
        return proxies[0].url

    folder = tmp_path_factory.mktemp("affair")
    running = running_stack(
        folder / "stack", anvil_binary, django_db_blocker,
        webs=1, rpc_through=rpc_through, SOUK_LOG_LEVEL="DEBUG", SOUK_LOG_FORMAT="json",
    )  # fmt: skip
    with running as stack:
        affair = Affair(stack, proxies[0])
        stack.chain.fund(Cast.buyer.address, 1)
        pay(affair)
        pay_as_an_agent(affair)
        ask_again(affair)
        send_nonsense(affair)
        break_upstreams(affair)
        break_the_node(affair)
        break_the_database(affair)
        yield affair
    proxies[0].close()


def pay(affair: Affair) -> None:
    sold = affair.stack.sell(method="POST", behaviour=answer(b'{"private":"answer-of-a-buyer"}'))
    body = json.dumps({"private": "question-of-a-buyer"}).encode()
    affair.secrets |= {"answer-of-a-buyer", "question-of-a-buyer"}
    headers = {**affair.header(sold), "Content-Type": "application/json"}
    affair.secrets.discard("application/json")
    said = ask(sold.url, method="POST", headers=headers, body=body)
    assert said.status == 200, said
    affair.secrets.add(headers["PAYMENT-SIGNATURE"])


def pay_as_an_agent(affair: Affair) -> None:
    """Over MCP, where the payment stands in the body."""
    sold = affair.stack.sell(behaviour=answer(b'{"private":"answer-of-an-agent"}'))
    payment = affair.payment(sold, name=secrets.token_urlsafe(24))
    bought = over_mcp(affair, "an agent buys", sold, payment)["result"]
    assert bought["structuredContent"] == {"private": "answer-of-an-agent"}
    forged = {**payment, "payload": {**payment["payload"], "signature": "0x" + "1c" * 65}}
    for odd in (forged, {**payment, "payload": "secret-payload-of-an-agent"}, "secret-nonsense"):
        refused = over_mcp(affair, "an agent's odd payment", affair.stack.sell(), odd)["result"]
        assert refused["isError"]
    affair.secrets |= {"answer-of-an-agent", "secret-payload-of-an-agent", "secret-nonsense"}


def over_mcp(affair: Affair, what: str, sold: Sold, payment: Any) -> Any:
    params = {
        "name": "call_service",
        "arguments": {"path": sold.path},
        "_meta": {"x402/payment": payment, "sign-in-with-x": "secret-proof"},
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"Content-Type": "application/json"}
    server = f"{affair.stack.base_url}/mcp"
    said = ask(server, method="POST", headers=headers, body=json.dumps(body).encode())
    return affair.hear(what, said).json


def ask_again(affair: Affair) -> None:
    """The same payment with every proof, good and bad, at the door and at its own page."""
    sold, name = affair.stack.sell(), secrets.token_urlsafe(24)
    payload = affair.payment(sold, name=name)
    first = ask(sold.url, headers={"PAYMENT-SIGNATURE": pack(payload)})
    assert first.status == 200, first
    stranger = secrets.token_urlsafe(24)
    payload["extensions"] = {"payment-identifier": {"info": {"id": stranger}}}
    again = {"PAYMENT-SIGNATURE": pack(payload)}
    asked = affair.call("shown again", sold, again)
    question = asked.json["extensions"]["sign-in-with-x"]
    for who, status in ((Cast.attacker, 409), (Cast.buyer, 200), (Cast.buyer, 409)):
        proof = {"SIGN-IN-WITH-X": sign_in(question, who)}
        affair.secrets.add(unpack(proof["SIGN-IN-WITH-X"])["signature"].removeprefix("0x"))
        said = affair.call(f"shown again with a proof of {who.role}", sold, {**again, **proof})
        assert said.status == status, said
    page = f"{affair.stack.base_url}/p/{first.headers['x-souk-payment']}/answer"
    for identifier in (name, stranger):
        affair.hear("fetched", ask(page, headers={"X-Payment-Identifier": identifier}))
    affair.secrets |= {name, stranger}


def send_nonsense(affair: Affair) -> None:
    sold = affair.stack.sell()
    payload = affair.payment(sold)
    forged = {**payload, "payload": {**payload["payload"], "signature": "0x" + "1b" * 65}}
    for what, header in {
        "not base64": "%%% not base64 %%%",
        "not JSON": pack({"secret": "x" * 40})[:-9],
        "not a payment": pack({"x402Version": 2, "payload": "secret-payload"}),
        "forged": pack(forged),
        "too little": affair.header(sold, value=1)["PAYMENT-SIGNATURE"],
        "too late": affair.header(sold, validBefore=1)["PAYMENT-SIGNATURE"],
        "too long": pack({"padding": "p" * 20_000}),
    }.items():
        said = affair.call(what, sold, {"PAYMENT-SIGNATURE": header})
        assert said.status in (400, 402, 431), (what, said)
    two = {**affair.header(sold), "X-PAYMENT": pack(payload)}
    assert affair.call("two payments", sold, two).status == 400
    unread = {**affair.header(sold), "SIGN-IN-WITH-X": "not a proof but secret"}
    affair.call("an unreadable proof", sold, unread)


def break_upstreams(affair: Affair) -> None:
    for what, behaviour in {
        "hangs up": hang_up(),
        "cuts": cut(),
        "talks nonsense": raw(b"\x00\x01 nonsense\r\n\r\n"),
        "redirects": answer(b"", status=302, headers=(("Location", "http://10.0.0.1/inside"),)),
        "wants payment": answer(b'{"error":"pay me"}', status=402),
    }.items():
        sold = affair.stack.sell(behaviour=behaviour)
        said = affair.call(f"the upstream {what}", sold, affair.header(sold))
        assert said.status == 502, (what, said)


def break_the_node(affair: Affair) -> None:
    sold = affair.stack.sell()
    headers = affair.header(sold)
    affair.rpc.refuse("eth_call", -32000, NODE_SAYS, times=None)
    affair.call("the node refuses", sold, headers)
    affair.rpc.heal()
    affair.rpc.fail("eth_call", status=500, times=None)
    affair.call("the node fails", sold, headers)
    affair.rpc.heal()


def break_the_database(affair: Affair) -> None:
    """A table that is gone: the sort of fault that nobody foresees."""
    sold = affair.stack.sell()
    headers, proof = affair.header(sold), {"SIGN-IN-WITH-X": "secret-proof"}
    payment = affair.payment(sold)
    site = affair.stack.base_url
    with renamed(affair.stack, "payments_payment"), renamed(affair.stack, "sellers_revision"):
        crashed = affair.call("the door crashes", sold, headers | proof)
        assert (crashed.status, crashed.json["error"]) == (503, "internal_fault")
        fault = over_mcp(affair, "the MCP server crashes", sold, payment)["error"]
        assert "same payment again" in fault["message"]
        for address in (
            "/",
            f"/p/{secrets.token_hex(16)}",
            "/p/01a1fabe-6986-76b6-ad2f-b535db01bb0c",
        ):
            for accept in (PROGRAM, PERSON):
                headers = {**accept, "SIGN-IN-WITH-X": "secret-proof"}
                affair.hear(f"{address} crashes", ask(site + address, headers=headers))


@contextlib.contextmanager
def renamed(stack: Stack, table: str) -> Iterator[None]:
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        database.execute(f"alter table {table} rename to {table}_gone")
        try:
            yield
        finally:
            database.execute(f"alter table {table}_gone rename to {table}")


def logs(affair: Affair) -> dict[str, str]:
    found = affair.stack.folder.rglob("*.log")
    return {path.name: path.read_text(errors="replace") for path in found}


def test_no_log_holds_a_credential_or_a_body(affair: Affair) -> None:
    written = logs(affair)

    said = written[f"web-{affair.stack.ports[0]}.log"]
    assert "The door failed: UndefinedTable" in said
    assert "MCP failed: UndefinedTable" in said
    assert "DEBUG" in written["worker-0.log"], "nobody was silenced"
    hidden = {secret for secret in affair.secrets if len(secret) >= 12}
    assert len(hidden) > 20
    hidden |= {RELAYER.private_key.removeprefix("0x"), affair.stack.environment["SECRET_KEY"]}
    hidden |= set(affair.stack.environment["RECEIPT_KEY"].splitlines()[1:-1])
    for name, text in written.items():
        for secret in hidden:
            for spelling in {secret, quote(secret, safe=""), secret.upper()}:
                assert spelling not in text, (name, secret[:60])


def test_the_log_is_an_object_a_line_and_names_the_request(affair: Affair) -> None:
    written = logs(affair)[f"web-{affair.stack.ports[0]}.log"].splitlines()
    said = [json.loads(line) for line in written if not line.startswith("[")]  # the server's own

    assert all({"time", "level", "logger", "message", "process"} <= each.keys() for each in said)
    failed = [each for each in said if "failed: UndefinedTable" in each["message"]]
    assert len({each["request"] for each in failed}) == len(failed) == 2


def test_no_answer_shows_our_inside(affair: Affair) -> None:
    stack = affair.stack
    inside = {
        *INSIDE,
        urlsplit(stack.upstream.url).netloc,
        urlsplit(stack.rpc_url).netloc,
        urlsplit(affair.rpc.url).netloc,
        urlsplit(stack.database_url).path.strip("/"),
        RELAYER.private_key.removeprefix("0x"),
        "10.0.0.1",
        str(stack.folder),
    }
    assert len(affair.said) > 25
    for what, said in affair.said:
        for text in inside:
            assert text not in readable(said), (what, text)


def readable(said: Said) -> str:
    """An answer with its encoded headers read."""
    encoded = ("payment-required", "payment-response")
    opened = [unpack(said.headers[name]) for name in encoded if name in said.headers]
    return " ".join([said.body.decode(), *said.headers.values(), json.dumps(opened)])
