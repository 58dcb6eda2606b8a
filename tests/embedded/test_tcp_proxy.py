"""The proxy to PostgreSQL counts messages and breaks the line at the chosen one."""

import threading
import time
from collections.abc import Callable, Iterator
from secrets import token_hex

import psycopg
import pytest

from tests.fixtures.tcp_proxy import TcpProxy

Connection = psycopg.Connection[tuple[int]]
PATIENCE_SECONDS = 30.0


@pytest.fixture
def proxy(database_url: str, tcp_proxy_to: Callable[[str], TcpProxy]) -> TcpProxy:
    return tcp_proxy_to(database_url)


@pytest.fixture
def direct(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(direct: Connection) -> Iterator[str]:
    name = f"tcp_proxy_{token_hex(8)}"
    direct.execute(f"create table {name} (n integer)")
    yield name
    direct.execute(f"drop table {name}")


def connect(proxy: TcpProxy) -> Connection:
    return psycopg.connect(proxy.conninfo, autocommit=True, connect_timeout=10)


def one(connection: Connection) -> int:
    row = connection.execute("select 1").fetchone()
    assert row is not None
    return row[0]


def wait_for_end(direct: Connection, server: int) -> None:
    """Returns when the server process of a cut line has done what it will do."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while direct.execute("select 1 from pg_stat_activity where pid = %s", [server]).fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_it_passes_everything_on_and_counts(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        before = proxy.messages
        assert before > 0
        assert one(connection) == 1
        asked = proxy.messages - before
        assert one(connection) == 1
        assert proxy.messages - before == 2 * asked


def test_a_cut_line_stays_cut_until_it_is_mended(proxy: TcpProxy) -> None:
    with connect(proxy) as connection:
        proxy.cut()
        with pytest.raises(psycopg.OperationalError):
            one(connection)
        with pytest.raises(psycopg.OperationalError):
            connect(proxy)
        proxy.pass_on()
    with connect(proxy) as connection:
        assert one(connection) == 1


@pytest.mark.parametrize("after", [False, True])
def test_a_line_cut_at_a_message_is_cut_before_or_after_it(
    proxy: TcpProxy, direct: Connection, table: str, after: bool
) -> None:
    with connect(proxy) as connection:
        server = connection.info.backend_pid
        proxy.cut_at(proxy.messages + 1, after=after)
        connection.pgconn.exec_(f"insert into {table} values (1)".encode())
        assert connection.pgconn.status == psycopg.pq.ConnStatus.BAD
    assert proxy.reached.wait(PATIENCE_SECONDS)
    wait_for_end(direct, server)
    arrived = direct.execute(f"select * from {table}").fetchall()
    assert arrived == ([(1,)] if after else [])


def test_a_stalled_line_goes_on_where_it_stopped(proxy: TcpProxy) -> None:
    answers: list[int] = []
    with connect(proxy) as connection:
        proxy.stall_at(proxy.messages + 1)
        asking = threading.Thread(target=lambda: answers.append(one(connection)))
        asking.start()
        assert proxy.reached.wait(PATIENCE_SECONDS)
        before = list(answers)
        proxy.pass_on()
        asking.join()
    assert (before, answers) == ([], [1])


def test_a_stranded_line_is_silent_for_good_and_new_ones_are_not(proxy: TcpProxy) -> None:
    answers: list[object] = []

    def ask(connection: Connection) -> None:
        try:
            answers.append(one(connection))
        except psycopg.OperationalError as lost:
            answers.append(type(lost))

    connection = connect(proxy)
    proxy.strand()
    asking = threading.Thread(target=ask, args=(connection,))
    asking.start()
    proxy.pass_on()
    with connect(proxy) as other:
        assert one(other) == 1
    before = list(answers)
    proxy.cut()
    asking.join()
    connection.close()
    assert (before, answers) == ([], [psycopg.OperationalError])
