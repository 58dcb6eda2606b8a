"""What nginx writes down with the committed example: where a fault is, and not who asked."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from marketplace.embedded.ports import free_port
from marketplace.embedded.readiness import port_answers
from marketplace.embedded.starting import dies_with_us
from tests.fixtures.production import HOST, missing, nginx_command

VISITOR = "127.0.0.77"
SECRET = "0192f0c1-7d4c-7000-8000-00000000abcd"
PATIENCE_SECONDS = 60


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[tuple[Path, int, int]]:
    """nginx with nothing behind it: its log, its TLS port and its plain one."""
    if lacking := missing():
        pytest.skip(f"production needs: {lacking}")
    tls_port, plain_port = free_port(), free_port()
    published = {there: free_port() for there in (8402, 8403, 8404)}
    command = nginx_command(tmp_path, tls_port, plain_port, published)
    subprocess.run([*command, "-t"], check=True, capture_output=True)
    process = subprocess.Popen([*dies_with_us(), *command])
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while not (port_answers(tls_port) and port_answers(plain_port)):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        yield tmp_path / "nginx", tls_port, plain_port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def asked(port: int, path: str, *, tls: bool) -> int:
    """One request from an address that no process of ours has."""
    here = (VISITOR, 0)
    if tls:
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            "127.0.0.1", port, source_address=here, context=trust
        )
    else:
        line = http.client.HTTPConnection("127.0.0.1", port, source_address=here)
    try:
        line.request("GET", path, headers={"Host": HOST, "X-Forwarded-For": VISITOR})
        return line.getresponse().status
    finally:
        line.close()


def test_nginx_writes_down_what_failed_and_not_who_asked(proxy: tuple[Path, int, int]) -> None:
    folder, tls_port, plain_port = proxy
    asked_for = {
        f"/payments/{SECRET}?proof={SECRET}": '"GET /payments"',
        f"/preview/{SECRET}": '"GET /preview"',
        f"/account/reset/{SECRET}": '"GET /account"',
        f"/call/ada/weather/{SECRET}?city={SECRET}": '"GET /call/ada/weather"',
        "/": '"GET /"',
    }
    for path in asked_for:
        assert asked(tls_port, path, tls=True) == 502
        assert asked(plain_port, path, tls=False) in (301, 403)
    written = [each for each in folder.glob("*.log") if each.is_file()]
    said = "\n".join(each.read_text() for each in written)
    assert VISITOR not in said
    assert SECRET not in said
    lines = (folder / "souk.log").read_text().splitlines()
    assert len(lines) == 2 * len(asked_for)
    for place in asked_for.values():
        statuses = [line.partition(f"{place} ")[2][:3] for line in lines if f"{place} " in line]
        assert "502" in statuses
        assert {"301", "403"} & set(statuses)
