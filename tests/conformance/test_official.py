"""The official OCI conformance program, if it is installed."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conformance.official import VARIABLE, Results, variables
from tests.running import RunningRegistry

pytestmark = pytest.mark.xdist_group("conformance")

JUNIT = """<testsuites time="1.0" {counts}>
  <testsuite name="OCI Conformance Test" tests="9" failures="0" errors="0" time="1.0">
  </testsuite>
</testsuites>"""


@pytest.mark.parametrize("version", ["1.1", "dev"])
def test_the_official_program_finds_nothing_to_fail_and_nothing_to_skip(
    registry: RunningRegistry, tmp_path: Path, version: str
) -> None:
    """The checklist here is our reading of the specification; this program is everyone's."""
    program = os.environ.get(VARIABLE)
    if not program:
        pytest.skip(f"{VARIABLE} does not name the official conformance program")

    done = subprocess.run(
        [program], cwd=tmp_path, env=variables(registry, version, tmp_path / "results"),
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert Results.read(tmp_path / "results").is_conformant, done.stdout


def written(folder: Path, counts: str, *statuses: str) -> Path:
    """The files that the program would have written."""
    (folder / "junit.xml").write_text(JUNIT.format(counts=counts))
    lines = "\n".join(f"  API {number}: {status}" for number, status in enumerate(statuses))
    (folder / "results.yaml").write_text(f"config:\n  registry: localhost:5000\napis:\n{lines}\n")
    return folder


def test_a_run_in_which_all_passed_is_conformant(tmp_path: Path) -> None:
    """Otherwise the gate would refuse everything, and would be removed."""
    results = Results.read(written(tmp_path, 'tests="9"', "Pass", "Pass"))

    assert results == Results(9, 0, 0, 0, 0, frozenset({"Pass"}))
    assert results.is_conformant


@pytest.mark.parametrize("count", ["skipped", "disabled", "failures", "errors"])
def test_a_run_in_which_anything_did_not_pass_is_not_conformant(tmp_path: Path, count: str) -> None:
    """A skipped test is an unchecked promise."""
    assert not Results.read(written(tmp_path, f'tests="9" {count}="1"', "Pass")).is_conformant


@pytest.mark.parametrize("status", ["Skip", "Disabled", "FAIL", "Error"])
def test_an_api_that_did_not_pass_is_not_conformant(tmp_path: Path, status: str) -> None:
    """The counts may look fine although a whole API was never called."""
    assert not Results.read(written(tmp_path, 'tests="9"', "Pass", status)).is_conformant


def test_a_run_without_tests_is_not_conformant(tmp_path: Path) -> None:
    """The program exits with 0 even if its configuration is wrong."""
    assert not Results.read(written(tmp_path, 'tests="0"')).is_conformant
    with pytest.raises(FileNotFoundError):
        Results.read(tmp_path / "nowhere")
