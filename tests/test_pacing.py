"""Background work leaves most of the time to requests while these arrive."""

import pytest

from acrux.pacing import (
    BURST_SECONDS,
    LEAST_SECONDS,
    MOST_RESTS,
    REQUESTS_PER_SECOND,
    Pacer,
)


class Server:
    """A server whose time passes by hand, and the requests that it has begun to answer."""

    def __init__(self) -> None:
        self.now = 0.0
        self.requests = 0
        self.rested: list[float] = []
        self.pacer = Pacer(lambda: self.requests, lambda: self.now, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.rested.append(seconds)
        self.now += seconds

    async def work(self, seconds: float, rate: float) -> float:
        """Work while requests arrive at this rate a second; how long it then rests."""
        self.now += seconds
        self.requests += round(seconds * rate)
        await self.pacer()
        return self.rested[-1]


async def test_it_works_on_while_nobody_asks_for_anything() -> None:
    """A night of collection would become a week."""
    server = Server()

    assert {await server.work(0.1, rate=0) for _ in range(50)} == {LEAST_SECONDS}


@pytest.mark.parametrize(
    ("rate", "rests"),
    [
        (REQUESTS_PER_SECOND / 4, 1 / 4),
        (REQUESTS_PER_SECOND, 1),
        (REQUESTS_PER_SECOND * 3, 3),
        (REQUESTS_PER_SECOND * 100, MOST_RESTS),
    ],
)
async def test_it_rests_the_longer_the_more_requests_arrive(rate: float, rests: float) -> None:
    """Reads beside it took three times as long; a health check must not hold it up."""
    server = Server()

    rest = await server.work(BURST_SECONDS, rate)

    assert rest == pytest.approx(rests * BURST_SECONDS, rel=0.02)


async def test_it_works_in_bursts() -> None:
    """Each commit makes the cache of reads void: between bursts it must have time to help."""
    server = Server()

    rests = [await server.work(BURST_SECONDS / 4, rate=2000) for _ in range(8)]

    assert [rest > LEAST_SECONDS for rest in rests] == [False, False, False, True] * 2


async def test_the_time_before_there_was_work_is_not_counted() -> None:
    """The first rest after a quiet hour would last eight."""
    server = Server()

    assert await server.work(3600, rate=1e6) == MOST_RESTS * BURST_SECONDS


async def test_what_arrived_during_the_last_burst_and_its_rest_is_not_counted_again() -> None:
    """It would rest for ever after one busy minute."""
    server = Server()
    await server.work(BURST_SECONDS, rate=5000)

    assert await server.work(BURST_SECONDS, rate=0) == LEAST_SECONDS
