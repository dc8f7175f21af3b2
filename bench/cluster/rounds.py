"""Rounds of a cluster: the same load on each of its nodes at once, and what it cost."""

from collections.abc import Callable, Sequence
from functools import partial

from bench.cluster.costs import Meter
from bench.figures import Sample
from bench.load import Load, read_wrk
from bench.plan import Round
from bench.processes import Processes
from bench.servers import Acrux

Loads = Callable[[Acrux], Load]


def on_each(processes: Processes, meter: Meter, nodes: Sequence[Acrux], load: Loads) -> Round:
    """A round that loads all of these nodes at the same time, by a program for each."""
    loads = [load(node) for node in nodes]
    return partial(meter.measured, partial(_run, processes, loads))


def _run(processes: Processes, loads: Sequence[Load]) -> Sample:
    printed = processes.run_together([load.command for load in loads])
    return together(
        [read_wrk(output, load.unit) for output, load in zip(printed, loads, strict=True)]
    )


def together(samples: Sequence[Sample]) -> Sample:
    """The sum of what was measured at the same time; of latencies the longest."""
    return Sample(
        sum(sample.value for sample in samples),
        max(sample.p50 or 0 for sample in samples),
        max(sample.p99 or 0 for sample in samples),
        sum(sample.failures for sample in samples),
    )
