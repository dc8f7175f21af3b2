"""The plan: workloads, their cases and aims, and the order of the rounds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bench.figures import Figure, Sample, summarize
from bench.scenario import Scale, Scenario

Round: TypeAlias = Callable[[], Sample]


@dataclass(frozen=True)
class Case:
    """One thing that is measured in one unit, on several servers in turn."""

    name: str
    unit: str
    rounds: Mapping[str, Round]  # by the name of the server


# A cell of a workload's table: the case and the server.
Cell: TypeAlias = tuple[str, str]
Figures: TypeAlias = Mapping[Cell, Figure]


@dataclass(frozen=True, kw_only=True)
class Aim:
    """A bound for the figure of a cell: absolute, or a multiple of the best of other cells."""

    cell: Cell
    relative_to: Sequence[Cell] = ()
    measure: Literal["median", "p99"] = "median"
    at_least: float | None = None
    at_most: float | None = None

    @property
    def sentence(self) -> str:
        """The aim in a few words."""
        bound = f">= {self.at_least:g}" if self.at_least is not None else f"<= {self.at_most:g}"
        best = " and ".join(self._other(cell) for cell in self.relative_to)
        times = (
            f" times {'the best of ' if len(self.relative_to) > 1 else ''}{best}"
            if self.relative_to
            else ""
        )
        measure = "p99 " if self.measure == "p99" else ""
        case, server = self.cell
        return f"{case}: {measure}{server} {bound}{times}"

    def judge(self, figures: Figures) -> "Verdict":
        """Whether it was reached; unknown if a figure is missing or not valid."""
        needed = [figures.get(cell) for cell in (self.cell, *self.relative_to)]
        values = [getattr(figure, self.measure) for figure in needed if figure and figure.is_valid]
        if len(values) < len(needed) or None in values:
            return Verdict(self.sentence, None, None)
        value = values[0] / max(values[1:]) if self.relative_to else values[0]
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return Verdict(self.sentence, value, above and below)

    def _other(self, cell: Cell) -> str:
        case, server = cell
        if case == self.cell[0]:
            return server
        return f"“{case}”" if server == self.cell[1] else f"{server} at “{case}”"


@dataclass(frozen=True)
class Verdict:
    """An aim, what was measured, and whether that reaches it; None if nothing is known."""

    aim: str
    value: float | None
    is_reached: bool | None


@dataclass(frozen=True)
class Workload:
    """A kind of load: its number, what it is, its cases, and what is aimed for."""

    name: str
    title: str
    note: str
    cases: Callable[[Scenario], Iterator[Case]]
    aims: tuple[Aim, ...]
    needs_wrk: bool = True


def measure(
    case: Case, scale: Scale, settle: Callable[[], None], log: Callable[[str], None]
) -> Iterator[tuple[str, Figure]]:
    """The figure of every server. Rounds alternate, A B A B, so that drift affects all alike.

    If the scale says so, a first round of each only warms up. `settle` is called before every
    round, to let the machine come to rest.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in case.rounds}
    for number in range(0 if scale.is_warm else 1, scale.rounds + 1):
        for name, run in case.rounds.items():
            log(f"{case.name}: {name}, {f'round {number}' if number else 'warming up'}")
            settle()
            sample = run()
            if number:
                samples[name].append(sample)
    for name, measured in samples.items():
        yield name, summarize(measured)
