"""A client's bytes are taken as soon as there is room for them, not only once all are written."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any

from acrux.adapters.blobs.batches import receive
from acrux.tally import Work

PATIENCE = 30.0  # seconds until something that is waited for has happened


class HeldFile:
    """A file each of whose writes lasts until it is released."""

    def __init__(self, writes: int) -> None:
        self.size = 0
        self.begun = [threading.Event() for _ in range(writes)]
        self.released = [threading.Event() for _ in range(writes)]
        self.written: list[bytes] = []

    def append(self, batch: Sequence[bytes]) -> None:
        """Write, once it is released."""
        number = len(self.written)
        self.begun[number].set()
        assert self.released[number].wait(PATIENCE)
        self.written.append(b"".join(batch))


async def happened(event: threading.Event) -> None:
    """Wait for something that a thread does."""
    assert await asyncio.to_thread(event.wait, PATIENCE)


async def test_a_batch_that_waits_for_room_goes_on_while_another_is_written() -> None:
    """One is written, one waits, one fills up: the thread says when it takes what waits."""
    file: Any = HeldFile(3)
    all_taken = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"1", b"2", b"3"):
            yield chunk
        all_taken.set()

    receiving = asyncio.create_task(receive(file, chunks(), Work(), batch=lambda: 1))
    await happened(file.begun[0])
    file.released[0].set()
    await happened(file.begun[1])

    async with asyncio.timeout(PATIENCE):
        await all_taken.wait()  # the second is still being written

    file.released[1].set()
    file.released[2].set()
    await receiving
    assert file.written == [b"1", b"2", b"3"]
