"""What rounds amount to together, and how the output of the tools is read."""

from dataclasses import replace

import pytest

from bench.figures import Figure, Sample, percentile, summarize
from bench.load import read_ab, read_wrk
from bench.plan import Aim, Case, Figures, measure
from bench.processes import BenchError
from bench.scenario import QUICK

WRK = """\
Running 1s test @ http://127.0.0.1:5000/
  Requests/sec:   2000.00

result {"requests":4000,"bytes":262144000,"microseconds":2000000,"p50":1500,"p99":4250,\
"failures":%d}
"""

AB = """\
Complete requests:      2963
Failed requests:        %d
Non-2xx responses:      2
Requests per second:    1481.50 [#/sec] (mean)
"""

CURVE = "Percentage served,Time in ms\n0,0.1\n50,1.504\n99,7.25\n100,9.0\n"


def figure(median: float, *, p99: float | None = None, failures: int = 0) -> Figure:
    """A figure of which only these fields matter."""
    return Figure(median, median, median, p99, p99, failures, (median,))


def test_the_median_of_the_rounds_counts() -> None:
    """One round on a busy machine must not decide."""
    samples = [Sample(100, 1.0, 2.0), Sample(10, 9.0, 90.0), Sample(110, 1.5, 3.0)]

    found = summarize(samples)

    assert (found.median, found.lowest, found.highest) == (100, 10, 110)
    assert (found.p50, found.p99) == (1.5, 3.0)
    assert found.spread == 0.5
    assert found.rounds == (100, 10, 110)


def test_one_failed_request_makes_the_figure_invalid() -> None:
    """Refusing is faster than answering."""
    assert summarize([Sample(1), Sample(1)]).is_valid
    assert not summarize([Sample(1), Sample(1, failures=1)]).is_valid


def test_a_figure_without_a_latency_shows_none() -> None:
    """A figure for memory has no latency of 0 ms."""
    assert summarize([Sample(1), Sample(2)]).p99 is None


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (1, 1), (50, 50), (99, 99), (99.5, 100), (100, 100)]
)
def test_a_percentile_is_one_of_the_measured_values(percent: float, expected: float) -> None:
    """A p99 must be a latency that was really measured."""
    assert percentile(list(range(100, 0, -1)), percent) == expected


def test_the_result_of_wrk_is_read() -> None:
    """Requests or bytes a second, and latencies in milliseconds."""
    assert read_wrk(WRK % 0, "requests/s") == Sample(2000, 1.5, 4.25)
    assert read_wrk(WRK % 0, "MB/s").value == pytest.approx(131.072)
    assert read_wrk(WRK % 3, "requests/s").failures == 3


def test_the_result_of_ab_is_read() -> None:
    """Failed answers and refusals both count as failures."""
    assert read_ab(AB % 1, CURVE) == Sample(1481.5, 1.504, 7.25, failures=3)


def test_a_load_without_a_result_is_reported() -> None:
    """Another version of the tool may print something else."""
    with pytest.raises(BenchError, match="wrk reported no result: usage"):
        read_wrk("usage", "requests/s")
    with pytest.raises(BenchError, match="ab reported no result: usage"):
        read_ab("usage", CURVE)
    with pytest.raises(BenchError, match="ab reported no result"):
        read_ab(AB % 0, "")


GET = ("GET, 32", "acrux")
V3 = ("GET, 32", "v3")
NGINX = ("GET, 32", "nginx")


@pytest.mark.parametrize(
    ("aim", "sentence", "value", "is_reached"),
    [
        (Aim(cell=GET, relative_to=[V3], at_least=4), "GET, 32: acrux >= 4 times v3", 4, True),
        (Aim(cell=GET, relative_to=[V3], at_least=4.5), "GET, 32: acrux >= 4.5 times v3", 4, False),
        (Aim(cell=GET, at_least=500), "GET, 32: acrux >= 500", 400, False),
        (Aim(cell=GET, measure="p99", at_most=10), "GET, 32: p99 acrux <= 10", 8, True),
        (
            Aim(cell=GET, relative_to=[V3, NGINX], at_least=1),
            "GET, 32: acrux >= 1 times the best of v3 and nginx",
            0.5,
            False,
        ),
        (
            Aim(cell=GET, relative_to=[("HEAD", "acrux")], at_least=1),
            "GET, 32: acrux >= 1 times “HEAD”",
            2,
            True,
        ),
    ],
)
def test_an_aim_is_judged(aim: Aim, sentence: str, value: float, *, is_reached: bool) -> None:
    """The aim stands beside the measurement."""
    figures: Figures = {
        GET: figure(400, p99=8), V3: figure(100), NGINX: figure(800), ("HEAD", "acrux"): figure(200)
    }  # fmt: skip

    verdict = aim.judge(figures)

    assert (verdict.aim, verdict.value, verdict.is_reached) == (sentence, value, is_reached)


@pytest.mark.parametrize("figures", [{GET: figure(1)}, {GET: figure(1), V3: figure(1, failures=1)}])
def test_without_a_figure_nothing_is_known(figures: Figures) -> None:
    """A peer that is missing or failed was not beaten."""
    verdict = Aim(cell=GET, relative_to=[V3], at_least=4).judge(figures)

    assert (verdict.value, verdict.is_reached) == (None, None)


def test_servers_take_turns() -> None:
    """A machine that slows down in the middle of a run slows all of them."""
    order: list[str] = []

    def round_of(name: str) -> Sample:
        order.append(name)
        return Sample(len(order))

    case = Case("GET", "requests/s", {"a": lambda: round_of("a"), "b": lambda: round_of("b")})
    scale = replace(QUICK, rounds=2)
    figures = dict(measure(case, scale, lambda: order.append("-"), lambda _: None))

    assert "".join(order) == "-a-b-a-b"
    assert figures["a"].rounds == (2, 6)
