"""./scripts/bench: measure acrux and its peers side by side."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from bench import machine, peers, report
from bench.plan import Workload
from bench.processes import BenchError
from bench.run import guarded, log, perform
from bench.scenario import FULL, QUICK
from bench.workloads import (
    blobs,
    cluster,
    collection,
    images,
    listings,
    manifests,
    memory,
    pages,
    start,
    tokens,
    uploads,
)

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
REFERENCE, CLUSTER = RESULTS / "reference.json", RESULTS / "cluster.json"
CLUSTER_BEGIN = "<!-- made by ./scripts/bench P10 -->"
WORKLOADS = {workload.name: workload for workload in (
    manifests.WORKLOAD, tokens.WORKLOAD, blobs.WORKLOAD, uploads.WORKLOAD,
    images.WORKLOAD, listings.WORKLOAD, memory.WORKLOAD, start.WORKLOAD,
    collection.WORKLOAD, pages.WORKLOAD, cluster.WORKLOAD,
)}  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="A few minutes; the figures are only a hint.")
@click.option("--rounds", type=click.IntRange(1, 100), help="How many times each case is measured.")
@click.option(
    "--publish", is_flag=True,
    help="Make the results the reference: store them, and write docs/explanation/performance.md.",
)  # fmt: skip
@click.option(
    "--render", type=click.Path(exists=True, path_type=Path),
    help="Print the tables of these results, without measuring anything.",
)  # fmt: skip
@click.option(
    "--get-peers", is_flag=True,
    help="Build distribution v3 and versitygw into your cache (with Go).",
)  # fmt: skip
def main(
    names: tuple[str, ...],
    rounds: int | None,
    render: Path | None,
    *,
    quick: bool,
    publish: bool,
    get_peers: bool,
) -> None:
    """Measure acrux and its peers side by side: all but P10, or those that you name.

    P10, equal nodes, needs PostgreSQL, versitygw, and root for control groups, so name it.

    Starts every server on a free port of this machine, in a temporary folder of its own. Fills all
    of them with the same content, and loads them in turn. Prints the tables, and stores the results
    in bench/results.

    \b
    Examples:
      ./scripts/bench --quick
      ./scripts/bench P1 P3 --rounds 5
      ./scripts/bench --publish
      ./scripts/bench P10 --publish
      ./scripts/bench --render bench/results/reference.json
    """
    chosen = [_workload(name) for name in names or [*WORKLOADS][:-1]]
    is_cluster = chosen == [cluster.WORKLOAD]
    if publish and names and not is_cluster:
        raise click.UsageError("--publish replaces all tables: use it without names, or with P10")
    if get_peers:
        sys.exit(guarded(lambda: click.echo(peers.get_peers())))

    def measure() -> None:
        results = report.read(render) if render else _measure(chosen, rounds, quick=quick)
        click.echo(report.render(results))
        if publish:
            _publish(results, is_cluster=is_cluster)
        results.check()

    sys.exit(guarded(measure))


def _publish(results: report.Results, *, is_cluster: bool) -> None:
    reference, begin = (CLUSTER, CLUSTER_BEGIN) if is_cluster else (REFERENCE, report.BEGIN)
    results.write(reference)
    report.write_page(PAGE, report.render(results), begin)
    log(f"wrote {PAGE.relative_to(ROOT)} and its reference")


def _workload(name: str) -> Workload:
    if name.upper() not in WORKLOADS:
        raise click.UsageError(f"there is no workload {name}: choose from {', '.join(WORKLOADS)}")
    return WORKLOADS[name.upper()]


def _measure(workloads: list[Workload], rounds: int | None, *, quick: bool) -> report.Results:
    missing = machine.missing()
    for how in missing.values():
        log(f"missing: {how}")
    workloads = _without_tools(workloads, missing)
    scale = QUICK if quick else FULL
    results = perform(workloads, replace(scale, rounds=rounds or scale.rounds), is_quick=quick)
    path = RESULTS / f"{results.date[:16].replace(' ', 'T').replace(':', '')}.json"
    results.write(path)
    log(f"wrote {path.relative_to(ROOT)}")
    return results


def _without_tools(workloads: list[Workload], missing: dict[str, str]) -> list[Workload]:
    if "wrk" not in missing:
        return workloads
    measurable = [workload for workload in workloads if not workload.needs_wrk]
    if not measurable:
        raise BenchError(f"nothing can be measured without {missing['wrk']}")
    for workload in workloads:
        if workload.needs_wrk:
            log(f"{workload.name} is skipped, since it needs wrk")
    return measurable


if __name__ == "__main__":
    main(prog_name="./scripts/bench")
