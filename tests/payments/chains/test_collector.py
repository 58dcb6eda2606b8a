"""Single requests go together in rounds; nobody waits for a timer or for a stranger's fate."""

import asyncio
from collections.abc import Sequence

import pytest

from payments.chains.collector import Collector, TooManyWaiting


class Rounds:
    """A flush whose rounds the test sees and lets go one by one."""

    def __init__(self) -> None:
        self.seen: list[list[int]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.started = asyncio.Event()

    async def flush(self, items: Sequence[int]) -> list[int]:
        self.seen.append(list(items))
        self.started.set()
        await self.open.wait()
        if -1 in items:
            raise ValueError("a bad round")
        return [item * 10 for item in items]


def collector(rounds: Rounds, round_max: int = 3, waiting_max: int = 100) -> Collector[int, int]:
    return Collector(rounds.flush, round_max=round_max, waiting_max=waiting_max)


async def test_a_lone_request_goes_alone_and_at_once() -> None:
    rounds = Rounds()
    assert await collector(rounds).submit(7) == 70
    assert rounds.seen == [[7]]


async def test_those_who_arrive_together_go_together_in_rounds_of_bounded_size() -> None:
    rounds = Rounds()
    gathering = collector(rounds)
    answers = await asyncio.gather(*(gathering.submit(item) for item in range(7)))
    assert answers == [0, 10, 20, 30, 40, 50, 60]
    assert rounds.seen == [[0, 1, 2], [3, 4, 5], [6]]


async def test_those_who_arrive_during_a_round_share_the_next() -> None:
    rounds = Rounds()
    rounds.open.clear()
    gathering = collector(rounds)
    first = asyncio.create_task(gathering.submit(1))
    await rounds.started.wait()
    others = [asyncio.create_task(gathering.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    rounds.open.set()
    assert await asyncio.gather(first, *others) == [10, 20, 30]
    assert rounds.seen == [[1], [2, 3]]


async def test_a_caller_who_leaves_early_is_not_sent_and_stops_nobody() -> None:
    rounds = Rounds()
    rounds.open.clear()
    gathering = collector(rounds)
    calls = [asyncio.create_task(gathering.submit(1))]
    await rounds.started.wait()
    calls += [asyncio.create_task(gathering.submit(item)) for item in (2, 3)]
    await asyncio.sleep(0)
    calls[0].cancel()
    calls[1].cancel()
    await asyncio.wait(calls[:2])
    rounds.open.set()
    assert await calls[2] == 30
    assert rounds.seen == [[1], [3]]


async def test_a_failed_round_fails_its_own_members_only() -> None:
    rounds = Rounds()
    gathering = collector(rounds, round_max=2)
    answers = await asyncio.gather(
        *(gathering.submit(item) for item in (1, -1, 2, 3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int, int]


async def test_a_full_queue_takes_nobody_in() -> None:
    rounds = Rounds()
    rounds.open.clear()
    gathering = collector(rounds, waiting_max=1)
    first = asyncio.create_task(gathering.submit(1))
    await rounds.started.wait()
    second = asyncio.create_task(gathering.submit(2))
    await asyncio.sleep(0)
    with pytest.raises(TooManyWaiting):
        await gathering.submit(3)
    rounds.open.set()
    assert await asyncio.gather(first, second) == [10, 20]


async def test_closing_lets_go_of_everybody() -> None:
    rounds = Rounds()
    rounds.open.clear()
    gathering = collector(rounds, round_max=1)
    calls = [asyncio.create_task(gathering.submit(item)) for item in (1, 2)]
    await rounds.started.wait()
    await gathering.close()
    await asyncio.wait(calls)
    assert all(call.cancelled() for call in calls)
    assert rounds.seen == [[1]]


async def test_a_round_weighs_no_more_than_it_may_but_for_a_single_heavy_one() -> None:
    rounds = Rounds()
    gathering = Collector(
        rounds.flush, round_max=3, waiting_max=9, weigh=lambda item: item, weight_max=10
    )
    await asyncio.gather(*(gathering.submit(item) for item in (4, 5, 2, 11, 1, 1, 1, 1)))
    assert rounds.seen == [[4, 5], [2], [11], [1, 1, 1], [1]]


async def test_the_end_waits_for_everybody_who_came() -> None:
    rounds = Rounds()
    rounds.open.clear()
    gathering = collector(rounds, round_max=1)
    calls = [asyncio.create_task(gathering.submit(item)) for item in (1, 2)]
    await asyncio.sleep(0)
    finishing = asyncio.create_task(gathering.finish())
    await rounds.started.wait()
    rounds.open.set()
    await finishing
    await gathering.close()
    assert await asyncio.gather(*calls) == [10, 20]
    await gathering.finish()  # there is nobody to wait for
