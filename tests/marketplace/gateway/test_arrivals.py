"""Bodies on their way in: the slowest makes room, and nobody's place is held meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from marketplace.calls.in_flight import Arrivals, NoPlace, Seat
from marketplace.calls.shares import Shares


async def never(arrivals: Arrivals, size: int = 0) -> None:
    async with arrivals.one(60) as grew:
        grew(size)
        await asyncio.Event().wait()


async def test_the_one_longest_on_its_way_makes_room_for_the_newest() -> None:
    arrivals = Arrivals(bodies_max=2, bytes_max=100)
    first, second = (asyncio.create_task(never(arrivals)) for _ in range(2))
    await asyncio.sleep(0)

    async with arrivals.one(60):
        with pytest.raises(TimeoutError):
            await first
    assert not second.done()

    second.cancel()
    async with arrivals.one(60), arrivals.one(60):  # what has arrived takes no room
        pass


async def test_too_much_of_them_costs_the_oldest_their_places() -> None:
    arrivals = Arrivals(bodies_max=10, bytes_max=100)
    first, second, third = (asyncio.create_task(never(arrivals, 30)) for _ in range(3))
    await asyncio.sleep(0)

    async with arrivals.one(60) as grew:
        grew(10)
        await asyncio.sleep(0)
        assert not any(each.done() for each in (first, second, third)), "all of it fits"
        grew(30)
        with pytest.raises(TimeoutError):
            await first
        grew(29)
        with pytest.raises(TimeoutError):
            await second
        assert not third.done()
    third.cancel()
    await asyncio.sleep(0)

    async with arrivals.one(60) as grew:  # what has arrived takes no room
        grew(100)
        await asyncio.sleep(0)


async def test_a_body_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TimeoutError):
        async with Arrivals(bodies_max=1, bytes_max=100).one(0.01):
            await asyncio.Event().wait()


def test_a_seat_is_taken_once_and_given_back_once() -> None:
    places = Shares(1)
    seat, other = Seat(places, "a/b"), Seat(places, "c/d")
    seat.take()
    with pytest.raises(NoPlace):
        other.take()
    other.give_back()
    seat.give_back()
    seat.give_back()
    other.take()
