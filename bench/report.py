"""A run's results as JSON, and as the tables of docs/explanation/performance.md."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from bench.figures import Figure
from bench.plan import Verdict
from bench.processes import BenchError

_OUTCOMES = {True: "reached", False: "missed", None: "not known"}
BEGIN, END = "<!-- made by ./scripts/bench -->", "<!-- end -->"


@dataclass(frozen=True)
class CaseResult:
    """A case, its unit, and the figure of every server."""

    name: str
    unit: str
    servers: dict[str, Figure]


@dataclass(frozen=True)
class WorkloadResult:
    """A workload, its cases, and the verdicts on its aims."""

    name: str
    title: str
    note: str
    cases: list[CaseResult]
    aims: list[Verdict]
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything that a run found, and what it ran on."""

    date: str
    is_quick: bool
    rounds: int
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    missing: Mapping[str, str]
    workloads: list[WorkloadResult] = field(default_factory=list)

    def check(self) -> None:
        """Raises BenchError if a workload failed."""
        failed = [workload.name for workload in self.workloads if workload.failure]
        if failed:
            raise BenchError(f"not all could be measured: {', '.join(failed)} failed, see above")

    def write(self, path: Path) -> None:
        """Store them as JSON."""
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n")


def read(path: Path) -> Results:
    """The results that a file holds. Raises BenchError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except (OSError, msgspec.MsgspecError) as error:
        raise BenchError(f"{path} does not hold the results of a run: {error}") from None


def render(results: Results) -> str:
    """The tables, in Markdown."""
    return "\n".join(_lines(results)) + "\n"


def write_page(page: Path, text: str, begin: str = BEGIN) -> None:
    """Put the text between the marks of a page. Raises BenchError if it has none."""
    before, begun, rest = page.read_text().partition(begin)
    _, end, after = rest.partition(END)
    if not (begun and end):
        raise BenchError(f"{page.name} has no {begin} and {END}")
    page.write_text(f"{before}{begin}\n\n{text}\n{END}{after}")


def _lines(results: Results) -> Iterator[str]:
    quick = ", quick: no figures to rely on" if results.is_quick else ""
    yield f"Run of {results.date}, {results.rounds} rounds{quick}."
    yield ""
    yield "Machine: " + _listed(results.machine) + "."
    yield "Versions: " + _listed(results.versions) + "."
    for name, how in results.missing.items():
        yield f"Missing: {name} ({how})."
    for workload in results.workloads:
        yield ""
        yield f"### {workload.name}: {workload.title}"
        yield ""
        yield workload.note
        yield ""
        if workload.failure:
            yield f"Failed before its end: {workload.failure.partition(chr(10))[0]}"
            yield ""
        yield from _table(workload, _cell)
        if parts := _parts(workload):
            yield ""
            yield f"What one took: {' / '.join(parts)} (processor time in microseconds)."
            yield ""
            yield from _table(workload, partial(_cost_cell, parts))
        if workload.aims:
            yield ""
            yield from _aims(workload)


def _listed(pairs: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {text}" for name, text in pairs.items())


def _table(workload: WorkloadResult, cell: Callable[[Figure | None], str]) -> Iterator[str]:
    servers = list(dict.fromkeys(name for case in workload.cases for name in case.servers))
    yield "| Case | " + " | ".join(servers) + " |"
    yield "|---|" + "--:|" * len(servers)
    for case in workload.cases:
        figures = (case.servers.get(name) for name in servers)
        yield f"| {case.name}, {case.unit} | " + " | ".join(map(cell, figures)) + " |"


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    if not figure.is_valid:
        return f"no figure: {figure.failures} failed"
    value = f"{number(figure.median)} ±{figure.spread:.0%}"
    if figure.p50 is None or figure.p99 is None:
        return value
    return f"{value} ({number(figure.p50)} / {number(figure.p99)} ms)"


def _parts(workload: WorkloadResult) -> Sequence[str]:
    figures = [figure for case in workload.cases for figure in case.servers.values()]
    return list(dict.fromkeys(part for figure in figures for part in figure.costs))


def _cost_cell(parts: Sequence[str], figure: Figure | None) -> str:
    if figure is None or not figure.is_valid:
        return "-"
    return " / ".join(number(figure.costs[part]) if part in figure.costs else "-" for part in parts)


def _aims(workload: WorkloadResult) -> Iterator[str]:
    yield "| Aim | Measured | |"
    yield "|---|--:|---|"
    for aim in workload.aims:
        measured = "-" if aim.value is None else number(aim.value)
        yield f"| {aim.aim} | {measured} | {_OUTCOMES[aim.is_reached]} |"


def number(value: float) -> str:
    """A number with as many digits as mean something: 12,345, 123, 12.3, 1.23, 0.012."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.2g}"
