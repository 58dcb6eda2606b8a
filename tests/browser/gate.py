"""What stands between a browser and the site: forms that are sent wait in it until it is told.

An HTTP proxy, so that nothing is held within the browser, and what it lets go of is over there.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Condition, Thread
from typing import Final
from urllib.parse import urlsplit

PIECE_BYTES = 65_536
HOP_BY_HOP = ("connection:", "proxy-connection:", "keep-alive:")
# The connection is lost over it. One that is lost before a word may be tried again by the browser.
BROKEN_OFF: Final = b"HTTP/1.1 200 OK\r\nContent-"
FAILED: Final = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/html\r\nContent-Length: 14\r\n"
    b"Connection: close\r\n\r\n<h1>fault</h1>"
)


class Form:
    """One that was sent and waits."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.verdict: SimpleQueue[bytes | None] = SimpleQueue()

    def let_through(self) -> None:
        self.verdict.put(None)

    def answer(self, said: bytes) -> None:
        """In the site's place."""
        self.verdict.put(said)


class Gate:
    """Forms in the order in which they came."""

    def __init__(self) -> None:
        self.forms: list[Form] = []
        self._came = Condition()

    def wait_for(self, count: int, seconds: float) -> None:
        with self._came:
            is_there = self._came.wait_for(lambda: len(self.forms) >= count, seconds)
        assert is_there, f"{len(self.forms)} of {count} forms were sent"

    def hold(self, path: str) -> bytes | None:
        form = Form(path)
        with self._came:
            self.forms.append(form)
            self._came.notify_all()
        return form.verdict.get()


@contextmanager
def open_gate() -> Iterator[tuple[Gate, str]]:
    """A gate and its address."""
    gate = Gate()

    class Passage(_Passage):
        at = gate

    with ThreadingTCPServer(("127.0.0.1", 0), Passage) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield gate, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            for form in gate.forms:
                form.answer(b"")
            server.shutdown()
            server.block_on_close = False
            thread.join()


class _Passage(StreamRequestHandler):
    """One request of the browser's."""

    at: Gate

    def handle(self) -> None:
        method, url, version = self.rfile.readline().decode("latin-1").split()
        headers = [line for line in iter(self.rfile.readline, b"\r\n") if line]
        lengths = [h.split(b":")[1] for h in headers if h.lower().startswith(b"content-length:")]
        body = self.rfile.read(int(lengths[0])) if lengths else b""
        to = urlsplit(url)
        path = f"{to.path}?{to.query}" if to.query else to.path
        said = self.at.hold(path) if method == "POST" else None
        with suppress(OSError):  # one of the two hung up
            if said is not None:
                self.wfile.write(said)
                return
            kept = [h for h in headers if not h.decode("latin-1").lower().startswith(HOP_BY_HOP)]
            head = [f"{method} {path} {version}\r\n".encode("latin-1"), *kept]
            message = b"".join([*head, b"Connection: close\r\n\r\n", body])
            self._pass_on(message, (to.hostname or "", to.port or 80))

    def _pass_on(self, message: bytes, address: tuple[str, int]) -> None:
        with socket.create_connection(address) as site:
            site.sendall(message)
            while piece := site.recv(PIECE_BYTES):
                self.wfile.write(piece)
