"""`manage.py demo`: the whole marketplace on one machine, from nothing to a first sale."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import psycopg
from django.core.exceptions import ImproperlyConfigured

from marketplace.embedded import rpc
from marketplace.embedded.anvil import ChainError
from marketplace.embedded.demo_settings import Keys
from marketplace.embedded.postgres_binaries import PostgresError
from marketplace.embedded.processes import ProgramEnded, StopAsked, StopSignals
from marketplace.embedded.refusal import DemoError
from marketplace.embedded.room import TO_GO_ON_MEGABYTES, require_room
from marketplace.embedded.stack import LOGS, ROOT, STATE, Stack, Wishes, say


def run_demo(wishes: Wishes) -> int:
    """Run the demo until it is told to stop; returns the exit code."""
    signals, stack, started = StopSignals(), Stack(wishes), time.monotonic()
    is_open = False
    try:
        ports = stack.start()
        is_open = True
        welcome(ports.base_url, time.monotonic() - started, is_seeded=wishes.seed)
        stack.programs.watch(lambda: require_room(STATE, TO_GO_ON_MEGABYTES))
    except StopAsked as asked:
        say("\nStopping …")
        return 0 if is_open else 128 + asked.number
    except ProgramEnded as reason:
        say(f"\n{reason}\nThe rest is stopped. What was committed is kept: start again.")
    except (DemoError, PostgresError, ChainError, ImproperlyConfigured) as reason:
        say(f"\n{reason}")
    except (rpc.NodeSilentError, rpc.NodeRefusedError, psycopg.Error) as reason:
        say(f"\nThe demo cannot go on: {reason}")
    except OSError as error:
        say(f"\n{in_words(error)}")
    finally:
        signals.stopping = True
        stack.stop(lambda: signals.hurry)
    return 1


def in_words(error: OSError) -> str:
    """What the machine refused, with its fix."""
    if error.errno == errno.ENOSPC:
        return (
            f"The disk of {ROOT} is full. Make room, then start again: what was committed is kept."
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return (
            f"The demo keeps its state in {STATE} and cannot write there ({error.strerror}: "
            f"{error.filename}). Copy the checkout to a folder of your own or give yourself this "
            "one (chown), then start again."
        )
    return f"The demo cannot go on: {error}"


def welcome(url: str, seconds: float, *, is_seeded: bool) -> None:
    """Where it is, how to get in, and three things to try."""
    manage = "python3 manage.py"
    call = f"'{url}/call/atlas/city-facts?city=Oslo'"
    tries = [
        ("See what a call costs (HTTP 402):", f"curl -i {call}"),
        ("Buy it: a real paid call, with its receipt:", f"{manage} buy {call}"),
        ("Look after it:", f"{manage} doctor"),
    ]
    if not is_seeded:
        tries = [("Sell something:", f"{manage} listing add --help"), tries[-1]]
    say(f"\nSouk is open after {seconds:.1f} s: {url}")
    password = Path(Keys(STATE / "keys").admin_password_file()).read_text(encoding="utf-8")
    say(f"  {url}/admin/ shows its tables: sign in as admin, password {password}")
    say(f"  (the first code is shown there; a later one: {manage} account code admin)")
    if is_seeded:
        password = Path(Keys(STATE / "keys").seller_password_file()).read_text(encoding="utf-8")
        say(f"  {url}/sell/earnings/ shows what was sold: sign in as atlas, password {password}")
    say(f"  logs in {LOGS}; Ctrl-C stops everything")
    say("\nTo try, in another terminal in this folder:")
    for words, line in tries:
        say(f"  {words}\n    {line}")
    say(
        "\nUse the demo's wallets only. The money is play money on a chain of its own, but\n"
        "what a wallet signs for it would be valid on the public Base Sepolia, too.\n"
    )
    say(f"ready {url}")
