"""Places for calls to sellers: a host that hangs leaves some, and who waits is served in turn."""

from __future__ import annotations

import asyncio

import pytest

from marketplace.calls.places import NoPlace, Places

PATIENT, HASTY = 60.0, 0.01


@pytest.fixture
def places() -> Places:
    return Places(4)


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_host_that_hangs_leaves_places_for_others(places: Places) -> None:
    for _ in range(2):
        await places.take("slow", HASTY)
    with pytest.raises(NoPlace):
        await places.take("slow", HASTY)
    await places.take("quick", HASTY)


async def test_who_waits_for_a_place_is_served_in_turn(places: Places) -> None:
    for _ in range(2):
        await places.take("slow", HASTY)
    waiting = [asyncio.create_task(places.take("slow", PATIENT)) for _ in range(2)]
    await settle()
    served = []
    for _ in waiting:
        places.give_back("slow")
        await settle()
        served.append([task.done() for task in waiting])
    assert served == [[True, False], [True, True]]


async def test_a_place_that_another_host_gives_back_serves_who_waits(places: Places) -> None:
    await places.take("quick", HASTY)
    await places.take("slow", HASTY)
    await places.take("other", HASTY)
    waiting = asyncio.create_task(places.take("slow", PATIENT))
    await settle()
    assert not waiting.done()
    places.give_back("quick")
    await waiting


async def test_a_queue_is_crowded_only_when_it_does_not_move(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        await places.take("slow", HASTY)
    waiting = asyncio.create_task(places.take("slow", PATIENT))
    await settle()
    assert not places.is_crowded("slow")
    monkeypatch.setattr("marketplace.calls.places.STILL_SECONDS", -1.0)
    assert places.is_crowded("slow")
    assert not places.is_crowded("quick")
    places.give_back("slow")
    await waiting
    assert not places.is_crowded("slow")


async def test_who_is_cancelled_in_the_moment_of_being_served_keeps_no_place() -> None:
    places = Places(1)
    await places.take("host", HASTY)
    waiting = asyncio.create_task(places.take("host", PATIENT))
    await settle()
    places.give_back("host")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await places.take("host", HASTY)


async def test_who_gave_up_waiting_is_passed_over() -> None:
    places = Places(1)
    await places.take("host", HASTY)
    gone = asyncio.create_task(places.take("host", PATIENT))
    await settle()
    waiting = asyncio.create_task(places.take("host", PATIENT))
    await settle()
    gone.cancel()
    places.give_back("host")
    await waiting
