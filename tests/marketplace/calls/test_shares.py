"""Nobody holds more than is left for the others, and what is held comes back."""

from __future__ import annotations

import pytest

from marketplace.calls.shares import Share, Shares


def taken(shares: Shares, name: str) -> int:
    count = 0
    while shares.take(name):
        count += 1
    return count


@pytest.mark.parametrize(("greedy", "each"), [(1, 50), (3, 25)])
def test_who_takes_all_they_can_leaves_as_much_for_another(greedy: int, each: int) -> None:
    shares = Shares(100)
    names = [f"greedy {number}" for number in range(greedy)]
    while sum(shares.take(name) for name in names):
        continue
    assert {shares.held(name) for name in names} == {each}
    assert shares.take("new", each)
    assert not shares.take("new")


def test_what_is_given_back_can_be_taken_again() -> None:
    shares = Shares(10)
    assert taken(shares, "a") == 5
    shares.give_back("a", 5)
    assert taken(shares, "b") == 5


def test_the_last_one_can_be_taken() -> None:
    assert taken(Shares(1), "a") == 1


def test_nobody_takes_more_than_is_for_each_of_them() -> None:
    shares = Shares(100, each_most=3)
    assert [taken(shares, name) for name in "abc"] == [3, 3, 3]


def test_a_share_that_is_given_back_is_not_given_back_again() -> None:
    shares = Shares(10)
    kept = Share(shares, "a")
    assert kept.draw(5)
    kept.give_back()
    assert taken(shares, "a") == 5
    del kept
    assert not shares.take("a")


def test_a_share_goes_back_when_nobody_keeps_it() -> None:
    shares = Shares(10)
    kept = Share(shares, "a")
    assert kept.draw(2)
    assert kept.draw(3)
    assert not kept.draw(1)
    also = kept
    del kept
    assert not shares.take("a")
    del also
    assert shares.take("a", 5)
