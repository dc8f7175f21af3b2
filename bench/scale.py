"""What larger clusters would do, simulated from the costs of P10: python -m bench.scale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from bench import report
from bench.cluster.costs import STATEMENTS
from bench.cluster.nodes import CORES
from bench.cluster.simulation import (
    Machines,
    Outcome,
    Reads,
    Writes,
    simulate_reads,
    simulate_writes,
)
from bench.figures import Figure
from bench.report import Results, number
from bench.workloads.cluster import (
    BY_DIGEST,
    BY_TAG,
    CONNECTIONS,
    FREE,
    IMAGE,
    LARGE,
    LIMITED,
    LIST,
    ONE,
    PUSH,
    PUSH_ALONE,
    REDIRECTED,
    SMALL,
    TOKEN,
)

ROOT: Final = Path(__file__).parent.parent
MEASURED: Final = ROOT / "bench" / "results" / "cluster.json"
PAGE: Final = ROOT / "docs" / "explanation" / "scale.md"
BEGIN: Final = "<!-- made by python -m bench.scale -->"

TOLERANCE: Final = 0.25  # of each measured figure
READS: Final = (BY_DIGEST, BY_TAG, LIST, TOKEN, SMALL)
SHOWN: Final = (BY_TAG, LIST, TOKEN, SMALL, LARGE, REDIRECTED, PUSH, IMAGE)
PUSHES: Final = {PUSH: CONNECTIONS, PUSH_ALONE: 1}

# The push of a manifest takes 14 statements and a savepoint while its node holds the lock, and
# about 5 before that (counted by pg_stat_statements).
LOCKED_TRIPS: Final = 15
TRIPS: Final = LOCKED_TRIPS + 5
# Of what a push takes of its node, this share was taken between the lock and the commit: 0.95 to
# 1.1 of 3.6 to 3.9 ms, over one connection, with and without a limit.
LOCKED_SHARE: Final = 0.27
# Who holds the lock waits for little of what its node does for others, who mostly wait themselves:
# of 1.9 ms that a node took while one push had the lock, 0.95 ms were for others. Work in pieces of
# so many seconds reproduces that.
PIECE: Final = 30e-6

SIZES: Final = (1, 3, 10, 100, 1000, 10_000)
LARGE_DATABASE: Final = 32  # cores
DISTANCE: Final = 0.0003  # seconds to the database and back, within a data centre
HOT: Final = 100
COMMITS: Final = (0, 10, 100)  # in a second
AT_MOST: Final = 20  # nodes that are simulated; more share a database that is as much smaller
SECONDS: Final = 0.2
MEASURED_SECONDS: Final = 4.0


@dataclass(frozen=True)
class Comparison:
    """A case on one, two and three limited nodes: what was measured, what was simulated."""

    case: str
    measured: tuple[float, ...]
    simulated: tuple[float, ...]

    @property
    def errors(self) -> tuple[float, ...]:
        """By what share of the measured each simulated figure is off."""
        return tuple(
            one / other - 1 for one, other in zip(self.simulated, self.measured, strict=True)
        )


class Measured:
    """The figures of P10. Times are seconds."""

    def __init__(self, results: Results) -> None:
        [workload] = [one for one in results.workloads if one.name == "P10"]
        self._servers: Mapping[str, Mapping[str, Figure]] = {
            case.name: case.servers for case in workload.cases
        }
        self._cores = float(results.machine["cores"])

    def compare(self) -> Iterator[Comparison]:
        """What the simulation makes of the costs of one limited node, beside what was measured."""
        for case in READS:
            reads = self.reads(case, ONE)
            yield self._compared(
                case, [simulate_reads(at, reads, MEASURED_SECONDS) for at in self._limited()]
            )
        for case, clients in PUSHES.items():
            writes = self.writes(case, ONE)
            yield self._compared(
                case,
                [simulate_writes(at, writes, MEASURED_SECONDS) for at in self._limited(clients)],
            )

    def costs(self, server: str) -> Iterator[tuple[str, Mapping[str, float]]]:
        """What each thing takes: microseconds of processor time, and statements."""
        for case in SHOWN:
            unit = "MB of a " if case == LARGE else ""
            yield f"{unit}{case}", self._servers[case][server].costs

    def reads(self, case: str, server: str) -> Reads:
        """What such requests cost; a query costs what a statement of a push does."""
        costs, push = self._costs(case, server), self._costs(PUSH, server)
        return Reads(
            node=costs["node"],
            look=costs["postgresql"] / costs[STATEMENTS],
            query=push["postgresql"] / push[STATEMENTS],
        )

    def writes(self, case: str, server: str) -> Writes:
        """What the push of a manifest costs.

        How long a commit waits for the disk is what is left of one push by itself.
        """
        costs = self._costs(case, server)
        node = costs["node"] * (1 - LOCKED_SHARE)
        locked = LOCKED_TRIPS / TRIPS
        alone = self._servers[PUSH_ALONE][FREE]
        working = sum(alone.costs[part] for part in ("node", "postgresql", "store")) / 1e6
        return Writes(
            node=node,
            database=costs["postgresql"] * (1 - locked),
            steps=max(round(node / PIECE), 1),
            locked_node=costs["node"] - node,
            locked_database=costs["postgresql"] * locked,
            round_trips=LOCKED_TRIPS,
            sync=max(1 / alone.median - working, 0),
        )

    def _costs(self, case: str, server: str) -> Mapping[str, float]:
        costs = self._servers[case][server].costs
        return {part: cost if part == STATEMENTS else cost / 1e6 for part, cost in costs.items()}

    def _compared(self, case: str, outcomes: Sequence[Outcome]) -> Comparison:
        figures = self._servers[case]
        return Comparison(
            case,
            tuple(figures[name].median for name in LIMITED),
            tuple(outcome.rate for outcome in outcomes),
        )

    def _limited(self, clients: int = CONNECTIONS) -> Iterator[Machines]:
        for nodes, _ in enumerate(LIMITED, 1):
            yield Machines(
                nodes=nodes, node_cores=CORES, clients=clients,
                database_cores=self._cores - nodes * CORES,
            )  # fmt: skip


def extrapolate(reads: Reads, nodes: int, commits: float) -> Outcome:
    """So many nodes of a core each, on one large database, beside so many commits in a second."""
    simulated = min(nodes, AT_MOST)
    share = simulated / nodes
    machines = Machines(
        nodes=simulated, database_cores=LARGE_DATABASE * share, distance=DISTANCE,
        clients=CONNECTIONS * 4,
    )  # fmt: skip
    found = simulate_reads(machines, reads, SECONDS, commits)
    return Outcome(found.rate / share, found.database_cores / share)


def render(results: Results) -> str:
    """The tables of docs/explanation/scale.md, in Markdown."""
    return "\n".join(_lines(Measured(results))) + "\n"


def _lines(measured: Measured) -> Iterator[str]:
    yield from _cost_lines(measured)
    yield ""
    yield "| In a second | one node | two nodes | three nodes |"
    yield "|---|--:|--:|--:|"
    for one in measured.compare():
        cells = [
            f"{number(found)} / {number(made)} ({error:+.0%})"
            for found, made, error in zip(one.measured, one.simulated, one.errors, strict=True)
        ]
        yield f"| {one.case}, measured / simulated | " + " | ".join(cells) + " |"
    yield ""
    titles = [f"{commits} commits/s" if commits else "no commits" for commits in COMMITS]
    yield "| Nodes | " + " | ".join(titles) + " |"
    yield "|--:|" + "--:|" * len(titles)
    reads = measured.reads(BY_TAG, FREE)
    many = Reads(node=reads.node, look=reads.look, query=reads.query, hot=HOT)
    for nodes in SIZES:
        cells = [_cell(extrapolate(many, nodes, commits)) for commits in COMMITS]
        yield f"| {nodes:,} | " + " | ".join(cells) + " |"


def _cost_lines(measured: Measured) -> Iterator[str]:
    yield (
        "| One | node, µs | PostgreSQL, µs | store, µs | statements | by a core of nodes, /s |"
        f" by {LARGE_DATABASE} cores of PostgreSQL, /s |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|"
    for name, costs in measured.costs(FREE):
        node, database = costs["node"], costs["postgresql"]
        cells = [node, database, costs["store"], costs[STATEMENTS], 1e6 / node]
        rates = [*map(number, cells), number(1e6 * LARGE_DATABASE / database) if database else "-"]
        yield f"| {name} | " + " | ".join(rates) + " |"


def _cell(outcome: Outcome) -> str:
    return f"{outcome.rate:,.0f} ({number(outcome.database_cores)})"


@click.command()
@click.option("--publish", is_flag=True, help="Write the tables into docs/explanation/scale.md.")
def main(*, publish: bool) -> None:
    """Simulate clusters with the costs that `./scripts/bench P10 --publish` measured.

    The first table compares the simulation with what was measured. The second one has manifests in
    a second, and the cores of the database that are in use, for up to 10,000 nodes.
    """
    text = render(report.read(MEASURED))
    click.echo(text)
    if publish:
        report.write_page(PAGE, text, BEGIN)


if __name__ == "__main__":
    main()
