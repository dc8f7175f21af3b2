"""Standard error that never blocks; lines that do not fit are counted."""

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
TEXT_BYTES: Final = 64  # overhead of a text
FLUSH_SECONDS: Final = 1.0  # how long a process that ends waits for a reader


class StandardError(io.TextIOBase):
    """A text stream on `descriptor` whose `write` never blocks.

    Otherwise a pipe that nobody reads would hold up every request. Text that does not fit into
    `room` bytes is dropped; in its place comes a line that `lost` makes of the number of missing
    lines. `lost` counts them since the start. Safe to fork: the child starts with nothing waiting,
    and with its own thread.
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
        # The child has no thread, and the parent's may have held the lock during the fork.
        self.lost = 0
        self._changed = Condition()
        self._waiting: deque[str | int] = deque()  # a number counts lines that are missing here
        self._waiting_bytes = 0
        self._is_writing = False
        self._thread: Thread | None = None

    def fileno(self) -> int:
        """The underlying descriptor, for callers that write to it directly."""
        return self._descriptor

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Queue the text for the thread; if there is no room, count its lines as missing."""
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
        self.lost += lines
        before = self._waiting[-1] if self._waiting else None
        if isinstance(before, int):
            self._waiting[-1] = before + lines
        else:
            self._waiting.append(lines)

    def flush(self) -> None:
        """Wait up to FLUSH_SECONDS until all is written; on an event loop, do not wait."""
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            return
        with self._changed:
            self._changed.wait_for(self.is_empty, FLUSH_SECONDS)

    def is_empty(self) -> bool:
        """Whether all that was queued has been written."""
        return not (self._waiting or self._is_writing)

    def _run(self) -> None:
        lost = 0  # lines, since the last text that was written
        while True:
            one = self._take()
            text = self._render_lost(one + lost) if isinstance(one, int) else one
            if lost and isinstance(one, str):
                text = self._render_lost(lost) + text
            is_put = self._put(text)
            if is_put:
                lost = 0
            else:
                lost += one if isinstance(one, int) else one.count("\n")
            with self._changed:
                self.lost += 0 if is_put or isinstance(one, int) else one.count("\n")
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
            except BlockingIOError:  # another process that shares it has set it so
                select.select([], [self._descriptor], [])
            except OSError:  # the disk is full, or the reader is gone
                return False
        return True
