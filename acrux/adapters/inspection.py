"""The store as a check looks at it: copies, their bytes, strange files."""

import errno
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Final

from acrux.adapters.blobs.blob_files import is_damaged, mark_damaged
from acrux.adapters.blobs.checked import Checked
from acrux.adapters.blobs.copy_files import ALGORITHMS, CopyFiles, read_name
from acrux.adapters.blobs.upload_files import in_thread
from acrux.adapters.failures import reading, storing
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob
from acrux.ports.content.integrity.files import Spend, State, Strangers
from acrux.tally import Work

FOLDERS: Final = 64  # looked at in one step
MAX_STRANGERS: Final = 100  # of these that are named

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW
_PART: Final = re.compile(r"[0-9a-f]{2}")
# domain.content.upload.Upload.key
_UPLOAD: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[0-9a-f]{64}")


class FileInspection:
    """The port Files on the data directory `root`; each method is described there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._copies = CopyFiles(root / "blobs", Work())

    async def states(self, copies: Sequence[Copy]) -> Mapping[Copy, State]:
        """See ports.integrity.files.Files."""
        return await in_thread(partial(self._states, copies))

    @reading
    def _states(self, copies: Sequence[Copy]) -> Mapping[Copy, State]:
        found: dict[Copy, State] = {}
        for copy in copies:
            with suppress(FileNotFoundError):
                state = Path(self._copies.path(copy)).lstat()
                if stat.S_ISREG(state.st_mode):
                    found[copy] = State(state.st_size, is_damaged(state))
        return found

    async def verify(self, copy: Copy, spend: Spend) -> None:
        """See ports.integrity.files.Files."""
        with FileIO(self._opened(copy)) as file:
            pieces = iter(Checked(copy, file))
            while piece := await in_thread(partial(next, pieces, b"")):
                await spend(len(piece))

    @reading
    def _opened(self, copy: Copy) -> int:
        try:
            return os.open(self._copies.path(copy), _READ)
        except OSError as failed:
            if failed.errno in (errno.EMFILE, errno.ENFILE):
                raise  # says nothing of this file
            said = f"cannot be opened ({failed.strerror})"
            raise DamagedBlob(said, digest=str(copy.digest)) from failed

    async def quarantine(self, copy: Copy) -> bool:
        """See ports.integrity.files.Files."""
        try:
            descriptor = self._opened(copy)
        except DamagedBlob:
            return False
        try:
            mark_damaged(descriptor)
            return is_damaged(os.fstat(descriptor))
        finally:
            os.close(descriptor)

    async def copies_of(self, digest: Digest) -> Sequence[Copy]:
        """See ports.integrity.files.Files."""
        return await in_thread(partial(self._copies_of, digest))

    @reading
    def _copies_of(self, digest: Digest) -> Sequence[Copy]:
        found: list[Copy] = []
        with suppress(FileNotFoundError), os.scandir(self._copies.folder(digest)) as entries:
            for entry in entries:
                if not entry.name.startswith(digest.encoded):
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    state = entry.stat(follow_symlinks=False)
                    named = read_name(digest.algorithm, entry.name, state.st_size)
                    if named and stat.S_ISREG(state.st_mode) and not is_damaged(state):
                        found.append(named)
        return sorted(found, key=lambda copy: copy.name)

    async def copy_again(self, copy: Copy) -> Copy:
        """See ports.integrity.files.Files."""
        return await in_thread(partial(storing(self._copies.copy_again), copy))

    async def strangers(self, after: str) -> Strangers:
        """See ports.integrity.files.Files. `after` is a folder below the data directory."""
        return await in_thread(partial(self._strangers, after))

    @reading
    def _strangers(self, after: str) -> Strangers:
        folders = [folder for folder in _folders() if folder > after]
        if not folders:
            return Strangers((), 0, 0, "")
        some = folders[:FOLDERS]
        strange = [path for folder in some for path in self._strangers_in(folder)]
        shown = tuple(map(_printable, strange[:MAX_STRANGERS]))
        is_end = len(folders) <= FOLDERS
        return Strangers(shown, len(strange), len(some), "" if is_end else some[-1])

    def _strangers_in(self, folder: str) -> list[str]:
        with suppress(FileNotFoundError), os.scandir(self._root / folder) as entries:
            strange = (entry.name for entry in entries if not _belongs(folder, entry))
            return sorted(f"{folder}/{name}" for name in strange)
        return []


def _folders() -> Iterator[str]:
    """The folders of the store in order, the parents first."""
    yield "blobs"
    for algorithm in ALGORITHMS:
        yield f"blobs/{algorithm}"
        yield from (f"blobs/{algorithm}/{number:02x}" for number in range(256))
    yield "uploads"


def _belongs(folder: str, entry: os.DirEntry[str]) -> bool:
    is_folder = entry.is_dir(follow_symlinks=False)
    is_file = entry.is_file(follow_symlinks=False)
    if folder == "uploads":
        return is_file and _UPLOAD.fullmatch(entry.name) is not None
    if folder == "blobs":
        return is_folder and entry.name in ALGORITHMS
    _, algorithm, *part = folder.split("/")
    if not part:
        return is_folder and _PART.fullmatch(entry.name) is not None
    named = read_name(algorithm, entry.name, 0)
    return is_file and named is not None and entry.name.startswith(part[0])


def _printable(path: str) -> str:
    """The path in UTF-8: a file's name can be any bytes."""
    return os.fsencode(path).decode(errors="backslashreplace")
