"""What the processes of a registry count, in memory that they share."""

import errno
import fcntl
import os
import weakref
from struct import Struct as Layout
from typing import Final, TypeAlias
from zlib import crc32

import msgspec

from acrux.adapters.metrics.families import Key, Values, add, outliving

# The series of a process fit into this, even if every endpoint had answered with every status. Only
# what is written takes memory.
HALF_BYTES: Final = 1 << 20
SLOT_BYTES: Final = 2 * HALF_BYTES

# Before the values: how often the slot was written, their length in bytes, and their checksum.
HEADER: Final = Layout("=QII")

# struct flock (fcntl_locking(2)) on 64-bit Linux: type, whence, start, length, process.
FLOCK: Final = Layout("@hhqqi4x")

# Values as they are stored: pairs, since msgspec does not read a list as the key of a map.
_Stored: TypeAlias = list[tuple[Key, list[float]]]
_decode: Final = msgspec.msgpack.Decoder(_Stored).decode


class Board:
    """Memory with a slot for each process, which its forks inherit. Linux only.

    A process owns a slot while it holds a lock on it, and the kernel ends the lock with the
    process. Whoever takes the slot next goes on counting from what it finds there: so no counter
    falls, and no slot is left behind, however often processes die.
    """

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._descriptor = os.memfd_create("acrux-metrics")
        weakref.finalize(self, os.close, self._descriptor).atexit = False

    def claim(self) -> "Slot":
        """A slot of this process. Raises OSError if there is none left."""
        # Not sooner: a command has a board too, and maybe a limit for the size of files.
        os.ftruncate(self._descriptor, self._slots * SLOT_BYTES)
        for number in range(self._slots):
            try:
                # Not flock(2), whose locks forks share.
                fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number * SLOT_BYTES)
            except OSError as taken:
                if taken.errno not in {errno.EACCES, errno.EAGAIN}:
                    raise
            else:
                return Slot(self._descriptor, number)
        raise OSError(errno.EAGAIN, f"all {self._slots} places for metrics are taken")

    def read(self, own: int | None = None) -> Values:
        """The values of all processes together; `own` is the slot of this one.

        Of a process that has ended, only those that outlive it.
        """
        total: Values = {}
        for number in range(self._slots):
            _, values = _read(self._descriptor, number)
            add(total, values if number == own or self._is_taken(number) else outliving(values))
        return total

    def _is_taken(self, number: int) -> bool:
        # Asking for the lock and not taking it: another process may be about to claim the slot.
        asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, number * SLOT_BYTES, 1, 0)
        found = fcntl.fcntl(self._descriptor, fcntl.F_GETLK, asked)
        return bool(FLOCK.unpack(found)[0] != fcntl.F_UNLCK)


class Slot:
    """The place of this process; `before` holds what its predecessors counted."""

    def __init__(self, descriptor: int, number: int) -> None:
        self.number = number
        self._descriptor = descriptor
        self._written, before = _read(descriptor, number)
        self._before = outliving(before)

    def write(self, values: Values) -> None:
        """Replace the values of this process.

        A process that is killed meanwhile leaves those that it wrote before: there are two halves,
        which are written in turn.
        """
        total = dict(self._before)
        add(total, values)
        content = msgspec.msgpack.encode(list(total.items()))
        self._written += 1
        header = HEADER.pack(self._written, len(content), crc32(content))
        os.pwrite(self._descriptor, header + content, _start(self.number, self._written))


def _start(number: int, written: int) -> int:
    return number * SLOT_BYTES + written % 2 * HALF_BYTES


def _read(descriptor: int, number: int) -> tuple[int, Values]:
    """How often the slot was written, and the values of the last time."""
    halves = (_half(descriptor, _start(number, half)) for half in range(2))
    written, content = max(halves)
    return written, dict(_decode(content)) if written else {}


def _half(descriptor: int, start: int) -> tuple[int, bytes]:
    # (0, b"") if it was never written, or is being written now.
    header = os.pread(descriptor, HEADER.size, start)
    if len(header) < HEADER.size:  # nobody has claimed a slot yet
        return 0, b""
    written, length, checksum = HEADER.unpack(header)
    content = os.pread(descriptor, length, start + HEADER.size)
    return (written, content) if crc32(content) == checksum and written else (0, b"")
