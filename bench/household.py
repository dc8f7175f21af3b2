"""The processes of a run: each that was started is ended, with all below it."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # what ends a run
TERM_SECONDS = 5
ANSWER_SECONDS = 30
LOG_LINES = 5


class BenchError(Exception):
    """The run cannot go on; the message says why, and what to do."""


class Program:
    """A process that was started here, in a group of its own, with what it says in a file."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._log = log
        with log.open("ab") as output:  # appends, so that the file can be cut while it runs
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                    env=environ, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise BenchError(f"{name}: {command[0]} cannot be run ({error.strerror})") from None

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it ended. It is not waited for, so that its group keeps its number."""
        if self._process.returncode is not None:
            return True
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, flags) is not None

    def wait(self) -> int:
        """Its exit code, once it has ended by itself."""
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        return self.end()

    def end(self) -> int:
        """End it and all below it: politely, then not."""
        if self._process.returncode is None:
            if not self.has_ended():
                os.killpg(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + TERM_SECONDS
            while not self.has_ended() and time.monotonic() < deadline:
                time.sleep(0.01)
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        return self._process.wait()

    def said(self) -> str:
        """All that it said."""
        return self._log.read_text(errors="replace")

    def cut_log(self) -> None:
        """Forget what it said, so that a log of every request never fills the disk."""
        os.truncate(self._log, 0)

    def await_answer(self, port: int) -> None:
        """Wait until it accepts connections. Raises BenchError where it ends instead."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not accepts(port):
            if self.has_ended():
                raise BenchError(f"{self.name} ended before it answered{self._last_words()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} did not answer on port {port}{self._last_words()}")
            time.sleep(0.01)

    def _last_words(self) -> str:
        lines = self.said().strip().splitlines()[-LOG_LINES:]
        return "".join(f"\n  {line[:300]}" for line in lines)


class Household:
    """All programs of a run. Leaving the block ends those that still run, the last one first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs: list[Program] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        with held():
            while self._programs:
                self.end(self._programs[-1])

    def start(
        self, name: str, command: Sequence[str], environ: Mapping[str, str] | None = None
    ) -> Program:
        """Start a program that runs on."""
        with held():
            log = self._folder / f"{len(list(self._folder.glob('*.log')))}.log"
            program = Program(name, command, log, environ)
            self._programs.append(program)
        return program

    def serve(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        environ: Mapping[str, str] | None = None,
    ) -> Program:
        """Start a server and wait until it answers. Raises BenchError where it does not."""
        if accepts(port):
            raise BenchError(f"{name}: port {port} is taken by another program: run this again")
        program = self.start(name, command, environ)
        program.await_answer(port)
        return program

    def end(self, program: Program) -> None:
        """End a program before the others."""
        program.end()
        self._programs.remove(program)

    def run(self, command: Sequence[str]) -> str:
        """What a program says until its end. Raises BenchError where it fails."""
        name = Path(command[0]).name
        log = self._folder / "run.log"
        log.unlink(missing_ok=True)
        with held():
            program = Program(name, command, log)
            self._programs.append(program)
        code = program.wait()
        self._programs.remove(program)
        if code != 0:
            raise BenchError(f"{name} failed with {code}: {program.said().strip()[-500:]}")
        return program.said()

    def rest(self) -> None:
        """Between two rounds: nothing waits to be written. Raises BenchError where one died."""
        for program in self._programs:
            if program.has_ended():
                raise BenchError(f"{program.name} ended in the middle of the run")
            program.cut_log()
        os.sync()


@contextmanager
def held() -> Iterator[None]:
    """Let an interruption wait until the block ends, where it would lose something."""
    came: list[int] = []
    before = {kind: signal.signal(kind, lambda kind, _: came.append(kind)) for kind in ENDING}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
        if came:
            signal.raise_signal(came[0])


def free_port() -> int:
    """A port of this machine's own address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0
