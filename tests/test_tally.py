"""What is counted, and into which bucket it falls."""

import time

import pytest

from acrux.tally import BOUNDS, Durations, Work


def test_a_duration_falls_into_the_first_bucket_that_it_does_not_exceed() -> None:
    """A bucket of Prometheus holds what is less than or equal to its bound."""
    durations = Durations()

    for seconds in (0.0, BOUNDS[0], BOUNDS[0] + 1e-9, BOUNDS[-1], BOUNDS[-1] + 1):
        durations.add(seconds)

    assert durations.buckets == [2, 1, *[0] * (len(BOUNDS) - 3), 1, 1]
    assert durations.seconds == pytest.approx(2 * BOUNDS[0] + 2 * BOUNDS[-1] + 1)


@pytest.mark.parametrize("way", ["measured", "measuring"])
def test_only_the_named_errors_are_failures(way: str) -> None:
    """A blob that does not exist is no reason to wake somebody at night."""
    work = Work()

    def do(failure: type[Exception] | None) -> str:
        if failure:
            raise failure
        return "done"

    def count(failure: type[Exception] | None) -> str:
        if way == "measuring":
            return work.measuring(do, OSError)(failure)
        with work.measured(OSError):
            return do(failure)

    assert count(None) == "done"
    with pytest.raises(KeyError):
        count(KeyError)
    with pytest.raises(TimeoutError):
        count(TimeoutError)
    assert (work.count, work.failures) == (3, 1)


def test_time_adds_up() -> None:
    """The mean is this sum, divided by the count."""
    work = Work()

    work.add(time.perf_counter() - 2)
    work.add(time.perf_counter() - 1, failed=True)

    assert 3 <= work.seconds < 4
    assert (work.count, work.failures) == (2, 1)
