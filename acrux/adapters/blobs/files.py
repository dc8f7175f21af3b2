"""Blobs and uploads as files: write aside, sync, rename."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Final

from acrux.adapters.blobs.batches import batch_bytes, receive
from acrux.adapters.blobs.blob_files import FileBlob, Verified, is_damaged
from acrux.adapters.blobs.closed_uploads import ClosedUploads
from acrux.adapters.blobs.hashers import Hashers
from acrux.adapters.blobs.upload_files import UploadFile, in_thread, without_stored
from acrux.adapters.failures import is_read_only, reading, storing, unavailable
from acrux.domain.content.digest import Digest
from acrux.domain.content.upload import APPENDED, Place, Upload
from acrux.errors import (
    DigestMismatch,
    InvalidSettings,
    RegistryError,
    StorageExhausted,
    UnknownBlob,
    UnknownUpload,
    UploadOutOfOrder,
)

ALGORITHMS: Final = ("sha256", "sha512")
SIZES_AT_ONCE: Final = 128  # asked for on the event loop: 2 µs each
PATIENCE: Final = 10.0  # seconds for which an upload is waited for that another request holds
FIRST_PAUSE: Final = 0.01  # seconds until it is looked at again, then twice as many
LONGEST_PAUSE: Final = 0.5


class FileBlobStore:
    """Blobs and uploads in the folder `root`, which any number of processes may share.

    An upload is the file `uploads/<key>`, and that file's length is its offset. A blob is the file
    `blobs/<algorithm>/<first two digits>/<all digits>`; it gets this name only when its bytes
    are verified and durable, and never changes afterwards. What uploads became is noted in the
    file `closed-uploads`. `check_room` is asked before anything grows, and raises StorageExhausted
    where it may not. An upload that another request adds to is waited for, for `patience` seconds.
    See ports.BlobStore.
    """

    def __init__(
        self,
        root: Path,
        check_room: Callable[[], None] = lambda: None,
        patience: float = PATIENCE,
    ) -> None:
        self._root = root
        self._check_room = check_room
        self._patience = patience
        self._uploads = root / "uploads"
        self._blobs = root / "blobs"
        self._hashers = Hashers()
        self._verified = Verified()
        self._closed = ClosedUploads(root / "closed-uploads")
        self._durable: set[str] = set()
        self._appending = 0  # how many uploads

    def prepare(self) -> None:
        """Make the folders, unless all is read-only.

        Raises InvalidSettings where blobs cannot be kept in them.
        """
        if is_read_only(self._root):
            return
        folders = [self._uploads, self._blobs, *(self._blobs / name for name in ALGORITHMS)]
        try:
            make_folders(self._root)
            for folder in folders:
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_folder(folder.parent)
            volumes = {folder.stat().st_dev for folder in folders}
        except OSError as error:
            raise InvalidSettings(
                f"data_dir: no folders for blobs can be made in {self._root} ({error.strerror}): "
                "choose another data directory, or change its owner"
            ) from error
        for folder in folders:
            _check_writable(folder)
        if len(volumes) > 1:  # a rename from one volume to another is no rename but a copy
            raise InvalidSettings(
                f"data_dir: {self._uploads} and {self._blobs} lie on different volumes: "
                "mount the volume one folder higher, around both"
            )

    async def begin(self, upload: Upload) -> None:
        """See ports.BlobStore."""
        self._check_room()
        await in_thread(partial(_create, self._path(upload)))

    async def offset(self, upload: Upload) -> int:
        """See ports.BlobStore."""
        try:
            return os.stat(self._path(upload)).st_size
        except FileNotFoundError:
            raise UnknownUpload(upload=str(upload)) from None
        except OSError as failed:
            raise unavailable(failed) from failed

    async def append(
        self, upload: Upload, chunks: AsyncIterator[bytes], place: Place = APPENDED
    ) -> int:
        """See ports.BlobStore."""
        with closing(await self._opened(upload)) as file:
            start = file.size
            if stored := place.stored(start):
                chunks = without_stored(file, chunks, stored)
            file.hasher = self._hashers.take(upload, file.stamp())
            self._appending += 1
            try:
                await receive(file, chunks, place.range, self._batch_bytes, self._check_room)
            except StorageExhausted:  # nobody may come back for these bytes, and others need room
                await in_thread(partial(file.truncate, start))
                raise
            finally:
                self._appending -= 1
                self._hashers.keep(upload, file.stamp(), file.hasher)
            return file.size

    async def commit(self, upload: Upload, digest: Digest) -> int:
        """See ports.BlobStore. Raises UploadOutOfOrder where another request goes on appending."""
        try:
            file = await self._opened(upload)
        except UnknownUpload:
            return await in_thread(partial(self._commit_again, upload, digest))
        with closing(file):
            file.hasher = self._hashers.take(upload, file.stamp())
            await in_thread(partial(self._commit, file, digest))
            return file.size

    async def committed(self, upload: Upload, digest: Digest) -> bool:
        """See ports.BlobStore."""
        if self._is_open(upload):
            return False
        return await in_thread(partial(self._became, upload, digest))

    async def discard(self, upload: Upload) -> None:
        """See ports.BlobStore."""
        self._hashers.forget(upload)
        await in_thread(partial(self._discard, upload))

    async def open(self, digest: Digest) -> FileBlob:
        """See ports.BlobStore."""
        try:
            descriptor = os.open(self._blob(digest), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as failed:
            raise _unread(digest, failed) from failed
        found = os.fstat(descriptor)
        if is_damaged(found):
            os.close(descriptor)
            raise UnknownBlob(digest=str(digest))
        return FileBlob(digest, descriptor, found, self._verified)

    async def size(self, digest: Digest) -> int:
        """See ports.BlobStore."""
        return self._size(digest)

    async def sizes(self, digests: Sequence[Digest]) -> Mapping[Digest, int]:
        """See ports.BlobStore. Many are asked for in a thread, so that nobody waits for them."""
        if len(digests) <= SIZES_AT_ONCE:
            return self._sizes(digests)
        return await in_thread(partial(self._sizes, digests))

    def _sizes(self, digests: Sequence[Digest]) -> Mapping[Digest, int]:
        found: dict[Digest, int] = {}
        for digest in digests:
            with suppress(UnknownBlob):
                found[digest] = self._size(digest)
        return found

    def _size(self, digest: Digest) -> int:
        try:
            found = os.stat(self._blob(digest))
        except OSError as failed:
            raise _unread(digest, failed) from failed
        if is_damaged(found):
            raise UnknownBlob(digest=str(digest))
        return found.st_size

    def _batch_bytes(self) -> int:
        return batch_bytes(self._appending)

    async def _opened(self, upload: Upload) -> UploadFile:
        # A client whose connection was cut comes back before anybody has noticed the cut here.
        end, pause = time.monotonic() + self._patience, FIRST_PAUSE
        while True:
            try:
                return UploadFile.open(upload, self._path(upload))
            except UploadOutOfOrder:
                if time.monotonic() >= end:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _is_open(self, upload: Upload) -> bool:
        return os.path.lexists(self._path(upload))

    def _path(self, upload: Upload) -> str:
        return f"{self._uploads}/{upload.key}"

    def _blob(self, digest: Digest) -> str:
        return f"{self._folder(digest)}/{digest.encoded}"

    def _folder(self, digest: Digest) -> str:
        # By the first two digits, as a folder of a million files is slow to list and to back up.
        return f"{self._blobs}/{digest.algorithm}/{digest.encoded[:2]}"

    @reading
    def _became(self, upload: Upload, digest: Digest) -> bool:
        return self._closed.became(upload, digest)

    @storing
    def _commit_again(self, upload: Upload, digest: Digest) -> int:
        if not self._became(upload, digest):
            raise UnknownUpload(upload=str(upload))
        try:
            sync_folder(self._folder(digest))  # who was killed after the rename had not done it
            return self._size(digest)
        except (FileNotFoundError, UnknownBlob):
            raise UnknownUpload(upload=str(upload)) from None

    @storing
    def _discard(self, upload: Upload) -> None:
        # Its name first: of this and the rename of a commit, one finds it.
        found = _unlink(self._path(upload))
        self._closed.forget(upload)
        if not found:
            raise UnknownUpload(upload=str(upload))
        sync_folder(self._uploads)  # or a power loss would bring it back

    @storing
    def _commit(self, file: UploadFile, digest: Digest) -> None:
        computed = file.digest(digest.algorithm)
        if computed != digest:
            with suppress(UnknownUpload):  # discarded meanwhile
                self._discard(file.upload)
            raise DigestMismatch(
                f"the bytes sent hash to {computed}, not to the digest that was claimed, "
                f"{digest}: the upload is gone, send it again from the start",
                computed=str(computed),
                claimed=str(digest),
            )
        file.sync()
        self._publish(file, digest)

    def _publish(self, file: UploadFile, digest: Digest) -> None:
        folder = self._folder(digest)
        self._make_durable(folder)
        self._closed.note(file.upload, digest)
        try:
            # Over a blob that is there already, too: the new bytes are verified, the old ones
            # may have been damaged since.
            os.rename(file.path, self._blob(digest))
        except FileNotFoundError:  # discarded meanwhile
            self._closed.forget(file.upload)
            raise UnknownUpload(upload=str(file.upload)) from None
        # Where this fails the blob stays, linked by nobody. Taking it back could take away what
        # another upload of the same bytes has put there, and had acknowledged.
        sync_folder(folder)

    def _make_durable(self, folder: str) -> None:
        # Another process may have made the folder and not synced it yet, so that finding it is
        # not enough: each process syncs once itself.
        made = _make_folder(folder)
        if made or folder not in self._durable:
            sync_folder(os.path.dirname(folder))
            self._durable.add(folder)


def make_folders(folder: Path) -> None:
    """Make the folder and those above it that are missing, durably."""
    made = [path for path in folder.parents if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The lowest always: who was killed before it came to that had made the folder.
    for path in (folder, *made):
        with suppress(PermissionError):  # one that may be entered and not be read
            sync_folder(path.parent)


def sync_folder(folder: str | Path) -> None:
    """Make durable which names the folder holds."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unread(digest: Digest, failed: OSError) -> RegistryError:
    # Only a name that is missing says that the blob is. Without a descriptor left, or from a disk
    # that fails, nothing can be said of it, and a client that is told 404 takes that for the truth.
    if isinstance(failed, FileNotFoundError):
        return UnknownBlob(digest=str(digest))
    return unavailable(failed)


@storing
def _create(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _unlink(path: str) -> bool:
    with suppress(FileNotFoundError):
        os.unlink(path)
        return True
    return False


def _make_folder(folder: str) -> bool:
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
        return True
    return False


def _check_writable(folder: Path) -> None:
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise InvalidSettings(
            f"data_dir: {folder} cannot be read and written: choose another data directory, or "
            "change the folder's owner"
        )
