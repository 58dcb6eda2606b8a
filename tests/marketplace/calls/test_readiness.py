"""Whether a listing may be quoted: remembered between two looks at the networks, and no longer."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from marketplace.calls.readiness import SETTLEMENT_RETRY_SECONDS, wait_seconds
from marketplace.calls.room import BLIND_SECONDS, Room
from marketplace.calls.shelf import Shelved
from payments.acceptance.promise import Offer
from payments.health import Health
from payments.x402.types import Requirements

NETWORK = "eip155:84532"
WELL = {NETWORK: Health(1, 1, "")}
ILL = {NETWORK: Health(1, 1, "no gas")}


@pytest.fixture
def shelved() -> Shelved:
    wanted = Requirements("exact", NETWORK, 1, "0x" + "1" * 40, "0x" + "2" * 40, 300, {})
    unasked = dict.fromkeys(Shelved.__dataclass_fields__)
    offers = (Offer(uuid4(), wanted, 6),)
    return Shelved(**unasked | {"path": "acme/weather", "seller_id": uuid4(), "offers": offers})


@pytest.fixture
async def room(shelved: Shelved) -> Room:
    room = Room()
    room.health = WELL
    assert wait_seconds(room, shelved) == 0
    return room


async def look(
    room: Room, shelved: Shelved, health: dict[str, Health], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the door does twice a second, with what the database would say; it quotes meanwhile."""

    async def read_health(*_: object, **__: object) -> dict[str, Health]:
        wait_seconds(room, shelved)
        return health

    async def over_cap(*_: object) -> frozenset[object]:
        wait_seconds(room, shelved)
        return frozenset()

    async def all_out_of_budget(*_: object) -> frozenset[object]:
        wait_seconds(room, shelved)
        return frozenset()

    monkeypatch.setattr("marketplace.calls.room.read_health", read_health)
    monkeypatch.setattr("marketplace.calls.room.gas.over_cap", over_cap)
    monkeypatch.setattr("marketplace.calls.room.gas.all_out_of_budget", all_out_of_budget)
    room.pool = None  # type: ignore[assignment]
    await room._read_health()


async def test_it_is_not_quoted_once_nobody_settles_its_network(
    room: Room, shelved: Shelved, monkeypatch: pytest.MonkeyPatch
) -> None:
    await look(room, shelved, ILL, monkeypatch)
    assert wait_seconds(room, shelved) == SETTLEMENT_RETRY_SECONDS

    await look(room, shelved, WELL, monkeypatch)
    assert wait_seconds(room, shelved) == 0


async def test_it_is_not_quoted_while_nobody_sees_the_database(
    room: Room, shelved: Shelved
) -> None:
    room.unseen_since = asyncio.get_running_loop().time() - BLIND_SECONDS - 1
    assert wait_seconds(room, shelved) == SETTLEMENT_RETRY_SECONDS

    room.unseen_since = None
    assert wait_seconds(room, shelved) == 0


async def test_it_is_not_quoted_while_its_endpoint_fails(room: Room, shelved: Shelved) -> None:
    now = asyncio.get_running_loop().time()
    for payer in ("ada", "bob", "eve"):
        room.breaker.failed(shelved.path, payer, now, is_proven=True)
    assert wait_seconds(room, shelved) > 0

    room.breaker.succeeded(shelved.path)
    assert wait_seconds(room, shelved) == 0
