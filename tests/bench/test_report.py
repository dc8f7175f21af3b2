"""The tables, the results on disk, and mistakes in the arguments."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import report
from bench.__main__ import main
from bench.figures import Figure
from bench.plan import Verdict
from bench.processes import BenchError
from tests.running import ROOT

RESULTS = report.Results(
    date="2026-11-21 10:46 UTC",
    is_quick=False,
    rounds=3,
    machine={"cores": "2", "kernel": "Linux 6.1"},
    versions={"acrux": "0.1.0"},
    missing={"nginx": "nginx: sudo apt-get install nginx-light"},
    workloads=[
        report.WorkloadResult(
            "P1", "manifest by tag", "A note.",
            [
                report.CaseResult(
                    "GET, 32", "requests/s",
                    {
                        "acrux": Figure(28456.3, 28000, 29000, 1.021, 4.25, 0, (28456.3,)),
                        "v3": Figure(6543.2, 6000, 7000, 4.9, 12.4, 2, (6543.2,)),
                    },
                ),
                report.CaseResult("memory", "MB", {"acrux": Figure(1, 1, 1, None, None, 0, (1,))}),
            ],
            [Verdict("acrux >= 4 times v3", 4.349, True), Verdict("as v2.8", None, None)],
        )
    ],
)  # fmt: skip

TABLE = """\
| Case | acrux | v3 |
|---|--:|--:|
| GET, 32, requests/s | 28,456 ±2% (1.02 / 4.25 ms) | no figure: 2 failed |
| memory, MB | 1.00 ±0% | - |

| Aim | Measured | |
|---|--:|---|
| acrux >= 4 times v3 | 4.35 | reached |
| as v2.8 | - | not known |
"""


def test_the_table_shows_everything() -> None:
    """You see values, spread, latencies, failures and what was missing."""
    text = report.render(RESULTS)

    assert text.startswith("Run of 2026-11-21 10:46 UTC, 3 rounds.\n")
    assert "Machine: cores 2, kernel Linux 6.1." in text
    assert "Missing: nginx (nginx: sudo apt-get install nginx-light)." in text
    assert text.endswith(f"### P1: manifest by tag\n\nA note.\n\n{TABLE}")


def test_the_table_of_a_cluster_shows_what_took_the_time() -> None:
    """You see what was the limit: a node, the database, the store or the load."""
    costs = {"node": 70.0, "statements": 0.25}
    figure = Figure(100, 90, 110, None, None, 0, (100,), costs)
    [workload] = RESULTS.workloads
    cases = [report.CaseResult("GET", "requests/s", {"one node": figure})]
    results = replace(RESULTS, workloads=[replace(workload, cases=cases, aims=[])])

    assert report.render(results).endswith(
        """
| Case | one node |
|---|--:|
| GET, requests/s | 100 ±10% |

What one took: node / statements (processor time in microseconds).

| Case | one node |
|---|--:|
| GET, requests/s | 70.0 / 0.25 |
"""
    )


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    """The table of an old run can be recreated."""
    RESULTS.write(tmp_path / "results" / "a.json")

    assert report.read(tmp_path / "results" / "a.json") == RESULTS


def test_a_file_that_holds_no_results_is_reported(tmp_path: Path) -> None:
    """Someone may pass any JSON by mistake."""
    (tmp_path / "a.json").write_text("{}")

    with pytest.raises(BenchError, match="does not hold the results of a run"):
        report.read(tmp_path / "a.json")


def test_the_page_keeps_what_people_wrote(tmp_path: Path) -> None:
    """The harness owns only the part between the marks."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    report.write_page(page, report.render(RESULTS))

    text = page.read_text()
    assert text.startswith(f"before\n{report.BEGIN}\n\nRun of ")
    assert text.endswith(f"{TABLE}\n{report.END}\nafter\n")
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    """The table's place cannot be guessed."""
    page = tmp_path / "page.md"
    page.write_text("a page")

    with pytest.raises(BenchError, match=r"page\.md has no <!-- made by"):
        report.write_page(page, report.render(RESULTS))
    assert page.read_text() == "a page"


def test_the_documented_table_is_that_of_the_reference() -> None:
    """A figure that was edited by hand is worthless."""
    documented = (ROOT / "docs" / "explanation" / "performance.md").read_text()
    reference = report.read(ROOT / "bench" / "results" / "reference.json")

    assert report.render(reference) in documented


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.0123, "0.012")],
)
def test_a_number_shows_what_was_measured(value: float, text: str) -> None:
    """Digits that differ in the next run only pretend to be precise."""
    assert report.number(value) == text


def test_a_part_is_not_published() -> None:
    """Otherwise the tables of the other workloads would be gone."""
    result = CliRunner().invoke(main, ["P1", "--publish"])

    assert result.exit_code == 2
    assert "--publish replaces all tables" in result.output


def test_a_workload_that_failed_says_so() -> None:
    """Half a table must not pass for a whole one."""
    workload = report.WorkloadResult(
        "P1", "manifests", "A note.", [], [], "v3 ended\n  its last words"
    )
    results = replace(RESULTS, workloads=[workload])

    assert "\nFailed before its end: v3 ended\n" in report.render(results)
    with pytest.raises(BenchError, match="P1 failed"):
        results.check()


def test_an_unknown_workload_is_reported() -> None:
    """A mistyped name must not measure everything instead."""
    result = CliRunner().invoke(main, ["P11"])

    assert result.exit_code == 2
    assert "there is no workload P11: choose from P1, " in result.output
