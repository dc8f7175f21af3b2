"""What is told of a failure of the file system, in one place."""

import errno
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from acrux.errors import RegistryError, StorageExhausted, StorageReadOnly, StorageUnavailable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# What says that the storage cannot be used now, and nothing of how it is set up.
OF_STORAGE: Final = FULL | {errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}

READ_ONLY: Final = (
    "the file system of the data directory is read-only: nothing can be pushed or changed, and "
    "what is there can be pulled; make it writable, then try again"
)


def storing(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Raise StorageExhausted, StorageReadOnly or StorageUnavailable for what the system refuses.

    Whatever else is meant by a failure, such as a name that is missing, is to be handled inside.
    """

    @wraps(work)
    def stored(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return work(*args, **named)
        except OSError as failed:
            raise unstored(failed) from failed

    return stored


def reading(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Raise StorageUnavailable where what happens inside cannot read what is stored."""

    @wraps(work)
    def read(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return work(*args, **named)
        except OSError as failed:
            raise unavailable(failed) from failed

    return read


def unstored(failed: OSError) -> RegistryError:
    """What is told of a failure to store something."""
    if failed.errno in FULL:
        return StorageExhausted(
            f"the disk of the data directory is full ({failed.strerror}): once there is space, "
            "try again; an upload goes on from its offset"
        )
    if failed.errno == errno.EROFS:
        return StorageReadOnly(READ_ONLY)
    return StorageUnavailable(
        f"nothing can be stored now ({failed.strerror}): try again in a moment"
    )


def unavailable(failed: OSError) -> StorageUnavailable:
    """What is told of a failure that says nothing of whether something is there."""
    return StorageUnavailable(
        f"what is stored cannot be read now ({failed.strerror}): try again in a moment"
    )


def is_read_only(folder: Path) -> bool:
    """Whether nothing can be written there, whoever tries; False where that cannot be told.

    It is tried: a kernel that found a file system damaged refuses writes, and may not say so.
    """
    try:
        # After an error ext4 of newer kernels sets EXT4_FLAGS_EMERGENCY_RO, which statvfs(3) does
        # not show.
        os.utime(folder)
    except OSError as failed:
        return failed.errno == errno.EROFS
    return False
