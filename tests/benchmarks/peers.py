"""The peers: official middlewares and facilitators, each in a process of its own.

They are what their makers publish, put together as their documents say, with whatever makes them
fast that needs no change to them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from marketplace.embedded.demo_accounts import demo_account
from marketplace.embedded.ports import free_port
from marketplace.embedded.readiness import port_answers
from marketplace.embedded.starting import dies_with_us
from tests.benchmarks.challenges import quotes
from tests.benchmarks.load import Target
from tests.benchmarks.nginx import Nginx
from tests.benchmarks.node import Node
from tests.benchmarks.packages import npm_folder, python_folder
from tests.benchmarks.waiting import wait_until

MANIFESTS = Path(__file__).parent / "peers"
SELLER = demo_account("benchmark peers' seller")
FACILITATORS = {
    "Python": demo_account("benchmark Python facilitator"),
    "TypeScript": demo_account("benchmark TypeScript facilitator"),
}
# Which facilitator belongs to which middleware.
MIDDLEWARES = {
    "FastAPI": "Python",
    "Flask": "Python",
    "Express": "TypeScript",
    "Hono": "TypeScript",
}
PRICE = "$0.001"
PATH = "/weather"
UVICORN = ["-m", "uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]


class Peers:
    """The peers of one run, started when they are asked for."""

    def __init__(self, folder: Path, cache: Path, node: Node, nginx: Nginx) -> None:
        self.folder = folder
        self.node = node
        self.nginx = nginx
        self.python = python_folder(cache / "peers-python", MANIFESTS / "requirements.txt")
        self.node_folder = npm_folder(cache / "peers-node", MANIFESTS)
        for script in MANIFESTS.glob("*.mjs"):
            shutil.copy(script, self.node_folder)
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.ports: dict[str, int] = {}
        node.fuel(each.address for each in FACILITATORS.values())

    def official(self, middleware: str) -> Target:
        """A middleware with the facilitator of the same makers."""
        language = MIDDLEWARES[middleware]
        name = f"{language} facilitator"
        if name not in self.programs:
            self._start(name, self._command(name), self._settings(language))
            wait_until(lambda: port_answers(self.ports[name]), name, list(self.programs.values()))
        return self._middleware(middleware, middleware, f"http://127.0.0.1:{self.ports[name]}")

    def with_yes(self, middleware: str) -> Target:
        """A middleware with a facilitator that says yes at once."""
        return self._middleware(f"{middleware} with yes", middleware, self.nginx.yes_url)

    def roots(self, *names: str) -> dict[str, list[int]]:
        return {name: [self.programs[name].pid] for name in names}

    def _settings(self, language: str) -> dict[str, str]:
        return {
            "FACILITATOR_KEY": FACILITATORS[language].private_key,
            "RPC_URL": self.node.rpc_url,
        }

    def _middleware(self, name: str, middleware: str, facilitator_url: str) -> Target:
        if name not in self.programs:
            settings = {
                "FACILITATOR": facilitator_url,
                "UPSTREAM_URL": self.nginx.upstream_url,
                "PAY_TO": SELLER.address,
                "PRICE": PRICE,
            }
            self._start(name, self._command(middleware), settings)
        target = Target(self.ports[name], PATH)
        wait_until(lambda: quotes(target), name, [self.programs[name]])
        return target

    def _command(self, what: str) -> list[str]:
        python, node = str(self.python / "bin" / "python"), shutil.which("node") or "node"
        return {
            "FastAPI": [python, *UVICORN, "fastapi_peer:app", "--port"],
            "Flask": [
                *[python, "-m", "gunicorn", "flask_peer:app", "--worker-class", "gthread"],
                *["--threads", "600", "--worker-connections", "2000", "--keep-alive", "600"],
                *["--limit-request-field_size", "32000", "--no-control-socket", "--bind"],
            ],
            "Python facilitator": [python, *UVICORN, "facilitator_peer:app", "--port"],
            "Express": [node, str(self.node_folder / "express.mjs")],
            "Hono": [node, str(self.node_folder / "hono.mjs")],
            "TypeScript facilitator": [node, str(self.node_folder / "facilitator.mjs")],
        }[what]

    def _start(self, name: str, command: list[str], settings: Mapping[str, str]) -> None:
        port = self.ports[name] = free_port()
        if command[-1] == "--port":
            command = [*command, str(port)]
        elif command[-1] == "--bind":
            command = [*command, f"127.0.0.1:{port}"]
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            self.programs[name] = subprocess.Popen(
                [*dies_with_us(), *command],
                cwd=MANIFESTS,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "HOME": str(self.folder),
                    "PYTHONDONTWRITEBYTECODE": "1",
                    "NODE_ENV": "production",
                    "PORT": str(port),
                    **settings,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self) -> None:
        for program in self.programs.values():
            program.terminate()
        for program in self.programs.values():
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait(10)
        self.programs.clear()

    def begin_anew(self) -> None:
        """After failures: a facilitator that lost count of its transactions would never recover."""
        self.stop()
        self.node.ask("anvil_dropAllTransactions")


@contextmanager
def running_peers(folder: Path, cache: Path, node: Node, nginx: Nginx) -> Iterator[Peers]:
    folder.mkdir()
    peers = Peers(folder, cache, node, nginx)
    try:
        yield peers
    finally:
        peers.stop()


def versions() -> dict[str, str]:
    """What the committed manifests pin, of what matters."""
    lock = json.loads((MANIFESTS / "package-lock.json").read_text(encoding="utf-8"))
    found = {
        name: lock["packages"][f"node_modules/{name}"]["version"]
        for name in ("@x402/express", "@x402/hono", "@x402/evm", "express", "hono", "viem")
    }
    text = (MANIFESTS / "requirements.txt").read_text(encoding="utf-8")
    for name in ("x402", "fastapi", "flask", "uvicorn", "gunicorn", "web3"):
        pin = re.search(rf"^{name}==([^\s;\\]+)", text, re.MULTILINE)
        assert pin is not None, name
        found[name] = pin[1]
    return found
