"""Copies of blobs as files: where they are, and which there are."""

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Final

from acrux.adapters.blobs.blob_files import FileBlob, Verified, is_damaged
from acrux.adapters.blobs.folders import sync_folder
from acrux.adapters.failures import reading, storing, unavailable
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload
from acrux.errors import InvalidDigest, RegistryError, UnknownBlob
from acrux.ports.content.blobs import Listing, StoredCopy
from acrux.tally import Work

ALGORITHMS: Final = ("sha256", "sha512")
NAME_DIGITS: Final = 16
REMOVED_AT_ONCE: Final = 4

_FILE: Final = re.compile(r"([0-9a-f]{64}|[0-9a-f]{128})(?:\.([0-9a-f]{16}))?")


class CopyFiles:
    """The copies in the folder `root`.

    A copy is the file `<algorithm>/<first two digits>/<all digits>.<name>`, or without `.<name>`
    if the name is empty. `reads` counts the pieces that are read of them. The methods block.
    """

    def __init__(self, root: Path, reads: Work) -> None:
        self._root = root
        self._reads = reads
        self._verified = Verified()

    def path(self, copy: Copy) -> str:
        """The path of the copy's file."""
        ending = f".{copy.name}" if copy.name else ""
        return f"{self.folder(copy.digest)}/{copy.digest.encoded}{ending}"

    def folder(self, digest: Digest) -> str:
        """The path of the folder that holds every copy of this blob."""
        # Split by the first two digits: a folder of a million files is slow to list and back up.
        return f"{self._root}/{digest.algorithm}/{digest.encoded[:2]}"

    def open(self, copy: Copy) -> FileBlob:
        """See ports.BlobStore."""
        try:
            descriptor = os.open(self.path(copy), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as failed:
            raise _unread(copy, failed) from failed
        found = os.fstat(descriptor)
        if is_damaged(found):
            os.close(descriptor)
            raise UnknownBlob(digest=str(copy.digest))
        return FileBlob(copy.digest, descriptor, found, self._verified, self._reads)

    def size(self, copy: Copy) -> int:
        """See ports.BlobStore."""
        try:
            found = os.stat(self.path(copy))
        except OSError as failed:
            raise _unread(copy, failed) from failed
        if is_damaged(found):
            raise UnknownBlob(digest=str(copy.digest))
        return found.st_size

    def sizes(self, copies: Sequence[Copy]) -> Mapping[Copy, int]:
        """See ports.BlobStore."""
        found: dict[Copy, int] = {}
        for copy in copies:
            with suppress(UnknownBlob):
                found[copy] = self.size(copy)
        return found

    def copy_again(self, copy: Copy) -> Copy:
        """Make one more copy of the same bytes, durably; its name is random.

        Raises UnknownBlob if that copy is missing or damaged, and OSError if its file system cannot
        give a file a second name.
        """
        again = Copy(copy.digest, token_hex(NAME_DIGITS // 2), self.size(copy))
        path = self.path(again)
        try:
            os.link(self.path(copy), path, follow_symlinks=False)
        except FileNotFoundError:  # removed meanwhile
            raise UnknownBlob(digest=str(copy.digest)) from None
        os.utime(path)  # see StoredCopy.stored_at
        sync_folder(self.folder(copy.digest))
        return again

    @storing
    def remove(self, copies: Sequence[Copy]) -> None:
        """See ports.BlobStore."""
        # Some at a time, as the disk does them together: with ext4, removing 1,000 files takes a
        # third of the time, and syncing their folders afterwards a twentieth.
        with ThreadPoolExecutor(REMOVED_AT_ONCE) as threads:
            for _ in threads.map(_unlink, map(self.path, copies)):
                pass  # raises what a removal raised
            # Also where nothing was found: whoever removed it may not have synced the folder.
            folders = {self.folder(copy.digest) for copy in copies}
            for _ in threads.map(_sync, folders):
                pass

    @reading
    def listing(self, after: str, count: int) -> Listing:
        """See ports.BlobStore. `after` is a path in the folder `root`."""
        found: list[StoredCopy] = []
        last = after
        for path in self._paths(after):
            if len(found) == count:
                return Listing(tuple(found), last)
            if copy := self._stored(path):
                found.append(copy)
                last = path
        return Listing(tuple(found), "")

    def _paths(self, after: str) -> Iterator[str]:
        """The paths of all files, in order, with the names of one folder at a time in memory."""
        folders = (f"{name}/{number:02x}" for name in ALGORITHMS for number in range(256))
        for folder in folders:
            if folder < after[: len(folder)]:
                continue
            with suppress(FileNotFoundError):
                names = sorted(os.listdir(f"{self._root}/{folder}"))
                yield from (path for name in names if (path := f"{folder}/{name}") > after)

    def _stored(self, path: str) -> StoredCopy | None:
        algorithm, folder, name = path.split("/")
        if read_name(algorithm, name, 0) is None or not name.startswith(folder):
            return None  # nothing of ours
        try:
            found = os.lstat(f"{self._root}/{path}")
        except FileNotFoundError:  # removed meanwhile
            return None
        copy = read_name(algorithm, name, found.st_size)
        if copy is None or not stat.S_ISREG(found.st_mode):
            return None
        stored_at = datetime.fromtimestamp(found.st_mtime, UTC)
        return StoredCopy(copy, stored_at, is_damaged(found))


def read_name(algorithm: str, name: str, size: int) -> Copy | None:
    """The copy of so many bytes that the name of a file names; None if it is none of ours."""
    file = _FILE.fullmatch(name)
    with suppress(InvalidDigest):
        return Copy(Digest.parse(f"{algorithm}:{file[1]}"), file[2] or "", size) if file else None
    return None


def name_of(upload: Upload) -> str:
    """The name of the copy that the upload becomes: no other upload has the same key."""
    return sha256(upload.key.encode()).hexdigest()[:NAME_DIGITS]


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _sync(folder: str) -> None:
    with suppress(FileNotFoundError):
        sync_folder(folder)


def _unread(copy: Copy, failed: OSError) -> RegistryError:
    # Only a missing name means that the copy is missing. If no descriptor is left, or the disk
    # fails, nothing is known of it, and a client would take a 404 for the truth.
    if isinstance(failed, FileNotFoundError):
        return UnknownBlob(digest=str(copy.digest))
    return unavailable(failed)
