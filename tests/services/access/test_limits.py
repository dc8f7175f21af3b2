"""Limits: who is counted, what is counted, and what a refusal says."""

from collections.abc import Callable

import pytest

from acrux.adapters.shared_counts import SharedCounts
from acrux.domain.access.limits import SECOND, Operation, Rate
from acrux.errors import LimitReached
from acrux.services.access.limits import Allowed, Limits
from tests.http.conftest import HandClock

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.4"
FIVE_READS = Allowed(account=(Rate(Operation.READ, 5),), anonymous=(Rate(Operation.READ, 5),))


class Ticks:
    """Nanoseconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 1000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    """A clock that stands still."""
    return Ticks()


@pytest.fixture
def limits(ticks: Ticks, clock: HandClock) -> Callable[[Allowed], Limits]:
    """Makes limits that share their counts with one another."""
    counts = SharedCounts()

    def make(allowed: Allowed) -> Limits:
        return Limits(allowed, counts.buckets, counts.places, clock, ticks)

    return make


def allowed_reads(limits: Limits, account: str, address: str, tries: int = 20) -> int:
    """How many of so many reads at once are carried out."""
    done = 0
    for _ in range(tries):
        try:
            limits.on(Operation.READ).count(account, address)
        except LimitReached:
            continue
        done += 1
    return done


def test_without_a_limit_everything_is_allowed(limits: Callable[[Allowed], Limits]) -> None:
    """Limits are off by default, and cost nothing then."""
    unlimited = limits(Allowed())

    assert allowed_reads(unlimited, "robot", HERE) == 20
    assert not any(unlimited.on(operation).is_set for operation in Operation)
    assert not unlimited.bounds_uploads


def test_an_account_has_one_budget_wherever_it_is(limits: Callable[[Allowed], Limits]) -> None:
    """A job on fifty nodes would have fifty budgets."""
    one, other = limits(FIVE_READS), limits(FIVE_READS)  # two workers

    assert allowed_reads(one, "robot", HERE, 3) == 3
    assert allowed_reads(other, "robot", ELSEWHERE) == 2


def test_a_noisy_account_stops_nobody_else_behind_its_address(
    limits: Callable[[Allowed], Limits],
) -> None:
    """Everybody in an office has the same address."""
    shared = limits(FIVE_READS)
    assert allowed_reads(shared, "noisy", HERE) == 5

    assert allowed_reads(shared, "quiet", HERE) == 5
    assert allowed_reads(shared, "", HERE) == 5


def test_callers_without_an_account_share_the_budget_of_their_address(
    limits: Callable[[Allowed], Limits],
) -> None:
    """One of them must not stop all of them everywhere, as at ACR."""
    shared = limits(FIVE_READS)

    assert allowed_reads(shared, "", HERE) == 5
    assert allowed_reads(shared, "", ELSEWHERE) == 5
    assert allowed_reads(shared, "", "2001:db8::1", 3) == 3
    assert allowed_reads(shared, "", "2001:db8::2", 3) == 2  # of the same network


def test_an_account_that_is_named_like_an_address_shares_nothing_with_it(
    limits: Callable[[Allowed], Limits],
) -> None:
    """Strangers could use up the budget of an account by choosing where they call from."""
    shared = limits(FIVE_READS)
    assert allowed_reads(shared, "", HERE) == 5

    assert allowed_reads(shared, HERE, HERE) == 5


def test_a_refusal_counts_down_and_is_not_counted(
    limits: Callable[[Allowed], Limits], ticks: Ticks
) -> None:
    """A client that does not wait would never be let in again."""
    shared = limits(FIVE_READS)
    allowed_reads(shared, "robot", HERE)
    waits = []
    for _ in range(3):
        ticks.now += 3 * SECOND
        with pytest.raises(LimitReached) as refused:
            shared.on(Operation.READ).count("robot", HERE)
        waits.append(refused.value.retry_after)
    ticks.now += 3 * SECOND

    assert waits == [9, 6, 3]
    assert allowed_reads(shared, "robot", HERE) == 1


def test_a_request_that_the_registry_failed_at_is_given_back(
    limits: Callable[[Allowed], Limits],
) -> None:
    """A full disk would use up the budget of everybody who tries again."""
    shared = limits(FIVE_READS)
    for _ in range(20):
        limit = shared.on(Operation.READ)
        limit.count("robot", HERE)
        limit.give_back("robot", HERE)

    assert allowed_reads(shared, "robot", HERE) == 5


def test_a_listing_of_referrers_uses_both_budgets_or_none(
    limits: Callable[[Allowed], Limits],
) -> None:
    """A refused listing would use up the reads of the account all the same."""
    rates = (Rate(Operation.REFERRERS, 2), Rate(Operation.READ, 5))
    shared = limits(Allowed(account=rates))
    refused = 0
    for _ in range(4):
        try:
            shared.on(Operation.REFERRERS).count("robot", HERE)
        except LimitReached:
            refused += 1

    assert refused == 2
    assert allowed_reads(shared, "robot", HERE) == 3


def test_a_refusal_says_which_limit_whose_and_until_when(
    limits: Callable[[Allowed], Limits], clock: HandClock
) -> None:
    """Without that, people ask the operator, who does not know either."""
    shared = limits(FIVE_READS)
    allowed_reads(shared, "robot", HERE, 5)
    with pytest.raises(LimitReached) as of_account:
        shared.on(Operation.READ).count("robot", HERE)
    allowed_reads(shared, "", HERE, 5)
    with pytest.raises(LimitReached) as of_address:
        shared.on(Operation.READ).count("", HERE)

    assert of_account.value.message == (
        "too many read requests of this account: 5 a minute are allowed; try again in 12 seconds"
    )
    assert of_account.value.detail == {
        "setting": "account_limits",
        "limit": "read=5 requests a minute",
        "until_at": "2026-11-21T12:00:12+00:00",
    }
    assert "from this address without an account" in of_address.value.message
    assert +shared.refused == {("account_limits", "read"): 1, ("anonymous_limits", "read"): 1}


def test_one_second_is_not_called_seconds(limits: Callable[[Allowed], Limits]) -> None:
    """The message is read by people."""
    shared = limits(Allowed(account=(Rate(Operation.READ, 60),)))
    allowed_reads(shared, "robot", HERE, 60)

    with pytest.raises(LimitReached, match=r"in 1 second$"):
        shared.on(Operation.READ).count("robot", HERE)


def test_an_account_sends_as_many_uploads_at_the_same_time_as_it_may(
    limits: Callable[[Allowed], Limits],
) -> None:
    """One pipeline that pushes a hundred layers would leave no disk for the others."""
    shared = limits(Allowed(uploads=2))
    with shared.upload("robot", HERE):
        with shared.upload("robot", ELSEWHERE):
            with pytest.raises(LimitReached) as refused, shared.upload("robot", HERE):
                raise AssertionError
            with shared.upload("other", HERE), shared.upload("", HERE):
                pass
        with shared.upload("robot", HERE):
            pass

    assert refused.value.retry_after == 5
    assert "2 are allowed" in refused.value.message
    assert refused.value.detail["setting"] == "concurrent_uploads"
    assert +shared.refused == {("concurrent_uploads", "upload"): 1}


def test_an_upload_that_fails_leaves_its_place(limits: Callable[[Allowed], Limits]) -> None:
    """After a few lost connections nobody could push any more."""
    shared = limits(Allowed(uploads=1))
    for _ in range(3):
        with pytest.raises(ConnectionError), shared.upload("robot", HERE):
            raise ConnectionError
