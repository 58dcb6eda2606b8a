"""A listing in trouble is not sold, and comes back by itself."""

import pytest

from marketplace.calls.breaker import LISTINGS_REMEMBERED_MAX, TRIERS_REMEMBERED_MAX, Breaker

NOW = 1000.0
PAUSE = 10


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(failures_to_open=3, payers_to_open=2, pause_seconds=PAUSE)


def fail(
    breaker: Breaker,
    times: int,
    *,
    at: float = NOW,
    listing: str = "acme/weather",
    payer: str = "known",
    is_proven: bool = True,
    why: str = "",
) -> None:
    for _ in range(times):
        breaker.failed(listing, payer, at, why, is_proven=is_proven)


def admit(breaker: Breaker, payer: str, at: float, listing: str = "acme/weather") -> bool:
    return breaker.admit(listing, payer, at)


def test_a_healthy_listing_is_sold(breaker: Breaker) -> None:
    assert breaker.wait_seconds("acme/weather", NOW) == 0
    assert admit(breaker, "a", NOW)


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert admit(breaker, "a", NOW)
    fail(breaker, 1)
    assert not admit(breaker, "a", NOW + 9)
    assert breaker.wait_seconds("acme/weather", NOW + 4) == 6


def test_a_success_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded("acme/weather")
    fail(breaker, 2)
    assert breaker.wait_seconds("acme/weather", NOW) == 0


def test_one_listings_trouble_is_not_anothers(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "a", NOW, "acme/maps")


def test_quoting_does_not_use_the_trial_up(breaker: Breaker) -> None:
    fail(breaker, 3)
    after = NOW + 10
    assert [breaker.wait_seconds("acme/weather", after) for _ in range(3)] == [0, 0, 0]
    assert admit(breaker, "a", after)


def test_after_the_pause_one_call_tries_and_the_others_wait(breaker: Breaker) -> None:
    fail(breaker, 3)
    after = NOW + 10
    assert [admit(breaker, payer, after) for payer in "abc"] == [True, False, False]


def test_a_trial_that_succeeds_closes_the_breaker(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "a", NOW + 10)
    breaker.succeeded("acme/weather")
    assert [admit(breaker, payer, NOW + 10) for payer in "abc"] == [True, True, True]


def test_a_trial_that_fails_starts_the_pause_anew(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "a", NOW + 10)
    fail(breaker, 1, at=NOW + 11, payer="a")
    assert not admit(breaker, "b", NOW + 20.5)
    assert admit(breaker, "b", NOW + 21)


def test_a_trial_that_never_reports_back_does_not_close_the_listing_for_good(
    breaker: Breaker,
) -> None:
    fail(breaker, 3)
    assert admit(breaker, "a", NOW + 10)
    assert not admit(breaker, "b", NOW + 19)
    assert admit(breaker, "b", NOW + 20)


def test_it_remembers_a_bounded_number_of_listings(breaker: Breaker) -> None:
    fail(breaker, 3)
    for number in range(LISTINGS_REMEMBERED_MAX):
        fail(breaker, 1, listing=f"other/{number}")
    assert breaker.wait_seconds("acme/weather", NOW) == 0
    fail(breaker, 3, listing="fresh/one")
    assert breaker.wait_seconds("fresh/one", NOW) == 10


def test_it_says_which_listings_are_shut_since_when_and_why(breaker: Breaker) -> None:
    fail(breaker, 1, why="timeout")
    fail(breaker, 1, at=NOW + 1, why="timeout")
    assert list(breaker.shut()) == []
    fail(breaker, 1, at=NOW + 2, why="timeout")
    assert admit(breaker, "a", NOW + 12)
    fail(breaker, 1, at=NOW + 13, payer="a", why="upstream_error")
    (shut,) = breaker.shut()
    assert (shut.listing, shut.failures, shut.why) == ("acme/weather", 4, "upstream_error")
    assert (shut.since, shut.until) == (NOW + 2, NOW + 23)
    breaker.succeeded("acme/weather")
    assert list(breaker.shut()) == []


@pytest.mark.parametrize("strangers", [["a"] * 9, [*"abcdefghi"]], ids=["one", "many"])
def test_strangers_alone_shut_nothing(breaker: Breaker, strangers: list[str]) -> None:
    for stranger in strangers:
        fail(breaker, 1, payer=stranger, is_proven=False)
    assert breaker.wait_seconds("acme/weather", NOW) == 0
    assert admit(breaker, "b", NOW)


def test_calls_of_several_payers_shut_a_listing(breaker: Breaker) -> None:
    fail(breaker, 1, payer="a")
    fail(breaker, 1, payer="b")
    assert breaker.wait_seconds("acme/weather", NOW) == PAUSE


def test_strangers_count_as_one_payer_beside_a_proven_one(breaker: Breaker) -> None:
    fail(breaker, 5, payer="a", is_proven=False)
    fail(breaker, 1, payer="b")
    assert breaker.wait_seconds("acme/weather", NOW) == PAUSE


def test_whose_trial_failed_comes_after_the_others(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "poller", NOW + 10)
    fail(breaker, 1, at=NOW + 10, payer="poller")
    assert not admit(breaker, "poller", NOW + 20)
    assert admit(breaker, "b", NOW + 20)
    assert not admit(breaker, "poller", NOW + 30)


def test_whoever_asks_alone_tries_again_after_another_pause(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "alone", NOW + 10)
    fail(breaker, 1, at=NOW + 10, payer="alone")
    assert not admit(breaker, "alone", NOW + 29)
    assert admit(breaker, "alone", NOW + 30)


def test_what_began_before_it_was_shut_does_not_keep_it_shut(breaker: Breaker) -> None:
    fail(breaker, 3)
    fail(breaker, 3, at=NOW + 9, payer="slow")
    assert admit(breaker, "a", NOW + 10)


def test_a_trial_that_is_given_back_is_the_next_ones_at_once(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert admit(breaker, "a", NOW + 10)
    breaker.give_back("acme/weather", "a", NOW + 10)
    assert admit(breaker, "a", NOW + 10), "it did not fail"
    breaker.give_back("acme/weather", "a", NOW + 10)
    assert admit(breaker, "b", NOW + 10)


def test_who_gives_back_what_is_not_theirs_lets_nobody_in(breaker: Breaker) -> None:
    fail(breaker, 3)
    breaker.give_back("acme/weather", "a", NOW + 5)
    assert not admit(breaker, "a", NOW + 9)
    assert admit(breaker, "a", NOW + 10)
    breaker.give_back("acme/weather", "b", NOW + 10)
    assert not admit(breaker, "b", NOW + 10)


def test_it_remembers_a_bounded_number_of_those_who_tried(breaker: Breaker) -> None:
    fail(breaker, 3)
    for number in range(1 + TRIERS_REMEMBERED_MAX):
        assert admit(breaker, f"payer {number}", NOW + 10 * (number + 1))
    at = NOW + 10 * (TRIERS_REMEMBERED_MAX + 2)
    assert not admit(breaker, "payer 1", at)
    assert admit(breaker, "payer 0", at)
