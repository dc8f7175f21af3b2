"""What the registry counted, for people: sums, routes, durations."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from msgspec import Struct

from acrux.tally import UNCHARTED

REQUESTS: Final = "acrux_http_requests_total"
DURATION: Final = "acrux_http_request_duration_seconds"
BUSIEST: Final = 12  # routes that are shown


class Route(Struct, frozen=True):
    """A route: its requests, those that failed by our fault, and the mean time in seconds."""

    route: str
    method: str
    requests: int
    failures: int
    seconds: float


class Column(Struct, frozen=True):
    """How many answers took at most `seconds`, and more than the column before it.

    `share` is that of the highest column, from 0 to 1. The last column has no limit.
    """

    seconds: float | None
    answers: int
    share: float


class Metrics:
    """The page of /metrics, read."""

    def __init__(self, page: str) -> None:
        from prometheus_client.parser import (  # noqa: PLC0415 -- slow to import, seldom needed
            text_string_to_metric_families,
        )

        self._samples = [
            (sample.name, sample.labels, sample.value)
            for family in text_string_to_metric_families(page)
            for sample in family.samples
        ]

    def total(self, name: str) -> float | None:
        """The sum of a metric over all its labels, None if it is not there."""
        values = [value for other, _, value in self._samples if other == name]
        return sum(values) if values else None

    def instant(self, name: str) -> str:
        """The instant that a metric gives, as the API writes one; empty if it is not there."""
        seconds = self.total(name)
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()

    def busiest(self) -> Sequence[Route]:
        """The routes with the most requests, without probes and files."""
        counts: dict[tuple[str, str], int] = {}
        failures: dict[tuple[str, str], int] = {}
        for route, labels, value in self._of_routes(REQUESTS):
            counts[route] = counts.get(route, 0) + int(value)
            if labels["status"].startswith("5"):
                failures[route] = failures.get(route, 0) + int(value)
        sums = {route: value for route, _, value in self._of_routes(f"{DURATION}_sum")}
        found = [
            Route(*route, count, failures.get(route, 0), sums.get(route, 0.0) / max(count, 1))
            for route, count in counts.items()
        ]
        return sorted(found, key=lambda one: (-one.requests, one.route))[:BUSIEST]

    def durations(self) -> Sequence[Column]:
        """How long the answers took, without probes and files, up to the slowest."""
        upto: dict[float, float] = {}
        for _, labels, value in self._of_routes(f"{DURATION}_bucket"):
            limit = float(labels["le"])
            upto[limit] = upto.get(limit, 0) + value
        steps = [(0.0, 0.0), *sorted(upto.items())]
        answers = [(limit, int(after - before)) for (_, before), (limit, after) in pairwise(steps)]
        while answers and not answers[-1][1]:
            answers.pop()
        highest = max((count for _, count in answers), default=0)
        return [
            Column(None if limit == float("inf") else limit, count, count / highest)
            for limit, count in answers
        ]

    def _of_routes(self, name: str) -> Sequence[tuple[tuple[str, str], Mapping[str, str], float]]:
        return [
            ((labels["route"], labels["method"]), labels, value)
            for other, labels, value in self._samples
            if other == name and labels["route"] not in UNCHARTED
        ]
