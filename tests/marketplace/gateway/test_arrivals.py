"""Bodies on their way in: the slowest makes room, and nobody's place is held meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from marketplace.calls.in_flight import Arrivals, InFlight, NoPlace, Seat


async def never(arrivals: Arrivals) -> None:
    async with arrivals.one(60):
        await asyncio.Event().wait()


async def test_the_one_longest_on_its_way_makes_room_for_the_newest() -> None:
    arrivals = Arrivals(bodies_max=2)
    first, second = (asyncio.create_task(never(arrivals)) for _ in range(2))
    await asyncio.sleep(0)

    async with arrivals.one(60):
        with pytest.raises(TimeoutError):
            await first
    assert not second.done()

    second.cancel()
    async with arrivals.one(60), arrivals.one(60):  # what has arrived takes no room
        pass


async def test_a_body_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        async with Arrivals(bodies_max=1).one(0.01):
            await asyncio.Event().wait()


def test_a_seat_is_taken_once_and_given_back_once() -> None:
    in_flight = InFlight(calls_max=1, listing_calls_max=1)
    seat, other = Seat(in_flight, "a/b"), Seat(in_flight, "a/b")
    seat.take()
    with pytest.raises(NoPlace):
        other.take()
    other.give_back()
    seat.give_back()
    seat.give_back()
    other.take()
