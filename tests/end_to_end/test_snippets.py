"""The code that a listing's page shows is run as it stands, and buys."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from x402 import x402Client
from x402.mcp import MCPToolCallResult, x402MCPSession
from x402.mechanisms.evm import EthAccountSigner
from x402.mechanisms.evm.exact import register_exact_evm_client

from marketplace.catalog.snippets import Call, curl, python, snippets, typescript
from sellers.market import goods
from sellers.terms import Sample
from tests.docs.test_documents import blocks
from tests.fixtures.cast import Cast
from tests.fixtures.stack import Sold, Stack
from tests.fixtures.typescript import typescript_folder
from tests.fixtures.upstream import Call as Called
from tests.fixtures.upstream import Wire, answer
from tests.fixtures.wallet import ask, authorize, pack, unpack

SECONDS = 60
TRICKY = "O'Slo \"& $HOME `id` \\ ${x} é"


@pytest.fixture(params=[("GET", "0.01"), ("POST", "0.01"), ("GET", "2")], ids=" for ".join)
def call(request: pytest.FixtureRequest, stack: Stack) -> tuple[Sold, Call]:
    """A listing whose example is hard to quote, and its call; one is dearer than a client's cap."""
    method, dollars = request.param

    async def echo(called: Called, wire: Wire) -> bool:
        said = [*called.query, called.body.decode()]
        return await answer(json.dumps(said).encode())(called, wire)

    where = "query" if method == "GET" else "body"
    sold = stack.sell(
        method=method,
        dollars=dollars,
        behaviour=echo,
        example={where: {"city": TRICKY}},
        sample=Sample(200, "application/json", b'["x"]'),
    )
    stack.chain.fund(Cast.buyer.address, 3)
    return sold, Call.of(good_of(stack, sold))


def good_of(stack: Stack, sold: Sold) -> goods.Good:
    with stack.database():
        found = goods.one(sold.path)
    assert found is not None
    return found


def run(command: list[str], folder: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def bought(sold: Sold) -> None:
    """One call reached the seller, with the example's text as it was written."""
    (called,) = sold.calls
    said = dict(called.query) or json.loads(called.body)
    assert said == {"city": TRICKY}


def test_curl_asks_and_pays(call: tuple[Sold, Call], stack: Stack, tmp_path: Path) -> None:
    sold, example = call
    if shutil.which("curl") is None:
        pytest.skip("no curl here: apt-get install -y curl")
    asking, paying = curl(example).strip().split("\n\n")

    quoted = run(["bash", "-c", asking], tmp_path)
    header = next(
        line.split(": ", 1)[1]
        for line in quoted.splitlines()
        if line.lower().startswith("payment-required: ")
    )
    payment = pack(authorize(unpack(header), Cast.buyer))
    answered = run(["bash", "-c", paying], tmp_path, PAYMENT=payment)

    assert "402" in quoted.splitlines()[0]
    assert "200" in answered.splitlines()[0]
    bought(sold)


def test_python_pays(call: tuple[Sold, Call], tmp_path: Path) -> None:
    sold, example = call
    (tmp_path / "buy.py").write_text(python(example), encoding="utf-8")

    said = run([sys.executable, "buy.py"], tmp_path, PRIVATE_KEY=Cast.buyer.private_key)

    assert said.startswith("200 ")
    bought(sold)


def test_the_guides_patient_program_goes_on_after_a_crash(stack: Stack, tmp_path: Path) -> None:
    """It died with the answer in hand; started again it has the same one, and paid once."""
    (source,) = (each for each in blocks("docs/buy.md", "python") if "KEPT" in each)
    sold = stack.sell()
    stack.chain.fund(Cast.buyer.address, 1)
    source = re.sub(r'URL = ".*"', f"URL = {sold.url!r}", source)
    source = source.replace("http://127.0.0.1:8402", stack.base_url)
    (tmp_path / "key").write_text(Cast.buyer.private_key, encoding="utf-8")
    (tmp_path / "whole.py").write_text(source, encoding="utf-8")
    dying = source.replace("print(answer.status_code, answer.text)", "raise SystemExit(9)")
    (tmp_path / "dying.py").write_text(dying, encoding="utf-8")

    died = subprocess.run(
        [sys.executable, "dying.py"],
        cwd=tmp_path,
        timeout=SECONDS,
        check=False,
        capture_output=True,
    )
    kept = (tmp_path / "purchase.json").exists()
    said = run([sys.executable, "whole.py"], tmp_path)

    assert (died.returncode, kept) == (9, True), died.stderr
    assert said.splitlines() == ['200 {"ok":true}', "200 True"]
    assert not (tmp_path / "purchase.json").exists()
    assert len(sold.calls) == 1
    rows = stack.rows("select count(*) from payments_payment where listing_path = %s", sold.path)
    assert rows == [(1,)]


def test_the_guides_program_fetches_an_answer_again_in_python(stack: Stack, tmp_path: Path) -> None:
    """With the wallet alone: the payment had no identifier."""
    (source,) = (each for each in blocks("docs/buy.md", "python") if "SIGN-IN-WITH-X" in each)
    (tmp_path / "key").write_text(Cast.buyer.private_key.removeprefix("0x"), encoding="utf-8")
    (tmp_path / "again.py").write_text(source, encoding="utf-8")

    said = run([sys.executable, "again.py", page_of_a_purchase(stack)], tmp_path)

    assert said == '200 {"ok":true}\n'


def test_the_guides_program_fetches_an_answer_again_in_typescript(stack: Stack) -> None:
    (source,) = (each for each in blocks("docs/buy.md", "js") if "encodeSIWxHeader" in each)
    folder = typescript_folder()
    (folder / "key").write_text(Cast.buyer.private_key.removeprefix("0x"), encoding="utf-8")
    (folder / "again.mjs").write_text(source, encoding="utf-8")

    said = run(["node", "again.mjs", page_of_a_purchase(stack)], folder)

    assert said == '200 {"ok":true}\n'


def page_of_a_purchase(stack: Stack) -> str:
    sold = stack.sell()
    stack.chain.fund(Cast.buyer.address, 1)
    payment = pack(authorize(ask(sold.url).challenge, Cast.buyer))
    said = ask(sold.url, headers={"PAYMENT-SIGNATURE": payment})
    assert said.status == 200
    return f"{stack.base_url}/p/{said.headers['x-souk-payment']}"


def test_mcp_pays(call: tuple[Sold, Call], stack: Stack) -> None:
    """The settings lead to a server that knows the tool of the call that stands below them."""
    sold, example = call
    good = good_of(stack, sold)
    (tab,) = (each for each in snippets(good, f"{stack.base_url}/mcp") if each.key == "mcp")
    url = json.loads(tab.code)["mcpServers"]["souk"]["url"]
    tool = json.loads(tab.next_code)

    async def buy() -> MCPToolCallResult:
        async with (
            streamable_http_client(url) as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            client = register_exact_evm_client(x402Client(), EthAccountSigner(Cast.buyer.account))
            if example.python_told:
                said = tab.note.rpartition("client.set_spend_controls(")[2].removesuffix(")")
                client.set_spend_controls(json.loads(said))
            return await x402MCPSession(session, client).call_tool(tool["name"], tool["arguments"])

    assert asyncio.run(buy()).payment_made
    bought(sold)


def test_typescript_pays(call: tuple[Sold, Call]) -> None:
    sold, example = call
    folder = typescript_folder()
    (folder / "snippet.mjs").write_text(typescript(example), encoding="utf-8")

    said = run(["node", "snippet.mjs"], folder, PRIVATE_KEY=Cast.buyer.private_key)

    assert said.startswith("200 ")
    bought(sold)
