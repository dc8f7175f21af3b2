"""The rules of guessing, against a clock that ticks second by second."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acrux.domain.access.lockout import (
    LONGEST_WAIT,
    OF_ACCOUNT,
    OF_ACCOUNT_AT_ADDRESS,
    OF_ADDRESS,
    OF_STRANGER,
    Failures,
    Limit,
    Subject,
    network_of,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIMITS = (OF_ACCOUNT_AT_ADDRESS, OF_ADDRESS, OF_ACCOUNT, OF_STRANGER)


class Naive:
    """The limit, counted down second by second."""

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.owed = 0  # seconds until all failures are forgiven
        self.wait = 0

    def tick(self) -> None:
        """Let a second pass."""
        self.owed = max(self.owed - 1, 0)
        self.wait = max(self.wait - 1, 0) if self.owed else 0

    def count(self) -> int:
        """How many failures are not yet forgiven."""
        one = self.limit.forgiveness.seconds
        return len(range(0, self.owed, one))

    def fail(self) -> None:
        """One more failure."""
        one = self.limit.forgiveness.seconds
        self.owed = min(self.owed + one, (self.limit.free + 9) * one)
        self.wait = 0
        if self.count() >= self.limit.free:
            self.wait = self.limit.first_wait.seconds
            for _ in range(self.count() - self.limit.free):
                self.wait *= 2
            self.wait = min(self.wait, LONGEST_WAIT.seconds)


@given(
    limit=st.sampled_from(LIMITS),
    pauses=st.lists(st.integers(0, 400) | st.just(0), max_size=40),
)
def test_failures_wait_and_are_forgiven_as_if_counted_down(limit: Limit, pauses: list[int]) -> None:
    """Two instants are as good as a list of all failures."""
    naive, now = Naive(limit), NOON
    failures: Failures | None = None
    for pause in pauses:
        for _ in range(pause):
            naive.tick()
        now += pause * SECOND
        assert limit.count(failures, now) == naive.count()
        assert limit.wait(failures, now) == naive.wait * SECOND
        assert limit.tries(failures, now) == (
            0 if naive.wait else max(limit.free - naive.count(), 1)
        )
        if not naive.wait:  # otherwise it would be refused, and not counted
            naive.fail()
            failures = limit.after_another(failures, now)


def waits(limit: Limit, attempts: int) -> list[float]:
    """The wait in seconds after each failure, if the guesser waits exactly as long as required."""
    now, failures, found = NOON, None, []
    for _ in range(attempts):
        failures = limit.after_another(failures, now)
        found.append(limit.wait(failures, now).total_seconds())
        now += limit.wait(failures, now)
    return found


def test_after_a_handful_of_mistakes_each_wait_is_twice_the_one_before() -> None:
    """A slip of the finger costs nothing, a dictionary costs years."""
    found = waits(OF_ACCOUNT_AT_ADDRESS, 14)

    assert found == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 256]


@pytest.mark.parametrize("limit", LIMITS)
def test_a_persistent_guesser_gets_at_most_one_guess_a_minute(limit: Limit) -> None:
    """The waits must not be forgiven faster than they grow."""
    day = waits(limit, 3000)

    assert sum(day) / 3000 > 50
    assert max(day) <= LONGEST_WAIT.total_seconds()


def test_everything_is_forgiven_within_little_more_than_an_hour() -> None:
    """Nobody should have to ask an administrator."""
    for limit in LIMITS:
        failures = None
        for _ in range(10_000):
            failures = limit.after_another(failures, NOON)

        assert limit.count(failures, NOON + timedelta(hours=2)) == 0
        assert limit.tries(failures, NOON + timedelta(hours=2)) == limit.free


def test_a_count_from_another_clock_waits_no_longer_than_the_longest_wait() -> None:
    """A damaged row could mean an endless wait."""
    strange = Failures(NOON, NOON + timedelta(days=36_500))

    assert OF_ADDRESS.wait(strange, NOON) == LONGEST_WAIT
    assert OF_ADDRESS.wait(None, NOON) == timedelta()


@pytest.mark.parametrize("limit", LIMITS)
def test_after_the_clock_was_set_back_nobody_waits_for_it_to_catch_up(limit: Limit) -> None:
    """A clock that was a day ahead would cause lockouts of a day."""
    failures = None
    for _ in range(1000):
        failures = limit.after_another(failures, NOON + timedelta(days=1))

    assert limit.wait(failures, NOON) == timedelta()
    assert limit.count(failures, NOON) == limit.count(failures, NOON + timedelta(days=1))
    assert limit.wait(limit.after_another(failures, NOON), NOON) == LONGEST_WAIT


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("not: an address", "not: an address"),
        ("", ""),
    ],
)
def test_addresses_that_one_guesser_may_choose_from_count_as_one(
    address: str, network: str
) -> None:
    """A home has more IPv6 addresses than a guesser needs."""
    assert network_of(address) == network


def test_an_account_at_an_address_is_part_of_both() -> None:
    """A guess counts three times, each time against its own limit."""
    pair = Subject("acrux", "192.0.2.7")

    assert [subject.limit for subject in (pair, pair.everywhere, pair.anybody)] == [
        OF_ACCOUNT_AT_ADDRESS,
        OF_ACCOUNT,
        OF_ADDRESS,
    ]
