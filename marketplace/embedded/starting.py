"""How a server of ours is started: it answers before anybody goes on, and dies with its starter."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Protocol


class Server(Protocol):
    """A program that others wait for: how to start it, when it answers, how to stop it."""

    def initialise(self) -> None: ...
    def command(self) -> list[str]: ...
    def popen_kwargs(self) -> dict[str, Any]: ...
    def wait_ready(self, process: subprocess.Popen[bytes]) -> None: ...
    def stop(self, process: subprocess.Popen[bytes]) -> None: ...


def start_server(server: Server, log: Path) -> subprocess.Popen[bytes]:
    """Prepare, start and wait until it answers; its words go to the log."""
    server.initialise()
    with log.open("ab") as output:
        process = subprocess.Popen(
            server.command(), stdout=output, stderr=output, **server.popen_kwargs()
        )
    try:
        server.wait_ready(process)
    except BaseException:
        server.stop(process)
        raise
    return process


def dies_with_us() -> list[str]:
    """A wrapper under which a child is interrupted when its starter is killed (Linux)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "INT", "--"] if setpriv else []
