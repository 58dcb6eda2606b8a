"""Stock clients sign what they are told to allow, where they would sign nothing untold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from marketplace.catalog.snippets import Call, python, typescript
from payments.x402.headers import encode_header
from payments.x402.networks import DEFAULT_ASSETS, UNKNOWN_TO_TYPESCRIPT
from sellers.market.goods import Good
from sellers.market.leaflets import allowance_lines
from sellers.offers import challenge
from tests.fixtures.cast import Cast
from tests.fixtures.typescript import typescript_folder
from tests.fixtures.wallet import unpack
from tests.marketplace.catalog.shelf_of_goods import good
from tests.sellers.conftest import SITE

SECONDS = 60
KNOWN = "eip155:8453"
FIND = """
import { ExactEvmScheme } from "@x402/evm";
const scheme = new ExactEvmScheme({ address: "0x0000000000000000000000000000000000000001" });
const known = JSON.parse(process.argv[2]).filter(([n, a]) => scheme.findDefaultAsset(a, n) == null);
console.log(JSON.stringify(known.map(([network]) => network)));
"""


def on(network: str, *, dollars: int = 0) -> Good:
    """A good that is paid on this network alone."""
    token = next(asset for asset in DEFAULT_ASSETS if asset.network == network)
    plain = good()
    wanted = plain.offers[0].requirements
    wanted = replace(
        wanted,
        network=network,
        asset=token.address,
        amount_atomic=dollars * 1_000_000 or wanted.amount_atomic,
        extra={"name": token.eip712_name, "version": token.eip712_version},
    )
    return replace(plain, offers=(replace(plain.offers[0], requirements=wanted),))


@contextmanager
def market_of(sold: Good) -> Iterator[tuple[Good, list[str]]]:
    """A door that quotes this good and takes whatever is signed for it; and what was signed."""
    signed: list[str] = []

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            payment = self.headers.get("PAYMENT-SIGNATURE")
            self.send_response(402 if payment is None else 200)
            if payment is None:
                quoted = challenge(sold.terms, sold.offers, here.url, SITE).challenge
                self.send_header("PAYMENT-REQUIRED", encode_header(quoted.to_wire()))
            else:
                signed.append(unpack(payment)["accepted"]["network"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    here = replace(sold, url=f"http://127.0.0.1:{server.server_port}/call/acme/weather")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here, signed
    finally:
        server.shutdown()
        server.server_close()


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PRIVATE_KEY": Cast.buyer.private_key},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def run_typescript(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = typescript_folder()
    (folder / "told.mjs").write_text(code, encoding="utf-8")
    return run(["node", "told.mjs", *arguments], folder)


def test_the_networks_that_typescript_does_not_know_are_exactly_these() -> None:
    ours = [[asset.network, asset.address] for asset in DEFAULT_ASSETS]

    said = run_typescript(FIND, json.dumps(ours))

    assert said.returncode == 0, said.stderr
    assert set(json.loads(said.stdout)) == UNKNOWN_TO_TYPESCRIPT


@pytest.mark.parametrize("network", sorted(UNKNOWN_TO_TYPESCRIPT))
@pytest.mark.parametrize("dollars", [0, 2])
def test_the_pages_code_signs_for_a_token_that_typescript_does_not_know(
    network: str, dollars: int, tmp_path: Path
) -> None:
    with market_of(on(network, dollars=dollars)) as (sold, signed):
        call = Call.of(sold)
        (tmp_path / "buy.py").write_text(python(call), encoding="utf-8")

        untold = run_typescript(typescript(replace(call, typescript_told="")))
        told = run_typescript(typescript(call))
        in_python = run([sys.executable, "buy.py"], tmp_path)

    assert "rejected by spendControls" in untold.stderr
    assert (told.returncode, in_python.returncode) == (0, 0), told.stderr + in_python.stderr
    assert signed == [network, network]
    assert call.typescript_told in " ".join(allowance_lines(sold.offers))


def test_nobody_is_told_what_they_sign_untold() -> None:
    cheap, unknown = on(KNOWN), on("eip155:5042")
    both = replace(cheap, offers=(*unknown.offers, *cheap.offers))
    assert allowance_lines(cheap.offers) == []
    assert allowance_lines(both.offers) == [], "the client passes over the one that it cannot pay"
    (line,) = allowance_lines((*unknown.offers, *on(KNOWN, dollars=2).offers))
    assert "Python" not in line
    assert 'maxAmountPerPayment: "$2"' in line
