"""Copies of blobs in a folder, written aside, synced and renamed."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from acrux.adapters.backup.files import FileSystem, write
from acrux.adapters.backup.manifest import path_of
from acrux.adapters.backup.snapshot import Snapshot
from acrux.adapters.blobs.checked import Checked, Content
from acrux.adapters.blobs.copy_files import ALGORITHMS
from acrux.adapters.blobs.folders import make_folders
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob

# Files that are synced together, and then get their names. An interruption costs as much at most,
# besides one blob.
BATCH: Final = 4096
BATCH_BYTES: Final = 1 << 28

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


class BlobFolder:
    """Copies of blobs below `root`, as a data directory has them; see Blobs. Must be closed."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._file_system = FileSystem(root)
        self._written: list[str] = []
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
            os.unlink(aside)
            raise
        finally:
            os.close(descriptor)
        self._written.append(path)
        self._bytes += copy.size
        if len(self._written) >= BATCH or self._bytes >= BATCH_BYTES:
            self._publish()

    def finish(self) -> None:
        """Make everything durable that is here, with its names. Raises OSError."""
        self._publish()
        self._file_system.sync(self._parts())

    def _publish(self) -> None:
        # A file gets its name once its bytes are durable: so what has a name is whole.
        self._file_system.sync(path + _ASIDE for path in self._written)
        while self._written:
            path = self._written.pop()
            os.rename(path + _ASIDE, path)
        self._bytes = 0

    def close(self) -> None:
        """Leave what has no name yet."""
        self._file_system.close()

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
