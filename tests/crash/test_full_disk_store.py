"""A full disk under the blob store: refusals, exact offsets, no losses."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from acrux.adapters.blobs.batches import BATCH_BYTES
from acrux.domain.content.digest import Digest
from acrux.errors import StorageExhausted, UnknownUpload
from acrux.ports.content.blobs import BlobStore
from tests.contracts.blob_stores import (
    ATTEMPTS,
    LARGE,
    FileBlobStores,
    Refusal,
    begun,
    chunked,
    copies_in,
    faulty,
    mounted,
    new_upload,
    push_in_a_process,
    pushed,
    stored,
)

MEBIBYTE = 1 << 20
UPLOAD = new_upload()
UPLOAD_PATH = f"uploads/{UPLOAD.key}"
FOLDER = f"blobs/sha256/{Digest.of(LARGE).encoded[:2]}"
RENAMES = "?rename,?renameat,?renameat2"

# The step that finds the disk full: its system calls, the path, which of them, the offset after.
FAULTS = {
    "write the first batch": ("write", UPLOAD_PATH, 1, 0),
    "write a later batch": ("write", UPLOAD_PATH, 3, 0),
    "sync the file": ("fsync", UPLOAD_PATH, 1, 0),
    "make its folder": ("?mkdir,?mkdirat", FOLDER, 1, len(LARGE)),
    "sync the folder above": ("fsync", "blobs/sha256", 1, len(LARGE)),
    "rename": (RENAMES, UPLOAD_PATH, 1, len(LARGE)),
    "sync its folder": ("fsync", FOLDER, 1, None),
}


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileBlobStores]:
    """A folder for blobs; fails if a test leaves something behind in it."""
    files = FileBlobStores(tmp_path / "data")
    files.open()
    yield files
    assert files.leftovers() == set()


async def contents(store: BlobStore) -> set[bytes]:
    """What the copies in the store hold."""
    return {await stored(store, found.copy) for found in await copies_in(store)}


@pytest.mark.parametrize("step", FAULTS)
@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT"])
async def test_a_push_can_continue_whichever_step_finds_the_disk_full(
    files: FileBlobStores, step: str, error: str
) -> None:
    """An operator frees space, and the client's next request succeeds."""
    calls, path, which, offset = FAULTS[step]

    refusals = push_in_a_process(files.root, UPLOAD, faulty(calls, files.root / path, error, which))

    assert refusals == [Refusal("StorageExhausted", error, offset)]
    assert await contents(files.open()) == {LARGE}


async def test_bytes_whose_sync_failed_are_never_acknowledged(files: FileBlobStores) -> None:
    """The next sync succeeds although bytes were lost; only sending them again helps."""
    fault = faulty("fsync", files.root / UPLOAD_PATH, "EIO")

    refusals = push_in_a_process(files.root, UPLOAD, fault)

    assert refusals == [Refusal("StorageUnavailable", "EIO", 0)]
    assert await contents(files.open()) == {LARGE}


async def test_what_a_refused_request_has_written_is_taken_back(files: FileBlobStores) -> None:
    """A limit on the size of files splits a write in two."""
    limited = ["sh", "-c", f'ulimit -f {5 * BATCH_BYTES // 2 // 512}; exec "$@"', "limited"]

    refusals = push_in_a_process(files.root, UPLOAD, limited)

    assert refusals == [Refusal("StorageExhausted", "EFBIG", 0)] * ATTEMPTS
    store = files.open()
    await store.append(UPLOAD, chunked(LARGE))
    await store.commit(UPLOAD, Digest.of(LARGE))


@pytest.fixture
def small_disk(files: FileBlobStores) -> Iterator[FileBlobStores]:
    """A folder for blobs on a disk of eight mebibytes."""
    with mounted(files.root, "size=8m"):
        files.open()
        yield files
        assert files.leftovers() == set()


async def test_an_upload_that_finds_no_room_for_its_file_is_refused(
    files: FileBlobStores,
) -> None:
    """A disk can run out of inodes before it runs out of bytes."""
    with mounted(files.root, "nr_inodes=6"):  # the root, the four folders, one upload
        store = files.open()
        only = await begun(store, b"abc")

        with pytest.raises(StorageExhausted):
            await store.begin(UPLOAD)
        with pytest.raises(StorageExhausted):
            await store.commit(only, Digest.of(b"abc"))

        assert await store.offset(only) == 3
        with pytest.raises(UnknownUpload):
            await store.offset(UPLOAD)


@pytest.mark.parametrize("restarted", [False, True])
async def test_an_upload_that_filled_the_disk_goes_on_once_there_is_space(
    small_disk: FileBlobStores, restarted: bool
) -> None:
    """A full disk loses no stored content, and no bytes that a client sent."""
    store = small_disk.open()
    kept = await pushed(store, os.urandom(MEBIBYTE))
    filler = small_disk.root / "filler"
    filler.write_bytes(bytes(4 * MEBIBYTE))
    content = os.urandom(5 * MEBIBYTE)
    upload = await begun(store)

    with pytest.raises(StorageExhausted, match="full") as refusal:
        await store.append(upload, chunked(content[:300], content[300:]))
    with pytest.raises(StorageExhausted):
        await store.append(upload, chunked(content))

    assert isinstance(refusal.value.__cause__, OSError)
    offset = await store.offset(upload)
    assert offset == 0
    filler.unlink()
    store = small_disk.open() if restarted else store
    await store.append(upload, chunked(content[offset:]))
    copy = await store.commit(upload, Digest.of(content))
    assert await stored(store, copy) == content
    assert Digest.of(await stored(store, kept)) == kept.digest
