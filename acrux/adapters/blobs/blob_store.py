"""Copies and uploads as files: write aside, sync, rename."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from acrux.adapters.blobs.abandoned_uploads import count_abandoned, discard_abandoned
from acrux.adapters.blobs.batches import batch_bytes, receive
from acrux.adapters.blobs.blob_files import FileBlob
from acrux.adapters.blobs.closed_uploads import ClosedUploads
from acrux.adapters.blobs.copy_files import ALGORITHMS, CopyFiles, name_of
from acrux.adapters.blobs.folders import check_writable, make_folder, make_folders, sync_folder
from acrux.adapters.blobs.hashers import Hashers
from acrux.adapters.blobs.upload_files import UploadFile, in_thread, without_stored
from acrux.adapters.failures import is_read_only, reading, storing, unavailable
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import APPENDED, Place, Upload
from acrux.errors import (
    DigestMismatch,
    InvalidSettings,
    StorageExhausted,
    StorageReadOnly,
    StorageUnavailable,
    UnknownBlob,
    UnknownUpload,
    UploadOutOfOrder,
)
from acrux.ports.content.blobs import Abandoned, Listing
from acrux.tally import Work

OPERATIONS: Final = ("begin", "append", "commit", "open", "read", "remove")
FAILURES: Final = (StorageExhausted, StorageReadOnly, StorageUnavailable)

SIZES_AT_ONCE: Final = 128  # looked up on the event loop: 2 µs each
PATIENCE: Final = 10.0  # seconds to wait for an upload that another request holds
FIRST_PAUSE: Final = 0.01  # seconds before the first retry; doubled for each further one
LONGEST_PAUSE: Final = 0.5


class FileBlobStore:
    """Blobs and uploads in the folder `root`, which any number of processes may share.

    An upload is the file `uploads/<key>`, and that file's length is its offset. A copy of a blob is
    a file in `blobs` (see CopyFiles); it gets its name only when its bytes are verified and
    durable, and never changes afterwards. The file `closed-uploads` notes which blobs the uploads
    became. `check_room` is called before anything grows, with the number of bytes to come as far as
    it is known, and raises StorageExhausted if it may not. If another request is appending to an
    upload, the store waits for it for up to `patience` seconds. `work` counts what is done with
    files, by OPERATIONS: what is read in one go from the kernel's cache is not counted. See
    ports.BlobStore.
    """

    def __init__(
        self,
        root: Path,
        check_room: Callable[[int], None] = lambda _: None,
        patience: float = PATIENCE,
    ) -> None:
        self._root = root
        self._check_room = check_room
        self._patience = patience
        self._uploads = root / "uploads"
        self._blobs = root / "blobs"
        self.work = {operation: Work() for operation in OPERATIONS}
        self._copies = CopyFiles(self._blobs, self.work["read"])
        self._open = self.work["open"].measuring(self._copies.open, *FAILURES)
        self._hashers = Hashers()
        self._closed = ClosedUploads(root / "closed-uploads")
        self._durable: set[str] = set()
        self._appending = 0  # uploads that are being appended to

    def prepare(self) -> None:
        """Make the folders, unless the file system is read-only.

        Raises InvalidSettings if blobs cannot be stored in them.
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
                f"data_dir: the folders for blobs cannot be made in {self._root} "
                f"({error.strerror}): choose another data directory, or change its owner"
            ) from error
        for folder in folders:
            check_writable(folder)
        if len(volumes) > 1:  # a rename cannot cross volumes
            raise InvalidSettings(
                f"data_dir: {self._uploads} and {self._blobs} are on different volumes: "
                f"mount one volume that holds both, at {self._root}"
            )

    async def begin(self, upload: Upload, announced: int = 0) -> None:
        """See ports.BlobStore."""
        self._check_room(announced)
        with self.work["begin"].measured(*FAILURES):
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
        self,
        upload: Upload,
        chunks: AsyncIterator[bytes],
        place: Place = APPENDED,
        announced: int = 0,
    ) -> int:
        """See ports.BlobStore."""
        with closing(await self._opened(upload)) as file:
            start = file.size
            if stored := place.stored(start):
                chunks = without_stored(file, chunks, stored)
            if announced > stored:
                self._check_room(announced - stored)
            file.hasher = self._hashers.take(upload, file.stamp())
            self._appending += 1
            check_room = partial(self._check_room, 0)
            try:
                work = self.work["append"]
                await receive(file, chunks, work, place.range, self._batch_bytes, check_room)
            except StorageExhausted:  # the client may never come back, and others need the room
                await in_thread(partial(file.truncate, start))
                raise
            finally:
                self._appending -= 1
                self._hashers.keep(upload, file.stamp(), file.hasher)
            return file.size

    async def commit(self, upload: Upload, digest: Digest) -> Copy:
        """See ports.BlobStore. Raises UploadOutOfOrder if another request keeps appending."""
        try:
            file = await self._opened(upload)
        except UnknownUpload:
            return await in_thread(partial(self._commit_again, upload, digest))
        with closing(file):
            file.hasher = self._hashers.take(upload, file.stamp())
            with self.work["commit"].measured(*FAILURES):
                return await in_thread(partial(self._commit, file, digest))

    async def committed(self, upload: Upload, digest: Digest) -> bool:
        """See ports.BlobStore."""
        if self._is_open(upload):
            return False
        return await in_thread(partial(self._became, upload, digest))

    async def discard(self, upload: Upload) -> None:
        """See ports.BlobStore."""
        self._hashers.forget(upload)
        await in_thread(partial(self._discard, upload))

    async def open(self, copy: Copy) -> FileBlob:
        """See ports.BlobStore."""
        return self._open(copy)

    async def size(self, copy: Copy) -> int:
        """See ports.BlobStore."""
        return self._copies.size(copy)

    async def sizes(self, copies: Sequence[Copy]) -> Mapping[Copy, int]:
        """See ports.BlobStore. Many are looked up in a thread, so that no other request waits."""
        if len(copies) <= SIZES_AT_ONCE:
            return self._copies.sizes(copies)
        return await in_thread(partial(self._copies.sizes, copies))

    async def location(self, copy: Copy) -> str:  # noqa: ARG002 -- as the port
        """See ports.BlobStore. A file has no address."""
        return ""

    async def remove(self, copies: Sequence[Copy]) -> None:
        """See ports.BlobStore."""
        with self.work["remove"].measured(*FAILURES):
            await in_thread(partial(self._copies.remove, copies))

    async def copies(self, after: str, count: int) -> Listing:
        """See ports.BlobStore."""
        return await in_thread(partial(self._copies.listing, after, count))

    async def abandoned(self, before: datetime) -> Abandoned:
        """See ports.BlobStore."""
        return await in_thread(partial(count_abandoned, self._uploads, before))

    async def discard_abandoned(self, before: datetime, count: int) -> Abandoned:
        """See ports.BlobStore."""
        return await in_thread(partial(discard_abandoned, self._uploads, before, count))

    async def open_uploads(self, most: int) -> int:
        """How many uploads there are, counted up to `most`."""
        return await in_thread(partial(_count, self._uploads, most))

    def _batch_bytes(self) -> int:
        return batch_bytes(self._appending)

    async def _opened(self, upload: Upload) -> UploadFile:
        # A client that lost its connection may come back before the server has noticed the loss.
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

    @reading
    def _became(self, upload: Upload, digest: Digest) -> bool:
        return self._closed.became(upload, digest)

    @storing
    def _commit_again(self, upload: Upload, digest: Digest) -> Copy:
        # Not the first copy: nobody knows whether it was linked, and whether it is being removed.
        if not self._became(upload, digest):
            raise UnknownUpload(upload=str(upload))
        try:
            return self._copies.copy_again(Copy(digest, name_of(upload), 0))
        except UnknownBlob:
            raise UnknownUpload(upload=str(upload)) from None

    @storing
    def _discard(self, upload: Upload) -> None:
        # The name first: of this and the rename of a commit, only one finds the file.
        found = _unlink(self._path(upload))
        self._closed.forget(upload)
        if not found:
            raise UnknownUpload(upload=str(upload))
        sync_folder(self._uploads)  # or a power loss would bring it back

    @storing
    def _commit(self, file: UploadFile, digest: Digest) -> Copy:
        computed = file.digest(digest.algorithm)
        if computed != digest:
            with suppress(UnknownUpload):  # discarded meanwhile
                self._discard(file.upload)
            raise DigestMismatch(
                f"the bytes sent have the digest {computed}, not the claimed {digest}: "
                "the upload was discarded, send it again from the start",
                computed=str(computed),
                claimed=str(digest),
            )
        file.date()  # see StoredCopy.stored_at
        file.sync()
        copy = Copy(digest, name_of(file.upload), file.size)
        self._publish(file, copy)
        return copy

    def _publish(self, file: UploadFile, copy: Copy) -> None:
        folder = self._copies.folder(copy.digest)
        self._make_durable(folder)
        self._closed.note(file.upload, copy.digest)
        try:
            # No file has this name: only this upload could have become it, and it has not.
            os.rename(file.path, self._copies.path(copy))
        except FileNotFoundError:  # discarded meanwhile
            self._closed.forget(file.upload)
            raise UnknownUpload(upload=str(file.upload)) from None
        # If this fails, the copy stays, and no repository links it, until the request is repeated.
        sync_folder(folder)

    def _make_durable(self, folder: str) -> None:
        # Another process may have made the folder but not synced it yet. So each process syncs it
        # once itself.
        made = make_folder(folder)
        if made or folder not in self._durable:
            sync_folder(os.path.dirname(folder))
            self._durable.add(folder)


@storing
def _create(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@reading
def _count(folder: Path, most: int) -> int:
    with os.scandir(folder) as entries:
        return sum(1 for _ in islice(entries, most))


def _unlink(path: str) -> bool:
    with suppress(FileNotFoundError):
        os.unlink(path)
        return True
    return False
