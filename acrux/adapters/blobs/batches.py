"""An upload's bytes on their way from its client to its file."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from functools import partial
from time import perf_counter
from typing import Final

from acrux.adapters.blobs.upload_files import UploadFile, in_thread, settle, start_thread
from acrux.domain.content.upload import ContentRange
from acrux.errors import SizeMismatch
from acrux.tally import Work

# Bytes that are written and hashed at once: fewer for each upload if many come at once.
BATCH_BYTES: Final = 1 << 18
SMALLEST_BATCH: Final = 1 << 14
BATCHES_BYTES: Final = 1 << 23  # divided among concurrent uploads; each holds up to three batches
BATCHES_A_TURN: Final = 8  # of one upload; then the thread is free for other work


def batch_bytes(uploads: int) -> int:
    """How many bytes of each upload to write at once if `uploads` are under way."""
    return max(SMALLEST_BATCH, min(BATCHES_BYTES // max(uploads, 1), BATCH_BYTES))


async def receive(
    file: UploadFile,
    chunks: AsyncIterator[bytes],
    work: Work,
    content_range: ContentRange | None = None,
    batch: Callable[[], int] = lambda: BATCH_BYTES,
    check_room: Callable[[], None] = lambda: None,
) -> None:
    """Append the chunks as they arrive, writing some while the next are on their way.

    `work` counts the turns of the thread that writes. `batch` returns how many bytes to write at
    once. `check_room` is called before each batch, and raises StorageExhausted if the batch may not
    be written.

    Raises StorageExhausted. Raises SizeMismatch if the chunks are shorter or longer than
    `content_range` says, and then removes them from the file. Passes on what the iterator raises,
    and then keeps the bytes that came before.
    """
    start, received = file.size, 0
    batches = _Batches(file, batch, check_room, work)
    try:
        async for chunk in chunks:
            received += len(chunk)
            if content_range and received > content_range.size:
                break  # a chunk longer than announced is not read to its end
            await batches.add(chunk)
            del chunk  # frees its memory while the next one is awaited
    finally:
        await batches.finish()
    if content_range and received != content_range.size:
        await in_thread(partial(file.truncate, start))
        raise SizeMismatch(
            f"the Content-Range announces {content_range.size} bytes, but the chunk holds "
            f"{'more' if received > content_range.size else received}: send the chunk again",
        )


class _Batches:
    """Chunks on their way to a file: one batch is being written, one waits, one fills up.

    The thread takes the next waiting batch by itself, until its turn is over. If the event loop,
    busy with the next chunk, had to start each batch, that would take a third as long as the
    writing itself.
    """

    def __init__(
        self,
        file: UploadFile,
        batch: Callable[[], int],
        check_room: Callable[[], None],
        work: Work,
    ) -> None:
        self._file = file
        self._batch = batch
        self._check_room = check_room
        self._work = work
        self._filling: list[bytes] = []
        self._filled = 0
        # One batch, or two while no thread writes. A deque is safe to share between two threads.
        self._waiting: deque[list[bytes]] = deque()
        self._writing: asyncio.Future[None] | None = None
        self._moved = asyncio.Event()  # set when the thread takes a batch, and when it ends
        self._is_awaited = False  # whether `_moved` is: waking the event loop is a system call
        self._loop = asyncio.get_running_loop()

    async def add(self, chunk: bytes) -> None:
        self._filling.append(chunk)
        self._filled += len(chunk)
        if self._filled >= self._batch():
            await self._hand_over()

    async def finish(self) -> None:
        """Write what is left, and wait until the thread has ended."""
        try:
            if self._filling:
                await self._hand_over()
        finally:
            while self._writing is not None:
                await self._written()
                self._write()

    async def _hand_over(self) -> None:
        self._check_room()
        self._is_awaited = True  # before `_waiting` is read: see _write_waiting
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
        # A thread whose turn is about to end may miss a batch that is added now. The next batch,
        # or `finish`, finds that the thread has ended, and starts another.
        return self._writing is not None and not self._writing.done()

    async def _written(self) -> None:
        # If a batch fails, every later one fails too: nothing is written after a gap.
        if self._writing is not None:
            await settle(self._writing)

    def _write(self) -> None:
        self._writing = start_thread(self._write_waiting) if self._waiting else None
        if self._writing is not None:
            self._writing.add_done_callback(partial(self._end_turn, perf_counter()))

    def _end_turn(self, began: float, turn: asyncio.Future[None]) -> None:
        self._moved.set()
        self._work.add(began, failed=turn.exception() is not None)

    def _write_waiting(self) -> None:
        for _ in range(BATCHES_A_TURN):
            if not self._waiting:
                break
            batch = self._waiting.popleft()
            if self._is_awaited:
                self._loop.call_soon_threadsafe(self._moved.set)
            self._file.append(batch)
