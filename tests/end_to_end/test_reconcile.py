"""The ledger against the chain, read by code of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from payments.auditing.audits import audit_once
from payments.models import Reconciliation
from tests.fixtures.cast import Cast
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.stack import NETWORK, Stack
from tests.fixtures.wallet import buy


def run_reconcile(stack: Stack) -> tuple[int, Any]:
    """As its operator runs it."""
    done = subprocess.run(
        [sys.executable, "manage.py", "reconcile", "--json"],
        cwd=CHECKOUT, env=stack.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def reconciled_here(stack: Stack, rpc_url: str = "", said: StringIO | None = None) -> Any:
    """The same command in this process, which need not be started for every difference."""
    told, code = StringIO(), 0
    with stack.database(), override_settings(DATABASE_URL=stack.database_url):
        if rpc_url:
            settings.CHAINS[NETWORK] = {**settings.CHAINS[NETWORK], "RPC": [rpc_url]}
        try:
            call_command("reconcile", "--json", stdout=told, stderr=said)
        except SystemExit as ended:
            code = int(str(ended.code))
    return code, json.loads(told.getvalue())


@pytest.fixture
def between(stack: Stack) -> Iterator[RpcProxy]:
    """The node as it answers through a proxy."""
    proxy = RpcProxy(stack.chain.rpc_url)
    try:
        yield proxy
    finally:
        proxy.close()


def confirmed_payment(stack: Stack, cast: type[Cast]) -> str:
    sold = stack.sell()
    stack.chain.fund(cast.buyer.address, 1)
    said = buy(sold.url, cast.buyer)
    assert said.status == 200, said.body
    payment = str(said.settlement["extensions"]["souk"]["payment"])
    query = "select money from payments_progress where payment_id = %s"
    stack.wait_until(lambda: stack.rows(query, payment) == [("confirmed",)], "the confirmation")
    return payment


def test_it_finds_no_difference_where_there_is_none(stack: Stack, cast: type[Cast]) -> None:
    confirmed_payment(stack, cast)

    code, (result,) = run_reconcile(stack)

    assert (code, result["differences"]) == (0, [])
    assert result["booked"] >= 1
    assert result["booked_atomic"] == result["chain_atomic"] > 0


def test_it_names_a_payment_that_the_ledger_lost(stack: Stack, cast: type[Cast]) -> None:
    payment = confirmed_payment(stack, cast)
    tampered = "set session_replication_role = replica"  # past the append-only trigger
    with psycopg.connect(stack.database_url) as hand:
        hand.execute(tampered)
        kept = hand.execute(
            "delete from payments_transfer where payment_id = %s and phase = 'post' returning *",
            (payment,),
        ).fetchall()
        hand.commit()
        try:
            code, (result,) = run_reconcile(stack)
        finally:
            marks = ", ".join(["%s"] * len(kept[0]))
            hand.execute(f"insert into payments_transfer values ({marks})", kept[0])
            hand.commit()

    assert code == 1
    assert [(d["kind"], d["payment"]) for d in result["differences"]] == [("extra", payment)]


@pytest.mark.parametrize(
    ("kind", "table", "column", "planted"),
    [
        ("missing", "payment", "nonce", bytes(32)),
        ("missing", "payment", "payer", "0x" + "11" * 20),
        ("different", "payment", "pay_to", "0x" + "22" * 20),
        ("different", "payment", "amount_atomic", 1),
        ("different", "progress", "transaction", bytes(32)),
        ("different", "transfer", "amount_atomic", 1),
    ],
    ids=["nonce", "payer", "payee", "price", "transaction", "line"],
)
def test_it_names_what_the_books_say_otherwise(
    stack: Stack, cast: type[Cast], kind: str, table: str, column: str, planted: object
) -> None:
    payment = confirmed_payment(stack, cast)
    key = "id" if table == "payment" else "payment_id"
    only = " and phase = 'post'" if table == "transfer" else ""
    named = f"payments_{table}", column, f"where {key} = %s{only}"
    query = f"select {named[1]} from {named[0]} {named[2]}"
    change = f"update {named[0]} set {named[1]} = %s {named[2]}"
    with psycopg.connect(stack.database_url, autocommit=True) as hand:
        hand.execute("set session_replication_role = replica")  # past the append-only trigger
        ((true,),) = hand.execute(query, (payment,)).fetchall()
        hand.execute(change, (planted, payment))
        try:
            code, (result,) = reconciled_here(stack)
        finally:
            hand.execute(change, (true, payment))

    assert code == 1
    assert (kind, payment) in [(d["kind"], d["payment"]) for d in result["differences"]]


def test_a_node_is_asked_about_as_few_blocks_as_it_takes(
    stack: Stack, cast: type[Cast], between: RpcProxy
) -> None:
    confirmed_payment(stack, cast)
    refused = between.refuse("eth_getLogs", -32005, "query exceeds max block range", times=3)

    code, (result,) = reconciled_here(stack, between.url)

    assert refused.met == 3
    assert (code, result["differences"]) == (0, [])
    assert result["booked_atomic"] == result["chain_atomic"] > 0


@pytest.mark.parametrize("how", ["refused", "a page in words"])
def test_a_question_that_nobody_answers_is_no_difference(
    stack: Stack, cast: type[Cast], between: RpcProxy, how: str
) -> None:
    confirmed_payment(stack, cast)
    if how == "refused":
        between.refuse("eth_getLogs", -32005, "limit exceeded", times=None)
    else:
        between.fail("eth_getLogs", status=429, times=None)
    said = StringIO()

    code, results = reconciled_here(stack, between.url, said)

    assert (code, results) == (2, [])
    assert "Base Sepolia: the chain did not answer" in said.getvalue()


def test_a_comparison_that_is_under_way_is_not_joined_by_another(
    stack: Stack, cast: type[Cast]
) -> None:
    confirmed_payment(stack, cast)
    url = stack.database_url

    def noted_by_an_audit() -> bool:
        with stack.database(), override_settings(DATABASE_URL=url, DATABASE_DIRECT_URL=url):
            Reconciliation.objects.all().delete()
            asyncio.run(audit_once())
            return Reconciliation.objects.exists()

    with psycopg.connect(url) as another:
        another.execute("select pg_advisory_lock(hashtextextended('souk audit', 0))")
        assert not noted_by_an_audit()
    assert noted_by_an_audit()
