"""A listing in trouble is not sold, and comes back by itself."""

import pytest

from marketplace.calls.breaker import LISTINGS_REMEMBERED_MAX, Breaker

NOW = 1000.0


@pytest.fixture
def breaker() -> Breaker:
    return Breaker(failures_to_open=3, pause_seconds=10)


def fail(breaker: Breaker, times: int, *, at: float = NOW, listing: str = "acme/weather") -> None:
    for _ in range(times):
        breaker.failed(listing, at)


def test_a_healthy_listing_is_sold(breaker: Breaker) -> None:
    assert breaker.wait_seconds("acme/weather", NOW) == 0
    assert breaker.admit("acme/weather", NOW)


def test_it_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    fail(breaker, 2)
    assert breaker.admit("acme/weather", NOW)
    fail(breaker, 1)
    assert not breaker.admit("acme/weather", NOW + 9)
    assert breaker.wait_seconds("acme/weather", NOW + 4) == 6


def test_a_success_in_between_starts_the_count_again(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded("acme/weather")
    fail(breaker, 2)
    assert breaker.wait_seconds("acme/weather", NOW) == 0


def test_one_listings_trouble_is_not_anothers(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.admit("acme/maps", NOW)


def test_quoting_does_not_use_the_trial_up(breaker: Breaker) -> None:
    fail(breaker, 3)
    after = NOW + 10
    assert [breaker.wait_seconds("acme/weather", after) for _ in range(3)] == [0, 0, 0]
    assert breaker.admit("acme/weather", after)


def test_after_the_pause_one_call_tries_and_the_others_wait(breaker: Breaker) -> None:
    fail(breaker, 3)
    after = NOW + 10
    assert [breaker.admit("acme/weather", after) for _ in range(3)] == [True, False, False]


def test_a_trial_that_succeeds_closes_the_breaker(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.admit("acme/weather", NOW + 10)
    breaker.succeeded("acme/weather")
    assert [breaker.admit("acme/weather", NOW + 10) for _ in range(3)] == [True, True, True]


def test_a_trial_that_fails_starts_the_pause_anew(breaker: Breaker) -> None:
    fail(breaker, 3)
    assert breaker.admit("acme/weather", NOW + 10)
    fail(breaker, 1, at=NOW + 11)
    assert not breaker.admit("acme/weather", NOW + 20.5)
    assert breaker.admit("acme/weather", NOW + 21)


def test_a_trial_that_never_reports_back_does_not_close_the_listing_for_good(
    breaker: Breaker,
) -> None:
    fail(breaker, 3)
    assert breaker.admit("acme/weather", NOW + 10)
    assert not breaker.admit("acme/weather", NOW + 19)
    assert breaker.admit("acme/weather", NOW + 20)


def test_it_remembers_a_bounded_number_of_listings(breaker: Breaker) -> None:
    fail(breaker, 3)
    for number in range(LISTINGS_REMEMBERED_MAX):
        breaker.failed(f"other/{number}", NOW)
    assert breaker.wait_seconds("acme/weather", NOW) == 0
    fail(breaker, 3, listing="fresh/one")
    assert breaker.wait_seconds("fresh/one", NOW) == 10


def test_it_says_which_listings_are_shut_since_when_and_why(breaker: Breaker) -> None:
    breaker.failed("acme/weather", NOW, "timeout")
    breaker.failed("acme/weather", NOW + 1, "timeout")
    assert list(breaker.shut()) == []
    breaker.failed("acme/weather", NOW + 2, "timeout")
    breaker.failed("acme/weather", NOW + 12, "upstream_error")
    (shut,) = breaker.shut()
    assert (shut.listing, shut.failures, shut.why) == ("acme/weather", 4, "upstream_error")
    assert (shut.since, shut.until) == (NOW + 2, NOW + 22)
    breaker.succeeded("acme/weather")
    assert list(breaker.shut()) == []
