"""How many requests there were in the last hour, and how long they took."""

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from msgspec import Struct

from acrux.adapters.metrics.families import Values
from acrux.ports.clock import Clock
from acrux.tally import UNCHARTED

EVERY_SECONDS: Final = 15
KEPT: Final = 240  # samples: an hour

_REQUESTS: Final = "acrux_http_requests_total"
_DURATION: Final = "acrux_http_request_duration_seconds"


class Sample(Struct, frozen=True):
    """What was counted up to an instant: requests, failures by our fault, seconds."""

    at: datetime
    requests: float
    failures: float
    seconds: float


class Rate(Struct, frozen=True, rename="camel"):
    """Requests in each second, those that failed by our fault, and the mean time in seconds."""

    until: datetime
    requests_per_second: float
    failures_per_second: float
    mean_seconds: float


class History:
    """Samples of what all processes counted; `read` returns that. Each process has its own."""

    def __init__(self, read: Callable[[], Values], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._samples: deque[Sample] = deque(maxlen=KEPT + 1)

    async def sample(self) -> None:
        """Take a sample; to be called every EVERY_SECONDS."""
        requests = failures = seconds = 0.0
        for (name, *labels), numbers in self._read().items():
            if name == _REQUESTS and labels[0] not in UNCHARTED:
                requests += numbers[0]
                failures += numbers[0] if labels[2].startswith("5") else 0
            elif name == _DURATION and labels[0] not in UNCHARTED:
                seconds += numbers[0]
        self._samples.append(Sample(self._clock(), requests, failures, seconds))

    def rates(self) -> Sequence[Rate]:
        """What happened between each two samples. A clock that was set back leaves a gap."""
        return [
            _rate(before, after)
            for before, after in pairwise(self._samples)
            if before.at < after.at and before.requests <= after.requests
        ]


def _rate(before: Sample, after: Sample) -> Rate:
    lasted, requests = (after.at - before.at).total_seconds(), after.requests - before.requests
    return Rate(
        until=after.at,
        requests_per_second=requests / lasted,
        failures_per_second=(after.failures - before.failures) / lasted,
        mean_seconds=(after.seconds - before.seconds) / max(requests, 1),
    )
