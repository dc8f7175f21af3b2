"""Standard error that nobody waits for; what does not fit is counted."""

import asyncio
import io
import os
import select
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from typing import Final

MAX_WAITING: Final = 1 << 20  # bytes
TEXT_BYTES: Final = 64  # of a text's own weight
FLUSH_SECONDS: Final = 1.0  # how long the end of a process waits for a reader


class StandardError(io.TextIOBase):
    """A text stream on `descriptor` whose `write` never blocks.

    A pipe that nobody reads would otherwise hold up every request. What does not fit into `room`
    bytes is left out; where lines are missing, `lost` renders one with their number. Safe to fork:
    the child starts with nothing waiting, and a thread of its own.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self, descriptor: int, lost: Callable[[int], str], room: int = MAX_WAITING
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._render_lost = lost
        self._room = room
        self._renew()
        os.register_at_fork(after_in_child=self._renew)

    def _renew(self) -> None:
        # The thread is not in the child, and may have held the lock when it was forked.
        self._changed = Condition()
        self._waiting: deque[str | int] = deque()  # a number: so many lines are missing here
        self._waiting_bytes = 0
        self._is_writing = False
        self._thread: Thread | None = None

    def fileno(self) -> int:
        """The descriptor beneath, for whoever writes to it directly."""
        return self._descriptor

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Keep the text for the thread, or count its lines where there is no room."""
        size = len(text.encode(self.encoding, self.errors)) + TEXT_BYTES
        with self._changed:
            if self._waiting_bytes + size > self._room:
                self._lose(text.count("\n"))
            else:
                self._waiting.append(text)
                self._waiting_bytes += size
            if self._thread is None:
                self._thread = Thread(target=self._run, name="acrux-stderr", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return len(text)

    def _lose(self, lines: int) -> None:
        before = self._waiting[-1] if self._waiting else None
        if isinstance(before, int):
            self._waiting[-1] = before + lines
        else:
            self._waiting.append(lines)

    def flush(self) -> None:
        """Wait up to FLUSH_SECONDS until all is written; on an event loop, not at all."""
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return
        with self._changed:
            self._changed.wait_for(self.is_empty, FLUSH_SECONDS)

    def is_empty(self) -> bool:
        """Whether all was written that there was room for."""
        return not (self._waiting or self._is_writing)

    def _run(self) -> None:
        lost = 0  # since the last text that was written
        while True:
            one = self._take()
            text = self._render_lost(one + lost) if isinstance(one, int) else one
            if lost and isinstance(one, str):
                text = self._render_lost(lost) + text
            if self._put(text):
                lost = 0
            else:
                lost += one if isinstance(one, int) else one.count("\n")
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()

    def _take(self) -> str | int:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            self._is_writing = True
            one = self._waiting.popleft()
            if isinstance(one, str):
                self._waiting_bytes -= len(one.encode(self.encoding, self.errors)) + TEXT_BYTES
            return one

    def _put(self, text: str) -> bool:
        rest = memoryview(text.encode(self.encoding, self.errors))
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # somebody who shares it has made it so
                select.select([], [self._descriptor], [])
            except OSError:  # a full disk, or a reader that is gone
                return False
        return True
