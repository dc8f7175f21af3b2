"""Counts that all workers share, in memory that they inherit."""

import fcntl
import mmap
import os
from hashlib import blake2b
from secrets import token_bytes
from typing import Final
from weakref import finalize

from acrux.cache import Cache
from acrux.domain.access.limits import Rate

SLOTS: Final = 1 << 18
SLOT_BYTES: Final = 8
KEY_BYTES: Final = 16

# The slots of keys that were used lately.
CACHE_BYTES: Final = 2 * 1024 * 1024
KNOWN_BYTES: Final = 384  # of one, without its text
CHARACTER_BYTES: Final = 4

PLACES: Final = 1 << 12  # of one key, at most


class SharedBuckets:
    """The port Buckets, in 2 MiB that are shared by this process and those that it forks.

    A keyed hash of the key chooses two slots. Nobody else's requests count for a key, unless both
    of its slots belong to busier keys too: among a thousand busy ones that happens to one in
    seventeen thousand. A slot is the instant at which a bucket is full. It is read and written as a
    whole, so there is no lock.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * SLOT_BYTES)
        self._slots = memoryview(self._memory).cast("q")
        self._key = token_bytes(KEY_BYTES)
        self._known = Cache[str, tuple[int, int]](CACHE_BYTES)

    def take(self, key: str, rate: Rate, now: int) -> int:
        """See ports.Buckets."""
        slots = self._slots
        first, second = self._known.find(key) or self._learn(key)
        of_first, of_second = slots[first], slots[second]
        full_at = max(min(of_first, of_second), now)
        wait = rate.wait(full_at, now)
        if wait <= 0:
            for slot, before in ((first, of_first), (second, of_second)):
                later = full_at + rate.interval - before
                if before < now:
                    slots[slot] = now + rate.interval
                elif later > 0:  # else it belongs to a busier key too, which must lose nothing
                    slots[slot] += later  # another worker may have added to it just now
        return wait

    def give_back(self, key: str, rate: Rate) -> None:
        """See ports.Buckets."""
        for slot in self._known.find(key) or self._learn(key):
            self._slots[slot] -= rate.interval

    def _learn(self, key: str) -> tuple[int, int]:
        hashed = _hash(key, self._key)
        slots = hashed % SLOTS, (hashed >> 32) % SLOTS
        self._known.keep(key, slots, KNOWN_BYTES + CHARACTER_BYTES * len(key))
        return slots


class SharedPlaces:
    """The port Places, as locks on the bytes of a file without a name.

    The kernel releases the locks of a process that dies (fcntl(2), F_SETLK). A process does not see
    its own locks, so it also remembers them. Use it on one event loop.
    """

    def __init__(self) -> None:
        self._file = os.memfd_create("acrux-places")
        finalize(self, os.close, self._file)
        self._key = token_bytes(KEY_BYTES)
        self._taken = set[int]()

    def take(self, key: str, most: int) -> int | None:
        """See ports.Places. `most` is at most PLACES."""
        start = _hash(key, self._key) % (1 << 50) * PLACES  # an offset has 63 bits
        for place in range(start, start + most):
            if place not in self._taken and self._lock(place):
                self._taken.add(place)
                return place
        return None

    def leave(self, place: int) -> None:
        """See ports.Places."""
        self._taken.discard(place)
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def _lock(self, place: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except BlockingIOError:
            return False
        return True


class SharedCounts:
    """What the workers of a registry count together; make it before they are forked."""

    def __init__(self) -> None:
        self.buckets = SharedBuckets()
        self.places = SharedPlaces()


def _hash(key: str, secret: bytes) -> int:
    # Keyed, so that nobody can choose a name that shares the slots of another one.
    text = key.encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8, key=secret).digest())
