"""Making `.venv`: with uv or pip, once, whatever the machine refuses said with its fix."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from bootstrap import DEVELOPMENT, NODE, RUNTIME, CannotStartError, House

# Installed size and downloads together on x86-64 Linux, rounded up.
DISK_MEGABYTES = {RUNTIME: 450, DEVELOPMENT: 900, NODE: 300}
NO_NETWORK = re.compile(
    r"name resolution|NewConnectionError|Connection refused|dns error|unreachable|ProxyError"
    r"|timed out|error sending request|from versions: none",
    re.IGNORECASE,
)


def install(house: House) -> None:
    """Make the environment or bring it up to date; of many starts at once, one does it."""
    with plain_words(house), one_at_a_time(house) as lock_file:
        if house.is_ready():
            return
        started = time.monotonic()
        need_room(house)
        tool = choose_installer(house)
        stamp = make_folder(house, with_pip=tool.brings_pip)
        house.write_stamp(stamp | {"state": "installing"})
        house.log.write_bytes(b"")
        for lock in house.locks:
            command = [*tool.command, "-r", str(house.root / lock)]
            run(command, f"Installing {lock} into .venv with {tool.name}", house, lock_file)
            stamp[lock] = house.fingerprint(lock)
        if DEVELOPMENT in house.locks:  # it holds every pin of the runtime lock
            stamp[RUNTIME] = house.fingerprint(RUNTIME)
        house.write_stamp(stamp | house.stamp_when_done())
        shutil.rmtree(house.state / "tmp", ignore_errors=True)
        say(f"Packages ready in {time.monotonic() - started:.0f} s.")


class Installer(NamedTuple):
    name: str
    command: list[str]
    brings_pip: bool = False


def choose_installer(house: House) -> Installer:
    """uv where there is one, else pip: the machine's own, or the one Python brings along."""
    python = str(house.python)
    # Modules are compiled when first imported: compiling all of them would double the wait.
    hashed = ["install", "--require-hashes", "--no-deps"]
    if uv := shutil.which("uv"):
        return Installer("uv", [uv, "pip", *hashed, "--python", python])
    if importlib.util.find_spec("pip"):
        return Installer(
            "pip", [sys.executable, "-m", "pip", "--python", python, *hashed, "--no-compile"]
        )
    if importlib.util.find_spec("ensurepip"):
        return Installer("pip", [python, "-m", "pip", *hashed, "--no-compile"], brings_pip=True)
    raise CannotStartError(
        f"Souk installs its packages into .venv, and this Python ({sys.executable}) came without "
        "the part that does it (ensurepip). On Debian and Ubuntu: "
        f"sudo apt install python3.{sys.version_info.minor}-venv — or put uv on the PATH. "
        "Then start again."
    )


def make_folder(house: House, *, with_pip: bool) -> dict[str, str]:
    """A `.venv` with a working Python; returns what its stamp already vouches for."""
    stamp = house.read_stamp()
    if house.is_broken(stamp):
        if house.folder.exists():
            say("Making .venv anew: the one here is unfinished or was made elsewhere.")
            shutil.rmtree(house.folder)
        house.folder.mkdir()
        house.write_stamp({"state": "installing"})
        stamp = {}
    elif not with_pip:
        return stamp
    options = [] if with_pip else ["--without-pip"]
    # A link to the base Python: an environment made from inside another must outlive it.
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", *options, str(house.folder)], check=True)
    return stamp


def run(command: list[str], words: str, house: House, lock_file: IO[bytes]) -> None:
    """One installer, its words in the log, one moving line on the screen."""
    started = time.monotonic()
    moving = sys.stderr.isatty()
    say(f"{words} … (log: {house.log})")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with house.log.open("ab") as log:
        # The installer holds the lock too: if we are killed, the next start waits for its end.
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=installer_environment(house),
            pass_fds=[lock_file.fileno()],
        )
        try:
            while process.poll() is None:
                if moving:
                    say(f"\r  {time.monotonic() - started:3.0f} s ", end="")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=0.5)
        finally:
            process.terminate()
            process.wait()
            say("\r" if moving else "", end="")
    if process.returncode != 0:
        raise CannotStartError(why_it_failed(house))


def installer_environment(house: House) -> dict[str, str]:
    """The operator's own environment; temporary files, and if need be caches, in the checkout."""
    temporary = house.state / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = os.environ | {"TMPDIR": str(temporary), "PIP_USER": "0", "PIP_NO_INPUT": "1"}
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    if not os.access(next(path for path in (caches, *caches.parents) if path.exists()), os.W_OK):
        environment["XDG_CACHE_HOME"] = str(house.state / "cache")
    return environment


def why_it_failed(house: House) -> str:
    """The end of the installer's log, and what to do about it."""
    text = house.log.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and "WARNING" not in line]
    tail = "\n".join(f"  | {line[:160]}" for line in lines[-8:])
    if os.strerror(errno.ENOSPC) in text:
        cause = no_room(house)
    elif NO_NETWORK.search(text):
        cause = (
            "The package index could not be reached or is empty. Check the connection and, behind "
            "a proxy or a mirror, HTTPS_PROXY and PIP_INDEX_URL (for uv: UV_INDEX_URL); then "
            "start again."
        )
    else:
        cause = "The packages could not be installed; the installer's last words are above."
    return f"{tail}\n{cause} The whole log: {house.log}"


@contextmanager
def one_at_a_time(house: House) -> Iterator[IO[bytes]]:
    """A lock that ends with its holders, however they end."""
    house.state.mkdir(exist_ok=True)
    with (house.state / "bootstrap.lock").open("ab") as lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another start is making .venv; waiting for it …")
            fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield lock_file


@contextmanager
def plain_words(house: House) -> Iterator[None]:
    """The machine's refusals, said with their fix."""
    try:
        yield
    except KeyboardInterrupt:
        raise CannotStartError("Stopped. The next start begins again.") from None
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise CannotStartError(no_room(house)) from None
        raise CannotStartError(
            f"Souk keeps its packages in {house.folder} and its state in {house.state}, and "
            f"cannot write there ({error.strerror}: {error.filename}). Copy the checkout to a "
            "folder of your own or give yourself this one (chown), then start again."
        ) from None
    except subprocess.CalledProcessError:
        raise CannotStartError(
            f"{sys.executable} could not make {house.folder}; its reason is above. With uv on "
            f"the PATH, or after sudo apt install python3.{sys.version_info.minor}-venv on Debian "
            "and Ubuntu, start again."
        ) from None


def need_room(house: House) -> None:
    """Say that the disk is too small before filling it."""
    needed = sum(DISK_MEGABYTES[lock] for lock in house.locks)
    if not house.read_stamp() and shutil.disk_usage(house.root).free < needed * 1_000_000:
        raise CannotStartError(no_room(house))


def no_room(house: House) -> str:
    free = shutil.disk_usage(house.root).free // 1_000_000
    needed = sum(DISK_MEGABYTES[lock] for lock in house.locks)
    return (
        f"The disk of {house.root} is too full: the packages take about {needed} MB and "
        f"{free} MB are free. Make room, or move the checkout, then start again."
    )


def say(words: str, end: str = "\n") -> None:
    sys.stderr.write(words + end)
    sys.stderr.flush()
