"""./scripts/bench: measure acrux and its peers side by side."""

import sys
from dataclasses import replace
from pathlib import Path

import click

from bench import machine, peers, report
from bench.household import BenchError
from bench.plan import Work
from bench.run import guarded, perform, tell
from bench.stage import FULL, QUICK
from bench.works import blobs, images, listings, manifests, memory, start, tokens, uploads

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
WORKS = {work.name: work for work in (
    manifests.WORK, tokens.WORK, blobs.WORK, uploads.WORK,
    images.WORK, listings.WORK, memory.WORK, start.WORK,
)}  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Under two minutes; the figures are only a hint.")
@click.option("--rounds", type=click.IntRange(1, 100), help="How often each is measured.")
@click.option(
    "--publish", is_flag=True,
    help="Let the results be the reference: keep them, and write docs/explanation/performance.md.",
)  # fmt: skip
@click.option(
    "--render", type=click.Path(exists=True, path_type=Path),
    help="Measure nothing: show the tables of these results.",
)  # fmt: skip
@click.option("--get-peers", is_flag=True, help="Build distribution v3 into your cache (with Go).")
def main(
    names: tuple[str, ...],
    rounds: int | None,
    render: Path | None,
    *,
    quick: bool,
    publish: bool,
    get_peers: bool,
) -> None:
    """Measure acrux and its peers side by side: P1 to P8, or those that are named.

    Starts every server on a free port of this machine with a temporary folder of its own, fills
    all with the same content, and loads them in turn. Prints the tables, and keeps the results in
    bench/results.

    \b
    Examples:
      ./scripts/bench --quick
      ./scripts/bench P1 P3 --rounds 5
      ./scripts/bench --publish
      ./scripts/bench --render bench/results/reference.json
    """
    chosen = [_work(name) for name in names or WORKS]
    if publish and names:
        raise click.UsageError("--publish replaces all tables: it takes no names")
    if get_peers:
        sys.exit(guarded(lambda: click.echo(peers.get_peers())))

    def measure() -> None:
        results = report.read(render) if render else _measure(chosen, rounds, quick=quick)
        click.echo(report.render(results))
        if publish:
            results.write(RESULTS / "reference.json")
            report.write_page(PAGE, results)
            tell(f"wrote {PAGE.relative_to(ROOT)} and its reference")
        results.check()

    sys.exit(guarded(measure))


def _work(name: str) -> Work:
    if name.upper() not in WORKS:
        raise click.UsageError(f"there is no {name}: choose among {', '.join(WORKS)}")
    return WORKS[name.upper()]


def _measure(works: list[Work], rounds: int | None, *, quick: bool) -> report.Results:
    missing = machine.missing()
    for how in missing.values():
        tell(f"missing: {how}")
    works = _without_tools(works, missing)
    scale = QUICK if quick else FULL
    results = perform(works, replace(scale, rounds=rounds or scale.rounds), is_quick=quick)
    place = RESULTS / f"{results.date[:16].replace(' ', 'T').replace(':', '')}.json"
    results.write(place)
    tell(f"wrote {place.relative_to(ROOT)}")
    return results


def _without_tools(works: list[Work], missing: dict[str, str]) -> list[Work]:
    if "wrk" not in missing:
        return works
    able = [work for work in works if not work.needs_wrk]
    if not able:
        raise BenchError(f"nothing of this can be measured without {missing['wrk']}")
    for work in works:
        if work.needs_wrk:
            tell(f"without wrk {work.name} is left out")
    return able


if __name__ == "__main__":
    main(prog_name="./scripts/bench")
