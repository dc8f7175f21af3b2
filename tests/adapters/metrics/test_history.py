"""The rates of the last hour."""

from datetime import UTC, datetime, timedelta

import pytest

from acrux.adapters.metrics.families import Values
from acrux.adapters.metrics.history import KEPT, History

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Counting:
    """What all processes counted, and the time."""

    def __init__(self) -> None:
        self.values: Values = {}
        self.now = NOON

    def read(self) -> Values:
        """The values."""
        return self.values

    def clock(self) -> datetime:
        """The time."""
        return self.now

    def counted(self, route: str, status: str, count: float, seconds: float) -> None:
        """Requests were answered, in so many seconds together."""
        self.values["acrux_http_requests_total", route, "GET", status] = [count]
        self.values["acrux_http_request_duration_seconds", route, "GET"] = [seconds, count]


@pytest.fixture
def counting() -> Counting:
    """Nothing was counted yet, at noon."""
    return Counting()


async def test_rates_are_those_between_two_samples(counting: Counting) -> None:
    """Whoever looks wants to know how it is now, and not since the start."""
    history = History(counting.read, counting.clock)
    await history.sample()
    counting.now += timedelta(seconds=10)
    counting.counted("/v2/", "200", 30, 6)
    counting.counted("/v2/_catalog", "503", 10, 2)
    counting.counted("/livez", "200", 1000, 1)
    await history.sample()

    (rate,) = history.rates()

    assert (rate.until, rate.requests_per_second) == (NOON + timedelta(seconds=10), 4)
    assert (rate.failures_per_second, rate.mean_seconds) == (1, 0.2)


@pytest.mark.parametrize("route", ["/livez", "/metrics/recent", "/web/static/{name}"])
async def test_what_every_page_and_probe_asks_for_is_in_no_chart(
    counting: Counting, route: str
) -> None:
    """One page asks for four files: they would hide what people and pipelines do."""
    history = History(counting.read, counting.clock)
    await history.sample()
    counting.now += timedelta(seconds=10)
    counting.counted(route, "200", 1000, 1)
    await history.sample()

    (rate,) = history.rates()

    assert (rate.requests_per_second, rate.mean_seconds) == (0, 0)


@pytest.mark.parametrize("seconds", [0, -60])
async def test_a_clock_that_goes_back_leaves_a_gap(counting: Counting, seconds: int) -> None:
    """Rates of less than no time would be infinite, or negative."""
    history = History(counting.read, counting.clock)
    for _ in range(2):
        await history.sample()
        counting.now += timedelta(seconds=seconds)

    assert history.rates() == []


async def test_an_hour_is_kept(counting: Counting) -> None:
    """A registry runs for months."""
    history = History(counting.read, counting.clock)
    for _ in range(KEPT + 10):
        await history.sample()
        counting.now += timedelta(seconds=15)

    rates = history.rates()
    assert len(rates) == KEPT
    assert rates[-1].until == counting.now - timedelta(seconds=15)
