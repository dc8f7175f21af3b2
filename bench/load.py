"""Load by wrk, and by ab for HEAD, and the results in their output."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from bench.figures import Sample
from bench.processes import BenchError, Processes

SCRIPT = Path(__file__).with_name("wrk.lua")
PUSHES = Path(__file__).with_name("push.lua")
TIMEOUT = "30s"
MAX_REQUESTS = "100000000"  # requests, so many that the time ends the run and not their number

_RESULT = re.compile(r"^result (\{.*\})$", re.MULTILINE)
_RATE = re.compile(r"^Requests per second: +([\d.]+)", re.MULTILINE)
_FAILED = re.compile(r"^(?:Failed requests|Non-2xx responses|Write errors): +(\d+)", re.MULTILINE)
_PERCENT = re.compile(r"^(50|99),([\d.]+)$", re.MULTILINE)

Unit = Literal["requests/s", "MB/s"]


@dataclass(frozen=True, kw_only=True)
class Load:
    """Requests for one URL, or for the lines of a file, over kept connections for some seconds."""

    url: str
    connections: int
    seconds: int
    headers: Mapping[str, str] = field(default_factory=dict)
    lines: Path | None = None
    script: Path = SCRIPT
    unit: Unit = "requests/s"

    def run(self, processes: Processes) -> Sample:
        """GET, by wrk with one thread."""
        return read_wrk(processes.run(self.command), self.unit)

    def run_head(self, processes: Processes, percentages: Path) -> Sample:
        """HEAD, by ab: wrk would wait for the body that an answer to HEAD announces."""
        percentages.unlink(missing_ok=True)
        output = processes.run(self._ab(percentages))
        return read_ab(output, percentages.read_text())

    @property
    def command(self) -> Sequence[str]:
        """The command of wrk, whose output `read_wrk` reads."""
        return [
            "wrk", "-t1", f"-c{self.connections}", f"-d{self.seconds}s", "--timeout", TIMEOUT,
            *self._headers(), "-s", str(self.script), self.url,
            *(["--", str(self.lines)] if self.lines else []),
        ]  # fmt: skip

    def _ab(self, percentages: Path) -> Sequence[str]:
        return [
            "ab", "-q", "-i", "-k", "-r", "-c", str(self.connections), "-t", str(self.seconds),
            "-n", MAX_REQUESTS, "-e", str(percentages), *self._headers(), self.url,
        ]  # fmt: skip

    def _headers(self) -> list[str]:
        return [part for name, value in self.headers.items() for part in ("-H", f"{name}: {value}")]


@dataclass(frozen=True)
class _Result:
    requests: int
    bytes: int
    microseconds: int
    p50: int
    p99: int
    failures: int


def read_wrk(output: str, unit: Unit) -> Sample:
    """The result that wrk.lua printed. Raises BenchError if there is none."""
    found = _RESULT.search(output)
    if found is None:
        raise BenchError(f"wrk reported no result: {output.strip()[-300:]}")
    result = msgspec.json.decode(found[1], type=_Result)
    seconds = result.microseconds / 1e6
    value = result.bytes / 1e6 / seconds if unit == "MB/s" else result.requests / seconds
    # A run without a single answer has failed.
    failures = result.failures + (result.requests == 0)
    return Sample(value, result.p50 / 1000, result.p99 / 1000, failures)


def read_ab(output: str, percentages: str) -> Sample:
    """The result that ab printed, with the file of its percentages. Raises BenchError."""
    rate, percents = _RATE.search(output), dict(_PERCENT.findall(percentages))
    if rate is None or len(percents) < 2:
        raise BenchError(f"ab reported no result: {output.strip()[-300:]}")
    failures = sum(map(int, _FAILED.findall(output)))
    return Sample(float(rate[1]), float(percents["50"]), float(percents["99"]), failures)
