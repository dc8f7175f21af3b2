"""A shell in a terminal, which takes the commands of a page one after another."""

import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

STEP_SECONDS: Final = 60
LOOK_SECONDS: Final = 0.05

# Reads the name of a file from one pipe, runs what stands in it, and tells the other how it ended.
# Two words for the setup of a page: `stands_for SHOWN VALUE` lets a real value take the place of
# one that the page shows, and `types PASSWORD` says what is typed at prompts from now on.
_LOOP: Final = """
stands_for() {{ printf '%s\\t%s\\n' "$1" "$2" >> "$STEPS/stands"; }}
types() {{ printf '%s' "$1" > "$STEPS/password"; }}
while read -r step <&{asked}; do
    . "$step" > "$step.out" 2>&1 {asked}<&- {told}>&-
    echo $? >&{told}
done
"""

_ASKS: Final = re.compile(rb"(?:password|confirmation)[^\n]*: ?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    output: str


class Shell:
    """bash, as somebody types into it: what one command sets, the next one finds.

    A command that asks for a password is given the one that was last named with `types`.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._steps = folder.parent / f"{folder.name}-steps"
        self._steps.mkdir()
        self._number = 0
        (self._steps / "stands").touch()
        (self._steps / "password").touch()
        self._terminal, terminal = pty.openpty()
        asked, self._ask = os.pipe()
        self._told, told = os.pipe()
        self._process = subprocess.Popen(
            # A terminal becomes that of a session when the first of it opens it.
            ["bash", "--norc", "-c", f"exec <{os.ttyname(terminal)}\n"
             + _LOOP.format(asked=asked, told=told)],
            cwd=folder, env={**environ, "STEPS": str(self._steps)}, pass_fds=(asked, told),
            stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal, start_new_session=True,
        )  # fmt: skip
        for descriptor in (terminal, asked, told):
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for descriptor in (self._terminal, self._ask, self._told):
            os.close(descriptor)

    @property
    def stands(self) -> list[tuple[str, str]]:
        """What a page shows, and what it stands for here."""
        lines = (self._steps / "stands").read_text().splitlines()
        return [(shown, value) for shown, _, value in (line.partition("\t") for line in lines)]

    def run(self, command: str) -> Done:
        """Run a command to its end. Raises TimeoutError after STEP_SECONDS."""
        self._number += 1
        step = self._steps / str(self._number)
        step.write_text(f"{command}\n")
        output = step.with_name(f"{step.name}.out")
        os.write(self._ask, f"{step}\n".encode())
        deadline, answered = time.monotonic() + STEP_SECONDS, b""
        while not select.select([self._told], [], [], LOOK_SECONDS)[0]:
            printed = self._typed() or (output.read_bytes() if output.exists() else b"")
            if printed != answered and _ASKS.search(printed):
                answered = printed
                password = (self._steps / "password").read_text()
                os.write(self._terminal, f"{password}\n".encode())
            if time.monotonic() > deadline:
                raise TimeoutError(f"$ {command}\nruns for longer than {STEP_SECONDS} s")
        code = os.read(self._told, 16).decode().strip()
        self._typed()
        return Done(int(code or -1), output.read_text(errors="replace"))

    def _typed(self) -> bytes:
        """What came to the terminal since the last look."""
        if not select.select([self._terminal], [], [], 0)[0]:
            return b""
        return os.read(self._terminal, 1 << 16).rstrip(b"\r")
