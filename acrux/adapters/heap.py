"""Return free memory to the system."""

import asyncio
import ctypes
from contextlib import suppress


async def give_back() -> None:
    """Return the heap's free memory to the system, if the C library can (glibc).

    Otherwise the process would keep the memory that many clients once took, scattered over its
    pages.
    """
    await asyncio.to_thread(_trim)


def _trim() -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
