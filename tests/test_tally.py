"""What is counted as work, and what as a failure of it."""

import time

import pytest

from acrux.tally import Work


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
