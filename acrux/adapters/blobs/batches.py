"""An upload's bytes on their way from its client to its file."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Final

from acrux.adapters.blobs.upload_files import UploadFile, in_thread, settle, start_thread
from acrux.domain.content.upload import ContentRange
from acrux.errors import SizeMismatch

# What is written and hashed at once: less of each where many uploads come at once.
BATCH_BYTES: Final = 1 << 18
SMALLEST_BATCH: Final = 1 << 14
BATCHES_BYTES: Final = 1 << 23  # of all that come at once; each has three
BATCHES_A_TURN: Final = 8  # of one upload, before a thread does something else that waits for it


def batch_bytes(uploads: int) -> int:
    """How much of each of so many uploads is written at once."""
    return max(SMALLEST_BATCH, min(BATCHES_BYTES // max(uploads, 1), BATCH_BYTES))


async def receive(
    file: UploadFile,
    chunks: AsyncIterator[bytes],
    content_range: ContentRange | None = None,
    batch: Callable[[], int] = lambda: BATCH_BYTES,
    check_room: Callable[[], None] = lambda: None,
) -> None:
    """Append the chunks as they come, writing some while the next are on their way.

    `batch` says how many bytes are written at once; `check_room` is asked before each batch, and
    raises StorageExhausted where it may not be written.

    Raises StorageExhausted; SizeMismatch where the chunks are not as long as `content_range`
    says, and then takes them back; what the iterator raises, and then keeps what came before.
    """
    start, received = file.size, 0
    batches = _Batches(file, batch, check_room)
    try:
        async for chunk in chunks:
            received += len(chunk)
            if content_range and received > content_range.size:
                break  # a client that lies about its chunk is not read to the end
            await batches.add(chunk)
            del chunk  # while the next one is waited for
    finally:
        await batches.finish()
    if content_range and received != content_range.size:
        await in_thread(partial(file.truncate, start))
        raise SizeMismatch(
            f"the Content-Range announces {content_range.size} bytes and the chunk holds "
            f"{'more' if received > content_range.size else received}: send it once more",
        )


class _Batches:
    """Chunks on their way to a file: one batch is written, one waits, one fills up.

    The thread goes on to the batch that waits by itself, until it was its turn for long enough. To
    be asked for each, by an event loop that is busy with the next chunk, took as long as a third of
    the writing.
    """

    def __init__(
        self, file: UploadFile, batch: Callable[[], int], check_room: Callable[[], None]
    ) -> None:
        self._file = file
        self._batch = batch
        self._check_room = check_room
        self._filling: list[bytes] = []
        self._filled = 0
        # One, or two while no thread writes. Two threads may use a deque.
        self._waiting: deque[list[bytes]] = deque()
        self._writing: asyncio.Future[None] | None = None
        self._moved = asyncio.Event()  # the thread has taken what waited, or has ended
        self._is_awaited = False  # that it moves: to wake the event loop is a system call
        self._loop = asyncio.get_running_loop()

    async def add(self, chunk: bytes) -> None:
        self._filling.append(chunk)
        self._filled += len(chunk)
        if self._filled >= self._batch():
            await self._hand_over()

    async def finish(self) -> None:
        """Write what is left, and wait for the end of the thread."""
        try:
            if self._filling:
                await self._hand_over()
        finally:
            while self._writing is not None:
                await self._written()
                self._write()

    async def _hand_over(self) -> None:
        self._check_room()
        self._is_awaited = True  # before it is looked whether anything waits: see _write_waiting
        while self._waiting and self._is_writing():
            self._moved.clear()
            await self._moved.wait()
        self._is_awaited = False
        self._waiting.append(self._filling)
        self._filling, self._filled = [], 0
        if not self._is_writing():
            await self._written()
            self._write()

    def _is_writing(self) -> bool:
        # Perhaps only just: what comes to wait, a thread whose turn is about to end does not see.
        # With the next batch, or at the end, it is found to have ended, and another one starts.
        return self._writing is not None and not self._writing.done()

    async def _written(self) -> None:
        # A batch that failed fails every one after it: nothing is written behind a gap.
        if self._writing is not None:
            await settle(self._writing)

    def _write(self) -> None:
        self._writing = start_thread(self._write_waiting) if self._waiting else None
        if self._writing is not None:
            self._writing.add_done_callback(lambda _: self._moved.set())

    def _write_waiting(self) -> None:
        for _ in range(BATCHES_A_TURN):
            if not self._waiting:
                break
            batch = self._waiting.popleft()
            if self._is_awaited:
                self._loop.call_soon_threadsafe(self._moved.set)
            self._file.append(batch)
