"""Copies of blobs in a folder, written aside, synced and renamed."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from msgspec import Struct

from acrux.adapters.backup.files import write
from acrux.adapters.backup.manifest import path_of
from acrux.adapters.backup.snapshot import Snapshot
from acrux.adapters.blobs.checked import Checked, Content
from acrux.adapters.blobs.copy_files import ALGORITHMS
from acrux.adapters.blobs.folders import make_folders, sync_folder
from acrux.domain.content.copy import Copy
from acrux.errors import DamagedBlob

# Files whose sync and rename come together: the first sync makes the others cheap.
BATCH: Final = 128
BATCH_BYTES: Final = 1 << 26  # what an interruption costs at most, besides one blob

_ASIDE: Final = ".partial"
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
_PART: Final = re.compile(r"[0-9a-f]{2}")


class Blobs(Protocol):
    """Where the bytes of blobs go."""

    def has(self, copy: Copy) -> bool:
        """Whether the copy is there already."""

    def put(self, copy: Copy, content: Content) -> None:
        """Store the copy. Raises DamagedBlob, and stores nothing, if it is not what it should be.

        The content is read to its end either way.
        """


class NoBlobs:
    """Checks blobs, and stores none."""

    def has(self, _: Copy) -> bool:
        """Nothing is there."""
        return False

    def put(self, copy: Copy, content: Content) -> None:
        """See Blobs."""
        for _ in Checked(copy, content):
            pass


class _Written(Struct, frozen=True):
    """A file that has all bytes, and neither its name nor a sync."""

    descriptor: int
    path: str


class BlobFolder:
    """Copies of blobs below `root`, as a data directory has them; see Blobs. Must be closed."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._written: list[_Written] = []
        self._bytes = 0  # of these

    def has(self, copy: Copy) -> bool:
        """Whether the file is there with the right size. It has its name, so it was synced."""
        with suppress(FileNotFoundError):
            return os.stat(self._path(copy)).st_size == copy.size
        return False

    def put(self, copy: Copy, content: Content) -> None:
        """See Blobs. It is durable after `finish`. Raises OSError."""
        path = self._path(copy)
        aside = path + _ASIDE
        self._make(os.path.dirname(path))
        descriptor = os.open(aside, _NEW, 0o600)
        try:
            for piece in Checked(copy, content):
                write(descriptor, piece)
        except BaseException:
            os.close(descriptor)
            os.unlink(aside)
            raise
        self._written.append(_Written(descriptor, path))
        self._bytes += copy.size
        if len(self._written) >= BATCH or self._bytes >= BATCH_BYTES:
            self._sync()

    def finish(self) -> None:
        """Make everything durable that is here, with its names. Raises OSError."""
        self._sync()
        for folder in self._parts():
            sync_folder(folder)

    def _sync(self) -> None:
        for written in self._written:
            os.fsync(written.descriptor)
        while self._written:
            written = self._written.pop()
            os.close(written.descriptor)
            os.rename(written.path + _ASIDE, written.path)
        self._bytes = 0

    def close(self) -> None:
        """Close the files that have no name yet."""
        while self._written:
            os.close(self._written.pop().descriptor)

    def remove_all_but(self, snapshot: Snapshot) -> int:
        """Remove every file that the database does not name; return how many. Raises OSError."""
        removed = 0
        for folder in self._parts():
            algorithm, part = folder.split("/")[-2:]
            first = f"{algorithm}:{part}"
            copies = snapshot.copies(first, first + "g")  # all digits are less than g
            named = {os.path.basename(path_of(copy)) for copy in copies}
            for name in set(os.listdir(folder)) - named:
                os.unlink(f"{folder}/{name}")
                removed += 1
        return removed

    def _parts(self) -> Iterator[str]:
        for algorithm in ALGORITHMS:
            folder = f"{self._root}/blobs/{algorithm}"
            with suppress(FileNotFoundError), os.scandir(folder) as entries:
                for entry in entries:
                    if _PART.fullmatch(entry.name) and entry.is_dir(follow_symlinks=False):
                        yield entry.path

    def _make(self, folder: str) -> None:
        # Each by itself: parents that mkdir makes on its way can be entered by others.
        if not os.path.isdir(folder):
            for one in (f"{self._root}/blobs", os.path.dirname(folder), folder):
                make_folders(Path(one))

    def _path(self, copy: Copy) -> str:
        return f"{self._root}/{path_of(copy)}"


def opened(root: Path, copy: Copy) -> int:
    """A descriptor of the copy below a data directory or a backup. Must be closed.

    Raises DamagedBlob if it is missing or has another size, and OSError.
    """
    try:
        descriptor = os.open(f"{root}/{path_of(copy)}", os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise DamagedBlob("is missing", digest=str(copy.digest)) from None
    size = os.fstat(descriptor).st_size
    if size != copy.size:
        os.close(descriptor)
        raise DamagedBlob(f"has {size} bytes instead of {copy.size}", digest=str(copy.digest))
    return descriptor
