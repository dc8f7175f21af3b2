"""A run that never ends, to be interrupted: endless FIFO [failing]."""

import sys
from collections.abc import Iterator

from bench.figures import Sample
from bench.plan import Case, Workload
from bench.processes import BenchError
from bench.run import guarded, perform
from bench.scenario import QUICK, Scenario

# The script and its child hold the pipe open while either lives, and neither exits on request.
PROGRAM = 'trap "" TERM; exec 9>"$0"; echo begun >&9; sleep 1000 & wait'


def cases(scenario: Scenario) -> Iterator[Case]:
    """A case that waits forever for its only round, or fails at once."""
    scenario.processes.start("endless", ["sh", "-c", PROGRAM, sys.argv[1]])
    if sys.argv[2:] == ["failing"]:
        with open(sys.argv[1]) as pipe:  # noqa: PTH123 -- as short as possible
            pipe.readline()
        raise BenchError("failed on purpose")

    def wait() -> Sample:
        scenario.processes.run(["sleep", "1000"])
        return Sample(1)

    yield Case("endless", "rounds", {"nobody": wait})


def main() -> None:
    """Run the case."""
    workload = Workload("P0", "nothing", "", cases, ())
    sys.exit(guarded(lambda: perform([workload], QUICK, is_quick=True).check()))


if __name__ == "__main__":
    main()
