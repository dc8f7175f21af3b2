"""The test process's end of the connection to its keeper."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from threading import Lock
from typing import Final

import msgspec

from acrux.settings import PREFIX
from acrux.testing.errors import NotStarted
from acrux.testing.messages import Kept, NotKept, Start, Stop

# Imports leave nothing to collect, and looking for it would take a tenth of their time.
KEEP: Final = (
    "import gc; gc.disable(); from acrux.testing import keeper; gc.enable(); keeper.main()"
)

LONGEST_WAIT: Final = 120  # seconds; the keeper itself gives a registry half as long


class Leash:
    """A keeper that runs as long as this object is open and this process lives."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._control.settimeout(LONGEST_WAIT)
        with theirs:
            self._keeper = subprocess.Popen(  # noqa: S603 -- this very Python
                [sys.executable, "-P", "-c", KEEP, str(os.getpid())],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env={name: text for name, text in os.environ.items() if not _is_setting(name)},
                # Ctrl-C is for the tests, which then close this.
                start_new_session=True,
            )
        self._answers = self._control.makefile("rb")
        self._lock = Lock()

    def start(self, wanted: Start) -> Kept:
        """The registry, which answers. Raises NotStarted."""
        return self._ask(wanted)

    def stop(self, pid: int) -> None:
        """End a registry, which may have ended with its keeper already."""
        with suppress(NotStarted):
            self._ask(Stop(pid))

    def close(self) -> None:
        """End the keeper, and all registries with it."""
        with suppress(OSError):  # the keeper has ended
            self._control.shutdown(socket.SHUT_RDWR)  # even if a fork of this process has it open
        self._answers.close()
        self._control.close()
        self._keeper.wait(LONGEST_WAIT)

    def _ask(self, wanted: Start | Stop) -> Kept:
        with self._lock:
            line = b""
            with suppress(OSError):
                self._control.sendall(msgspec.json.encode(wanted) + b"\n")
                line = self._answers.readline()
        if not line:
            raise NotStarted(
                "the process that starts registries has ended or hangs: see standard error"
            )
        answer = msgspec.json.decode(line, type=Kept | NotKept)
        if isinstance(answer, NotKept):
            raise NotStarted(answer.problem)
        return answer


def _is_setting(variable: str) -> bool:
    return variable.startswith(PREFIX)
