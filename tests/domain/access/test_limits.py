"""Rates: how they are written, and what a bucket of requests holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.limits import (
    MINUTE,
    MOST_PER_MINUTE,
    SECOND,
    Operation,
    Rate,
    rates_as_text,
    read_rates,
)
from acrux.errors import InvalidInput

RATES = st.builds(Rate, st.sampled_from(Operation), st.integers(1, MOST_PER_MINUTE))
INSTANTS = st.integers(0, 10**18)


def passed(rate: Rate, instants: list[int], full_at: int = 0) -> list[int]:
    """The instants, in their order, at which a request fits."""
    found = []
    for now in instants:
        full_at = max(full_at, now)
        if rate.wait(full_at, now) <= 0:
            full_at += rate.interval
            found.append(now)
    return found


@given(st.lists(RATES, unique_by=lambda rate: rate.operation))
def test_rates_are_read_as_they_are_written(rates: list[Rate]) -> None:
    """An operator copies a rate from one place to another."""
    assert read_rates(rates_as_text(rates)) == tuple(rates)


@pytest.mark.parametrize(
    "text",
    ["", "read", "read=", "=5", "reed=5", "read=-1", "read=1.5", "read=5 ", "READ=5", "read=5=5",
     "read=1000001", "read=99999999", "read=٥"],
)  # fmt: skip
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    """A limit with a typo would limit nothing."""
    with pytest.raises(InvalidInput) as refused:
        read_rates([text])

    assert "such as read=600" in refused.value.message
    assert len(refused.value.message) < 300


def test_an_operation_that_is_named_twice_is_refused() -> None:
    """Nobody could say which of the two holds."""
    with pytest.raises(InvalidInput, match="twice"):
        read_rates(["read=5", "write=3", "read=6"])


def test_a_rate_of_zero_is_no_limit() -> None:
    """That is how the other settings turn a limit off, and it must not turn everybody away."""
    assert read_rates(["read=0", "write=3"]) == (Rate(Operation.WRITE, 3),)


@given(st.integers(1, 500), INSTANTS)
def test_a_minutes_worth_passes_at_once_and_not_one_more(per_minute: int, now: int) -> None:
    """A limit that is off by one is not the limit that the settings name."""
    rate = Rate(Operation.READ, per_minute)

    assert len(passed(rate, [now] * (per_minute + 20))) == per_minute


@given(st.integers(1, 60), st.lists(st.integers(0, 10 * MINUTE), max_size=200))
def test_no_minute_sees_more_than_twice_the_limit(per_minute: int, instants: list[int]) -> None:
    """A bucket that was full allows its content and what flows in, and never more."""
    found = passed(Rate(Operation.READ, per_minute), sorted(instants))

    for start in found:
        assert sum(start <= at < start + MINUTE for at in found) <= 2 * per_minute


@given(RATES, INSTANTS, st.integers(-MINUTE, 2 * MINUTE))
def test_after_the_wait_a_request_fits_and_before_it_does_not(
    rate: Rate, now: int, ahead: int
) -> None:
    """A client that obeys Retry-After must not be refused again, nor wait for nothing."""
    full_at = now + max(ahead, 0)
    wait = rate.wait(full_at, now)

    assert rate.wait(max(full_at, now + wait), now + wait) <= 0
    if wait > 0:
        assert rate.wait(full_at, now + wait - 1) > 0
        assert wait <= full_at - now


def test_a_steady_client_below_its_rate_never_waits() -> None:
    """It stays within its limit all day."""
    rate = Rate(Operation.TOKEN, 60)

    assert len(passed(rate, [number * SECOND for number in range(600)])) == 600


def test_a_listing_of_referrers_counts_as_a_read_too() -> None:
    """At ACR it does, and an account that may read 600 times must not read 1,200 times."""
    assert Operation.REFERRERS.counted == (Operation.REFERRERS, Operation.READ)
    assert Operation.DELETE.counted == (Operation.DELETE,)
