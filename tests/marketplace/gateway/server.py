"""The real web server on a socket of the test's own, and clients that speak bytes to it."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    path: Path
    log: Path

    def connect(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(ANSWER_SECONDS)
        try:
            line.connect(str(self.path))
        except OSError:
            line.close()
            raise
        return line

    def ask(self, request: bytes) -> bytes:
        """Send these bytes and take all that comes back; the request asks for the end itself."""
        with self.connect() as line:
            line.sendall(request)
            answer = b""
            while piece := line.recv(65_536):
                answer += piece
            return answer

    def get(self, target: str, *headers: str, verb: str = "GET", body: bytes = b"") -> bytes:
        """Ask once, closing the connection afterwards."""
        lines = [f"{verb} {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
        return self.ask("\r\n".join([*lines, "", ""]).encode("latin-1") + body)


@contextmanager
def serving(application: str, environment: Mapping[str, str]) -> Iterator[Server]:
    """Run an ASGI app under the server that Souk is run with."""
    with tempfile.TemporaryDirectory(prefix="souk-door-") as folder:
        server = Server(Path(folder) / "http", Path(folder) / "log")
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--no-ws"]
        command += ["--uds", str(server.path), application]
        with server.log.open("wb") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **environment}, stdout=log, stderr=log
            )
        try:
            _wait_until_it_answers(server, process)
            yield server
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def _wait_until_it_answers(server: Server, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < give_up_at:
        try:
            server.get("/call/nobody/nothing")
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the server did not start: {server.log.read_text()}")
