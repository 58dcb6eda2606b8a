"""Whether the demo's programs have come to the point where others can use them."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import psycopg

from marketplace.embedded import rpc
from marketplace.embedded.chain import require_demo_chain

ANSWER_SECONDS = 5.0


def chain_answers(rpc_url: str) -> bool:
    with suppress(rpc.NodeSilentError):
        require_demo_chain(rpc_url)
        return True
    return False


def web_answers(port: int) -> bool:
    """A server's port is open long before its program is loaded, so it has to say OK."""
    question = b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS) as connection,
    ):
        connection.sendall(question)
        return connection.recv(64).startswith(b"HTTP/1.1 200 ")
    return False


def port_answers(port: int) -> bool:
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS),
    ):
        return True
    return False


def database_clock(url: str) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select extract(epoch from clock_timestamp())").fetchone()
    assert row is not None
    return float(row[0])


def has_tables(url: str, checkout: Path) -> bool:
    """Whether every migration of ours has been applied."""
    wanted = {(file.parts[-3], file.stem) for file in checkout.glob("*/migrations/[0-9]*.py")}
    with psycopg.connect(url, autocommit=True) as connection:
        try:
            applied = connection.execute("select app, name from django_migrations").fetchall()
        except psycopg.errors.UndefinedTable:
            return False
    return wanted <= set(applied)


def is_settling(url: str, since: float) -> bool:
    """Whether the worker's settler has looked at the chain since then, and takes payments."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "select exists(select from payments_chainhealth"
            " where seen_at > to_timestamp(%s) and refusing_why = '')",
            [since],
        ).fetchone()
    return row == (True,)


def has_sold(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("select exists(select from payments_payment)").fetchone()
    return row == (True,)


def has_lost_payments(rpc_url: str, database_url: str) -> bool:
    """Whether the chain does not know the newest payment that the ledger calls final."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        row = connection.execute(
            "select transaction from payments_transfer where phase = 'post'"
            " and transaction is not null order by at desc limit 1"
        ).fetchone()
    if row is None:
        return False
    return rpc.call(rpc_url, "eth_getTransactionReceipt", f"0x{bytes(row[0]).hex()}") is None
