"""The parts of P10 that need no cluster."""

import hashlib
import os
import sys
import urllib.request
from pathlib import Path

import pytest

from bench.cluster.costs import LOAD, STATEMENTS, Meter
from bench.cluster.rounds import together
from bench.figures import Sample, summarize
from bench.processes import BenchError, Process, Processes, free_port
from tests.running import until

BURN = "import time\nwhile time.process_time() < 0.3: pass\nprint('warm', flush=True)\n"
SERVE = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port={port}, bind='127.0.0.1')"


def test_a_round_says_what_each_part_took(tmp_path: Path) -> None:
    """The simulation is fed with it."""
    counts = iter((100, 140))
    with Processes(tmp_path) as processes:

        def burn() -> Sample:
            shell = ["sh", "-c", '"$1" -c "$2"; exec sleep 60', "sh", sys.executable, BURN]
            parts["node"].append(processes.start("node", shell))
            until(lambda: "warm" in parts["node"][0].output())
            return Sample(100.0)

        parts: dict[str, list[Process]] = {"node": []}
        costs = Meter(parts, lambda: next(counts)).measured(burn).costs

    assert set(costs) == {"node", LOAD, STATEMENTS}
    assert costs["node"] / costs[STATEMENTS] == pytest.approx(0.3e6 / 40, rel=0.5)


def test_the_costs_of_the_rounds_are_their_medians() -> None:
    """One disturbed round must not decide."""
    samples = [Sample(1, costs={"node": cost}) for cost in (5.0, 90.0, 6.0)]

    assert summarize(samples).costs == {"node": 6.0}
    assert summarize([Sample(1)]).costs == {}


def test_nodes_that_are_loaded_at_once_add_up() -> None:
    """A cluster is as slow as its slowest node, and fails if one does."""
    found = together([Sample(10, 1.0, 9.0), Sample(20, 2.0, 3.0, failures=1)])

    assert (found.value, found.p50, found.p99, found.failures) == (30, 2.0, 9.0, 1)


def test_programs_run_at_the_same_time(tmp_path: Path) -> None:
    """Otherwise two nodes would be loaded one after the other."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with Processes(tmp_path) as processes:
        printed = processes.run_together(
            [["sh", "-c", f"echo met > {fifo}"], ["sh", "-c", f"cat {fifo}"]]
        )

    assert printed == ["", "met\n"]


def test_a_program_that_fails_is_named(tmp_path: Path) -> None:
    """Half a load is no figure."""
    with Processes(tmp_path) as processes, pytest.raises(BenchError, match="sh failed: oh no"):
        processes.run_together([["sh", "-c", "echo oh no; exit 3"], ["true"]])


def test_a_slow_line_changes_nothing(tmp_path: Path) -> None:
    """What is measured behind it is the same blob."""
    content = os.urandom(300_000)
    (tmp_path / "blob").write_bytes(content)
    port, line = free_port(), free_port()
    server = ["sh", "-c", f'cd {tmp_path} && exec "$1" -c "$2"', "sh", sys.executable]
    relay = [sys.executable, "-m", "bench.cluster.relay", str(line), str(port), "5000000"]
    with Processes(tmp_path) as processes:
        processes.serve("server", [*server, SERVE.format(port=port)], port)
        processes.serve("line", relay, line)
        with urllib.request.urlopen(f"http://127.0.0.1:{line}/blob", timeout=60) as answer:
            found = answer.read()

    assert hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
