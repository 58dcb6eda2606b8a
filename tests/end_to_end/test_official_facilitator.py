"""The official Python facilitator settles for us: from the quote to the confirmed receipt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from marketplace.embedded.chain import ONE_ETHER
from marketplace.embedded.starting import dies_with_us
from tests.faults.invariants import check
from tests.fixtures.cast import Cast, Person, person
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.ports import free_port
from tests.fixtures.stack import NETWORK, Stack, answers, running_stack
from tests.fixtures.wallet import ask, authorize, buy, pack

WALLET = CHECKOUT / "tests" / "contracts" / "wallet.json"
TOKEN = "a token that only the worker knows"
FACILITATOR = person("official facilitator")
PATIENCE_SECONDS = 2  # then it says that the settlement is pending


@pytest.fixture(scope="module")
def _facilitated(
    anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("official")
    port = free_port()
    headers = {path: {"Authorization": f"Bearer {TOKEN}"} for path in ("settle", "supported")}
    secret = folder / "facilitator_headers"
    secret.write_text(json.dumps(headers))
    facilitator: list[subprocess.Popen[bytes]] = []

    def start_facilitator(rpc_url: str) -> str:
        arguments = [str(port), rpc_url, FACILITATOR.private_key, NETWORK, TOKEN]
        with (folder / "facilitator.log").open("wb") as log:
            facilitator.append(
                subprocess.Popen(
                    [
                        *dies_with_us(), sys.executable, "-m",
                        "tests.end_to_end.official_facilitator", *arguments, str(PATIENCE_SECONDS),
                    ],
                    cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip
        return rpc_url

    listed = {"URL": f"http://127.0.0.1:{port}", "HEADERS_FILE": str(secret)}
    try:
        with running_stack(
            folder / "stack",
            anvil_binary,
            django_db_blocker,
            webs=1,
            relayer_keys=(),
            network_settings={"SETTLE": "facilitator", "FACILITATORS": [listed]},
            rpc_through=start_facilitator,
            HOLD_WAIT_SECONDS="30",
            SOUK_FACILITATOR_POLL_SECONDS="1",
        ) as stack:
            stack.chain.set_balance(FACILITATOR.address, ONE_ETHER)
            yield stack
    finally:
        for process in facilitator:
            process.kill()
            process.wait(20)


@pytest.fixture
def facilitated(_facilitated: Stack) -> Iterator[Stack]:
    """Afterwards every invariant holds."""
    yield _facilitated
    under_way = "select 1 from payments_progress where money <> 'confirmed'"
    _facilitated.wait_until(lambda: not _facilitated.rows(under_way), "quiet")
    check(_facilitated.database_url, chain=_facilitated.chain)


def confirmed(stack: Stack, payment: str) -> bool:
    query = "select money from payments_progress where payment_id = %s"
    return stack.rows(query, payment) == [("confirmed",)]


def manage(stack: Stack, *command: str) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "manage.py", *command, "--json"],
        cwd=CHECKOUT, env=stack.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_a_payment_is_settled_confirmed_receipted_and_reconciled(
    facilitated: Stack, cast: type[Cast]
) -> None:
    sold = facilitated.sell()
    facilitated.chain.fund(cast.buyer.address, 1)
    before = facilitated.chain.atomic_of(cast.seller.address)

    said = buy(sold.url, cast.buyer)

    assert said.status == 200, (said.body, facilitated.logs())
    assert facilitated.chain.atomic_of(cast.seller.address) == before + 10_000
    mined = facilitated.chain.rpc("eth_getTransactionByHash", [said.settlement["transaction"]])
    assert mined["from"].lower() == FACILITATOR.address.lower()
    souk = said.settlement["extensions"]["souk"]
    facilitated.wait_until(lambda: confirmed(facilitated, souk["payment"]), "the confirmation")
    receipt = ask(souk["receipt"], headers={"Accept": "application/json"})
    assert receipt.status == 200
    code, (result,) = manage(facilitated, "reconcile")
    assert (code, result["differences"]) == (0, [])
    assert result["booked_atomic"] == result["chain_atomic"] > 0
    assert "a facilitator settled" in result["not_covered"]


def test_what_it_calls_pending_is_settled_when_its_block_comes(
    facilitated: Stack, cast: type[Cast]
) -> None:
    sold = facilitated.sell()
    buyer = person("patient buyer")
    facilitated.chain.fund(buyer.address, 1)
    headers = {"PAYMENT-SIGNATURE": pack(authorize(ask(sold.url).challenge, buyer))}
    facilitated.chain.rpc("evm_setIntervalMining", [PATIENCE_SECONDS * 3])
    try:
        said = ask(sold.url, headers=headers)
    finally:
        facilitated.chain.rpc("evm_setIntervalMining", [1])

    assert said.status == 200, (said.body, facilitated.logs())
    payment = said.settlement["extensions"]["souk"]["payment"]
    facilitated.wait_until(lambda: confirmed(facilitated, payment), "the confirmation")
    outcomes = facilitated.rows(
        "select outcome from payments_submission where payment_id = %s order by number", payment
    )
    assert outcomes[0] == ("pending",)
    assert len(sold.calls) == 1


def test_it_settles_for_contract_wallets(facilitated: Stack, cast: type[Cast]) -> None:
    wallet = facilitated.chain.deploy(WALLET, cast.buyer.address)
    facilitated.chain.fund(wallet, 1)
    sold = facilitated.sell()

    said = buy(sold.url, Person("wallet", wallet, cast.buyer.private_key))

    assert said.status == 200, (said.body, facilitated.logs())
    assert facilitated.chain.atomic_of(wallet) == 990_000


def test_one_look_without_a_worker_waits_for_its_answer(
    facilitated: Stack, cast: type[Cast]
) -> None:
    """`manage.py work --once`, as cron runs it."""
    sold = facilitated.sell()
    facilitated.chain.fund(cast.other_buyer.address, 1)
    headers = {"PAYMENT-SIGNATURE": pack(authorize(ask(sold.url).challenge, cast.other_buyer))}
    facilitated.kill(facilitated.workers.pop())
    try:
        with ThreadPoolExecutor(1) as callers:
            asked = callers.submit(ask, sold.url, headers=headers)
            facilitated.wait_until(lambda: sold.calls, "the call")
            ready = "select 1 from payments_progress where (work, money) = ('answered', 'none')"
            facilitated.wait_until(lambda: facilitated.rows(ready), "the answer")
            done = subprocess.run(
                [sys.executable, "manage.py", "work", "--once"],
                cwd=CHECKOUT, env=facilitated.environment, capture_output=True, text=True,
            )  # fmt: skip
            said = asked.result()
    finally:
        facilitated.workers.append(facilitated.start_worker())
        facilitated.wait_ready()

    assert done.returncode == 0, done.stderr
    assert said.status == 200, (said.body, done.stderr)


def test_the_doctor_asks_it_and_misses_no_relayer(facilitated: Stack) -> None:
    _, document = manage(facilitated, "doctor")

    about = [each for each in document["findings"] if each["subject"] == NETWORK]
    assert [each["level"] for each in about] == ["ok"] * len(about), about
    assert any("serves (2, eip155:84532, exact)" in each["words"] for each in about)
    assert not any("relayer" in each["words"] for each in about)


def test_its_token_is_nowhere_but_in_its_file(facilitated: Stack) -> None:
    for log in facilitated.folder.glob("*.log"):
        assert TOKEN not in log.read_text(errors="replace")
    assert answers(facilitated.ports[0])
