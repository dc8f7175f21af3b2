"""What a process counts of its own work, in plain numbers."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, ParamSpec, TypeVar

from msgspec import Struct

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# The upper bounds of the buckets of durations, in seconds. A manifest takes a tenth of the first, a
# layer may take minutes.
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)

# The routes that orchestrators, scrapers and every page ask for, which say nothing about how much
# there is to do: charts leave them out.
UNCHARTED: Final = frozenset(
    {"/livez", "/readyz", "/metrics", "/metrics/recent", "/web/static/{name}"}
)


class Work(Struct):
    """How often something was done, how often that failed, and the seconds it took in total.

    Only one thread may add to it: `+=` on a number is not safe among several.
    """

    count: int = 0
    failures: int = 0
    seconds: float = 0.0

    def add(self, began: float, *, failed: bool = False) -> None:
        """Count what has just ended; `began` is a value of `time.perf_counter`."""
        self.seconds += time.perf_counter() - began
        self.count += 1
        self.failures += failed

    @contextmanager
    def measured(self, *failures: type[BaseException]) -> Iterator[None]:
        """Count what is done within it, as a context; only these errors are failures of it."""
        began, failed = time.perf_counter(), False
        try:
            yield
        except failures:
            failed = True
            raise
        finally:
            self.add(began, failed=failed)

    def measuring(
        self, do: Callable[Arguments, Result], *failures: type[BaseException]
    ) -> Callable[Arguments, Result]:
        """The same function, counted as `measured` does, for a fifth of the time that takes."""

        def done(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
            began, failed = time.perf_counter(), False
            try:
                return do(*args, **named)
            except failures:
                failed = True
                raise
            finally:
                self.add(began, failed=failed)

        return done
