"""The simulation, held to what was measured, and the page that shows it."""

from bench import report, scale
from bench.scale import Measured
from tests.running import ROOT

RESULTS = report.read(scale.MEASURED)


def test_the_simulation_reproduces_what_was_measured() -> None:
    """Whoever extrapolates with a model that is wrong for three nodes plans for nothing."""
    off = {
        (one.case, nodes): error
        for one in Measured(RESULTS).compare()
        for nodes, error in enumerate(one.errors, 1)
        if abs(error) > scale.TOLERANCE
    }

    assert not off


def test_the_page_shows_what_the_command_prints() -> None:
    """A figure that was edited by hand is worthless."""
    assert scale.render(RESULTS) in scale.PAGE.read_text()


def test_the_figures_of_a_cluster_are_those_of_its_run() -> None:
    """The same for the figures of the measured nodes."""
    documented = (ROOT / "docs" / "explanation" / "performance.md").read_text()

    assert report.render(RESULTS) in documented
