"""Values of metrics in the two text formats that scrapers read."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.openmetrics import exposition as open_metrics

from acrux.adapters.metrics.families import FAMILIES, Family, Kind, Values
from acrux.tally import BOUNDS

# The values of the labels of one series, and its numbers.
_Series: TypeAlias = tuple[tuple[str, ...], list[float]]


def render(values: Values, *, is_open_metrics: bool) -> tuple[bytes, str]:
    """The page, and its media type.

    Not chosen by `choose_encoder` of prometheus_client, which repeats the version that a client
    names, and raises ValueError for one that is no number.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(values))
    if is_open_metrics:
        page: bytes = open_metrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return page, open_metrics.CONTENT_TYPE_LATEST
    return generate_latest(registry), CONTENT_TYPE_PLAIN_0_0_4


class _Collector:
    """See prometheus_client.registry.Collector."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        series: dict[str, list[_Series]] = {}
        for (name, *labels), numbers in sorted(self._values.items()):
            series.setdefault(name, []).append((tuple(labels), numbers))
        for name, family in FAMILIES.items():
            if name in series:
                yield _metric(family, series[name])


_FAMILIES: Final[Mapping[Kind, Callable[..., Any]]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.SUMMARY: SummaryMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.LATEST: GaugeMetricFamily,
    Kind.INFO: InfoMetricFamily,
}


def _metric(family: Family, series: Iterable[_Series]) -> Metric:
    make = _FAMILIES[family.kind]
    # prometheus_client adds the ending again, as it does with `_total`.
    metric: Metric = make(family.name.removesuffix("_info"), family.meaning, labels=family.labels)
    for labels, numbers in series:
        metric.add_metric(labels, *_arguments(family.kind, numbers))  # type: ignore[attr-defined]
    return metric


def _arguments(kind: Kind, numbers: list[float]) -> list[Any]:
    match kind:
        case Kind.HISTOGRAM:
            return [_cumulative(numbers[1:]), numbers[0]]
        case Kind.INFO:
            return [{}]
        case _:
            return numbers


def _cumulative(buckets: list[float]) -> list[tuple[str, float]]:
    bounds = (*map(str, BOUNDS), "+Inf")
    return list(zip(bounds, accumulate(buckets), strict=True))
