"""The processes of a run: each one is stopped in the end, with its group."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TERM_SECONDS = 5
ANSWER_SECONDS = 30
LOG_LINES = 5


class BenchError(Exception):
    """The run cannot go on; the message says why, and what to do."""


class Process:
    """A process that was started here, in a group of its own, with its output in a file."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:  # appends, so that the file can be emptied while it runs
            try:
                self._popen = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    env=environ, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise BenchError(f"{name}: {command[0]} cannot be run ({error.strerror})") from None

    @property
    def pid(self) -> int:
        """The id of the process, and of its group."""
        return self._popen.pid

    def has_ended(self) -> bool:
        """Whether it has exited. It is not reaped, so that its group keeps its id."""
        if self._popen.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def wait(self) -> int:
        """Wait until it exits by itself; return its exit code."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.end()

    def end(self) -> int:
        """Stop it and its group, with SIGTERM first and then with SIGKILL; return its exit code."""
        if self._popen.returncode is None:
            if not self.has_ended():
                os.killpg(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + TERM_SECONDS
            while not self.has_ended() and time.monotonic() < deadline:
                time.sleep(0.01)
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._popen.wait()

    def output(self) -> str:
        """Everything that it printed."""
        return self._log.read_text(errors="replace")

    def clear_log(self) -> None:
        """Empty its log, so that a line for each request never fills the disk."""
        os.truncate(self._log, 0)

    def await_answer(self, port: int) -> None:
        """Wait until it accepts connections. Raises BenchError if it exits instead."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not accepts(port):
            if self.has_ended():
                raise BenchError(f"{self.name} exited before it answered{self._log_tail()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} did not answer on port {port}{self._log_tail()}")
            time.sleep(0.01)

    def _log_tail(self) -> str:
        lines = self.output().strip().splitlines()[-LOG_LINES:]
        return "".join(f"\n  {line[:300]}" for line in lines)


class Processes:
    """All processes of a run. Leaving the block stops those that still run, the last one first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[Process] = []
        self._afterwards: list[Callable[[], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with deferred_signals():
            while self._running:
                self.end(self._running[-1])
            for act in self._afterwards:
                act()

    def afterwards(self, act: Callable[[], None]) -> None:
        """Call `act` when no process runs any more."""
        self._afterwards.append(act)

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> Process:
        """Start a process and let it run."""
        with deferred_signals():
            log = self._folder / f"{len(list(self._folder.glob('*.log')))}.log"
            process = Process(name, command, log, environ)
            self._running.append(process)
        return process

    def serve(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        environ: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a server and wait until it answers. Raises BenchError if it does not."""
        if accepts(port):
            raise BenchError(f"{name}: port {port} is taken by another program: run this again")
        process = self.start(name, command, environ)
        process.await_answer(port)
        return process

    def end(self, process: Process) -> None:
        """Stop one process; the others keep running."""
        process.end()
        self._running.remove(process)

    def run(self, command: Sequence[str]) -> str:
        """Run a command to its end; return what it printed. Raises BenchError if it fails."""
        name = Path(command[0]).name
        log = self._folder / "run.log"
        log.unlink(missing_ok=True)
        with deferred_signals():
            process = Process(name, command, log)
            self._running.append(process)
        code = process.wait()
        self._running.remove(process)
        if code != 0:
            raise BenchError(f"{name} failed with {code}: {process.output().strip()[-500:]}")
        return process.output()

    def run_together(self, commands: Sequence[Sequence[str]]) -> list[str]:
        """Run commands at the same time; return what each printed. Raises BenchError."""
        started = [self.start(Path(command[0]).name, command) for command in commands]
        codes = [process.wait() for process in started]
        for process in started:
            self._running.remove(process)
        for process, code in zip(started, codes, strict=True):
            if code != 0:
                raise BenchError(f"{process.name} failed: {process.output().strip()[-500:]}")
        return [process.output() for process in started]

    def settle(self) -> None:
        """Leave no write pending between rounds. Raises BenchError if a process has exited."""
        for process in self._running:
            if process.has_ended():
                raise BenchError(f"{process.name} exited in the middle of the run")
            process.clear_log()
        os.sync()


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer the signals that stop a run until the block ends, so that nothing is left behind."""
    received: list[int] = []
    before = {
        kind: signal.signal(kind, lambda kind, _: received.append(kind)) for kind in STOP_SIGNALS
    }
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        if received:
            signal.raise_signal(received[0])


def free_port() -> int:
    """A free port of this machine's loopback address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether a program listens on the port."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
