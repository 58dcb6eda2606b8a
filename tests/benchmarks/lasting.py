"""A marketplace with production settings for the endurance runs, and wallets that can pay."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.benchmarks.endurance import Running
from tests.fixtures.cast import Person, person
from tests.fixtures.stack import Sold, Stack, running_stack

PRODUCTION = {
    "SOUK_DEBUG": "0",
    "SOUK_EGRESS_ALLOW_IN_PRODUCTION": "1",
    "SOUK_LOG_LEVEL": "WARNING",
}


@contextmanager
def lasting_stack(folder: Path, binary: Path, blocker: Any) -> Iterator[tuple[Stack, Sold]]:
    production = {
        **PRODUCTION,
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SELLER_SECRETS_KEYS": Fernet.generate_key().decode(),
    }
    uncapped = {"SELLER_GAS_DAY_WEI": 0}  # one seller is sold for more in a minute than in a day
    opened = running_stack(
        folder, binary, blocker, webs=1, network_settings=uncapped, **production
    )  # fmt: skip
    with opened as stack:
        yield stack, stack.sell(dollars="0.001")


def running(stack: Stack, sold: Sold) -> Running:
    processes = {"door": stack.webs[0].pid, "worker": stack.workers[0].pid}
    return Running(sold.url, processes, stack.database_url)


def wallets(stack: Stack, count: int) -> list[Person]:
    people = [person(f"lasting {number}") for number in range(count)]
    for each in people:
        stack.chain.fund(each.address, 100)
    return people
