"""Uploads that nobody continues: count them, and discard them."""

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path

from acrux.adapters.blobs.folders import sync_folder
from acrux.adapters.failures import reading, storing
from acrux.ports.content.blobs import Abandoned


@reading
def count_abandoned(uploads: Path, before: datetime) -> Abandoned:
    """The uploads in the folder that were last written before that instant, and are not locked."""
    return _sum(_each(uploads, before, is_discarded=False))


@storing
def discard_abandoned(uploads: Path, before: datetime, count: int) -> Abandoned:
    """Discard up to `count` of them, durably, and return what was discarded."""
    discarded = _sum(islice(_each(uploads, before, is_discarded=True), count))
    if discarded.uploads:
        sync_folder(uploads)
    return discarded


def _sum(sizes: Iterator[int]) -> Abandoned:
    found = list(sizes)
    return Abandoned(len(found), sum(found))


def _each(uploads: Path, before: datetime, *, is_discarded: bool) -> Iterator[int]:
    """The size of each abandoned upload."""
    with os.scandir(uploads) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # it ended meanwhile
                if _is_abandoned(entry.stat(follow_symlinks=False), before):
                    size = _size(entry.path, before, is_discarded=is_discarded)
                    if size is not None:
                        yield size


def _is_abandoned(found: os.stat_result, before: datetime) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_mtime < before.timestamp()


def _size(path: str, before: datetime, *, is_discarded: bool) -> int | None:
    """The size of the upload, in bytes; None if a request uses it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        if not _is_abandoned(found, before):  # continued before it was locked
            return None
        if is_discarded:
            # A commit in between has taken the name away, and no other upload ever gets it.
            os.unlink(path)
    except BlockingIOError:
        return None
    else:
        return found.st_size
    finally:
        os.close(descriptor)
