"""Figures: what a round gave, and what the rounds say together."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """What one round gave: a value in the unit of its case, latencies in milliseconds.

    `costs` is what one unit took of each part of a cluster, see cluster.costs.
    """

    value: float
    p50: float | None = None
    p99: float | None = None
    failures: int = 0
    costs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figure:
    """What the rounds say together: medians of the values, of the latencies, of the costs."""

    median: float
    lowest: float
    highest: float
    p50: float | None
    p99: float | None
    failures: int
    rounds: tuple[float, ...]
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        """Whether every request was answered as expected; otherwise the figure means nothing."""
        return self.failures == 0

    @property
    def spread(self) -> float:
        """Half the distance between the lowest and the highest round, as a share of the median."""
        return (self.highest - self.lowest) / 2 / self.median if self.median else 0.0


def summarize(samples: Sequence[Sample]) -> Figure:
    """The figure of these rounds; there must be at least one."""
    values = tuple(sample.value for sample in samples)
    return Figure(
        median=statistics.median(values),
        lowest=min(values),
        highest=max(values),
        p50=_median_of([sample.p50 for sample in samples]),
        p99=_median_of([sample.p99 for sample in samples]),
        failures=sum(sample.failures for sample in samples),
        rounds=values,
        costs={
            name: statistics.median(sample.costs[name] for sample in samples if sample.costs)
            for name in next((sample.costs for sample in samples if sample.costs), {})
        },
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that `percent` of the values do not exceed; there must be at least one."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)  # rounded up
    return ordered[max(int(rank), 1) - 1]


def _median_of(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
