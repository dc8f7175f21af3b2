"""Failures of the file system, as errors that clients can act on."""

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

# Nothing can be written here: the file system is read-only, or this user has no right to.
UNWRITABLE: Final = frozenset({errno.EROFS, errno.EACCES})

# Failures that say that the storage cannot be used now, not that it is set up wrongly.
OF_STORAGE: Final = FULL | {errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE}

READ_ONLY: Final = (
    "the data directory is read-only: you can pull, but not push or change anything; make it "
    "writable, then try again"
)


def storing(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Raise StorageExhausted, StorageReadOnly or StorageUnavailable if `work` raises OSError.

    `work` must handle a failure that means something else, such as a missing name.
    """
    return _translated(work, unstored)


def reading(work: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Raise StorageUnavailable if `work` raises OSError."""
    return _translated(work, unavailable)


def _translated(
    work: Callable[Arguments, Result], translate: Callable[[OSError], RegistryError]
) -> Callable[Arguments, Result]:
    @wraps(work)
    def translated(*args: Arguments.args, **named: Arguments.kwargs) -> Result:
        try:
            return work(*args, **named)
        except OSError as failed:
            raise translate(failed) from failed

    return translated


def unstored(failed: OSError) -> RegistryError:
    """The error that reports a failure to store something."""
    if failed.errno in FULL:
        return StorageExhausted(
            f"the disk of the data directory is full ({failed.strerror}): free some space, then "
            "try again; an upload continues from its offset"
        )
    if failed.errno in UNWRITABLE:
        return StorageReadOnly(READ_ONLY)
    return StorageUnavailable(
        f"nothing can be stored now ({failed.strerror}): try again in a moment"
    )


def unavailable(failed: OSError) -> StorageUnavailable:
    """The error that reports a failure to read, which leaves open whether something is there."""
    return StorageUnavailable(
        f"the stored data cannot be read now ({failed.strerror}): try again in a moment"
    )


def is_read_only(folder: Path) -> bool:
    """Whether this user can change nothing in the folder; False if that is not known.

    This tries a write: a kernel that found the file system damaged refuses writes, and may not
    report that otherwise.
    """
    try:
        # After an error, ext4 of newer kernels sets EXT4_FLAGS_EMERGENCY_RO, which statvfs(3) does
        # not show.
        os.utime(folder)
    except OSError as failed:
        return failed.errno in UNWRITABLE
    return not os.access(folder, os.W_OK)  # the owner of a folder may set its times even so
