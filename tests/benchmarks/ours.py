"""Souk as an operator runs it: production settings, a durable database, a process of each kind."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from marketplace.embedded.chain import CHAIN_ID
from marketplace.embedded.demo_accounts import demo_account
from marketplace.embedded.ports import free_port
from marketplace.embedded.postgres import Postgres
from marketplace.embedded.readiness import port_answers, web_answers
from marketplace.embedded.starting import dies_with_us
from payments.receipts.signing import generate_pem
from tests.benchmarks.challenges import quotes
from tests.benchmarks.load import Target
from tests.benchmarks.nginx import ANSWER, Nginx
from tests.benchmarks.node import BLOCK_SECONDS, Node
from tests.benchmarks.waiting import Failed, wait_until

ROOT = Path(__file__).resolve().parents[2]
NETWORK = f"eip155:{CHAIN_ID}"
RELAYER = demo_account("benchmark relayer")
SELLER = demo_account("benchmark seller")
# Slug, dollars, release. Who paid the third is trusted with as much by the second.
LISTINGS = (("hold", "0.001", "hold"), ("instant", "0.001", "instant"), ("trust", "1", "hold"))
CONNECTIONS_MAX = 100
SETTLED_SECONDS = 240.0
# What an operator sets who sells this much through one listing; all else is as it comes.
LIMITS = {"SOUK_LISTING_IN_FLIGHT_MAX": "1000", "SOUK_CALLS_IN_FLIGHT_MAX": "2000"}


class Souk:
    """One running marketplace: its processes, its database, what it sells."""

    def __init__(self, folder: Path, node: Node, nginx: Nginx, postgres: Postgres) -> None:
        self.folder = folder
        self.node = node
        self.nginx = nginx
        self.port = free_port()
        self.database_url = postgres.url("souk")
        self.programs: dict[str, subprocess.Popen[bytes]] = {}
        self.listings: dict[str, str] = {}
        self._secrets = production_secrets()
        self._seen = 0  # blocks below are reconciled

    @property
    def roots(self) -> dict[str, list[int]]:
        """The process numbers of each kind, for the meter."""
        return {name: [program.pid] for name, program in self.programs.items()}

    def target(self, slug: str) -> Target:
        return Target(self.port, f"/call/{self.listings[slug]}")

    def environment(self, surface: str = "all") -> dict[str, str]:
        """Production: nothing of the shell's Souk settings, nothing of the demo."""
        shell = {name: value for name, value in os.environ.items() if not is_ours(name)}
        chain = {
            "RPC": [self.node.rpc_url],
            "WEBSOCKET": self.node.websocket_url,
            "RELAYER_KEYS": [RELAYER.private_key],
            "CONFIRMATIONS": 2,
            "PRICE_FLOOR": "0.0001",
            "HEAD_POLL_MS": 50,
            "BLOCK_SECONDS": float(BLOCK_SECONDS),
            "SELLER_GAS_DAY_WEI": 0,
        }
        return {
            **shell,
            **LIMITS,
            **self._secrets,
            "DJANGO_SETTINGS_MODULE": "marketplace.settings",
            "DATABASE_URL": self.database_url,
            "SOUK_SURFACE": surface,
            "CELERY_BROKER_URL": "filesystem://",
            "SOUK_MESSAGES_DIR": str(self.folder / "messages"),
            "CHAINS": json.dumps({NETWORK: chain}),
            "PUBLIC_BASE_URL": f"http://127.0.0.1:{self.port}",
            "SOUK_EGRESS_ALLOW": f"127.0.0.0/8:{self.nginx.upstream}",
            "SOUK_EGRESS_ALLOW_IN_PRODUCTION": "1",
        }

    def start(self) -> None:
        self.node.fuel([RELAYER.address])
        self.manage("migrate", "--verbosity", "0")
        for slug, price, release in LISTINGS:
            with suppress(Failed):  # a release that this version does not offer
                self._publish(slug, price, release)
        self._start("worker", ["celery", *["--app", "marketplace", "worker", "--pool", "threads"]])
        self._start(
            "beat", ["celery", *["--app", "marketplace", "beat", "--schedule"], self._file("beat")]
        )
        self._start("door", [*door_command(), "--port", str(self.port)], "door")
        programs = list(self.programs.values())
        wait_until(lambda: web_answers(self.port), "the door", programs)
        for slug in self.listings:
            wait_until(lambda at=slug: quotes(self.target(at)), "a listing on sale", programs)  # type: ignore[misc]

    def _publish(self, slug: str, price: str, release: str) -> None:
        self.manage(
            "listing", "add", self.nginx.upstream_url, "--seller", "bench", "--slug", slug,
            "--price", price, "--pay-to", SELLER.address, "--answer", ANSWER,
            "--release", release,
        )  # fmt: skip
        self.listings[slug] = f"bench/{slug}"

    def _file(self, name: str) -> str:
        return str(self.folder / name)

    def _start(self, name: str, command: list[str], surface: str = "all") -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.programs[name] = subprocess.Popen(
                [*dies_with_us(), sys.executable, "-m", *command],
                cwd=ROOT,
                env=self.environment(surface),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def manage(self, *arguments: str) -> str:
        """What a command of the operator says; a refusal ends the run."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise Failed(f"manage.py {' '.join(arguments[:2])}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        for program in self.programs.values():
            program.terminate()
        for program in self.programs.values():
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait(10)

    # Looking in

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url, autocommit=True) as looking:
            return looking.execute(query, values or None).fetchall()

    def settle_all(self) -> None:
        """Wait until no payment is on its way, then hold the ledger against the chain.

        Each time over the blocks since the last time, so that every payment is looked at once.
        """
        wait_until(lambda: self.under_way() == 0, "every payment final", seconds=SETTLED_SECONDS)
        (failed,) = self.rows("select count(*) from payments_progress where money = 'failed'")
        if failed[0]:
            raise Failed(f"{failed[0]} payments could not be collected")
        head = self.node.height
        for result in json.loads(self.manage("reconcile", "--json", "--from", str(self._seen))):
            if result["differences"]:
                raise Failed(f"reconcile: {result['differences'][:3]}")
        self._seen = head + 1

    def booked(self, opened: float, closed: float) -> int:
        """How many payments became final, ledger and receipt included, between two moments."""
        ahead = time.time() - time.monotonic()
        (found,) = self.rows(
            "select count(distinct payment_id) from payments_step where money = 'confirmed'"
            " and at > to_timestamp(%s) and at <= to_timestamp(%s)",
            opened + ahead,
            closed + ahead,
        )
        return int(found[0])

    def under_way(self) -> int:
        (found,) = self.rows(
            "select count(*) from payments_progress where work = 'open'"
            " or (work = 'answered' and money not in ('confirmed', 'failed'))"
        )
        return int(found[0])


def is_ours(name: str) -> bool:
    """Whether a variable of the shell is a setting of Souk."""
    base = name.removesuffix("_FILE")
    return base.startswith("SOUK_") or base in settings_names()


def settings_names() -> frozenset[str]:
    source = (ROOT / "marketplace" / "settings.py").read_text(encoding="utf-8")
    return frozenset(re.findall(r'\bread(?:_\w+)?\(\s*"([A-Z][A-Z0-9_]*)"', source))


def door_command() -> list[str]:
    """The web server's command line, as the image starts it, on a port of our own."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    words: list[str] = json.loads(text.rpartition("\nCMD ")[2].replace("\\\n", ""))
    at = words.index("--port")
    loopback = ["127.0.0.1" if word == "0.0.0.0" else word for word in words]
    return loopback[:at] + loopback[at + 2 :]


def production_secrets() -> dict[str, str]:
    receipt_key = generate_pem()
    public_key = load_pem_private_key(receipt_key.encode(), password=None).public_key()
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "RECEIPT_KEY": receipt_key,
        "RECEIPT_PUBLIC_KEY": public_key.public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        ).decode(),
        "SELLER_SECRETS_KEYS": urlsafe_b64encode(os.urandom(32)).decode(),
    }


@contextmanager
def running_souk(folder: Path, node: Node, nginx: Nginx) -> Iterator[Souk]:
    """A marketplace on a PostgreSQL of its own that keeps what it commits."""
    (folder / "messages").mkdir(parents=True)
    folder.chmod(0o711)  # PostgreSQL passes through as another user when we are root
    postgres = Postgres(folder / "postgres", connections_max=CONNECTIONS_MAX, private_root=folder)
    database = postgres.start(folder / "postgres.log")
    try:
        postgres.create_database("souk")
        souk = Souk(folder, node, nginx, postgres)
        souk.programs["postgres"] = database
        try:
            souk.start()
            yield souk
        finally:
            del souk.programs["postgres"]
            souk.stop()
    finally:
        postgres.stop(database)


@contextmanager
def running_raw_asgi(log: Path, answer: Path) -> Iterator[int]:
    """An app that only says 402, on the door's server with the door's options; gives its port."""
    port = free_port()
    command = [*door_command()[:-1], "tests.benchmarks.raw_asgi:application"]
    with log.open("wb") as output:
        program = subprocess.Popen(
            [*dies_with_us(), sys.executable, "-m", *command, "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "RAW_402": str(answer)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: port_answers(port), "the raw ASGI app", [program])
        yield port
    finally:
        program.terminate()
        program.wait(10)
