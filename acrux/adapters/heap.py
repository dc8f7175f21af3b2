"""Memory that is free, given back to the system."""

import asyncio
import ctypes
from contextlib import suppress


async def give_back() -> None:
    """Let the system have what is free within the heap, where the C library can (glibc).

    It would keep for good what a crowd of clients once took, a page here and a page there.
    """
    await asyncio.to_thread(_trim)


def _trim() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
