"""The offset of an upload after a power loss never includes lost bytes."""

import os
from pathlib import Path

import pytest

from acrux.adapters.blobs.blob_store import FileBlobStore
from acrux.adapters.blobs.upload_files import UploadFile
from acrux.adapters.blobs.upload_recovery import recover
from acrux.domain.content.digest import Digest
from tests.contracts.blob_stores import begun, chunked, says_what_is_in_memory
from tests.tools import missing

BLOCK = 4096
CONTENT = os.urandom(3 * BLOCK + 5)


@pytest.fixture
def store(tmp_path: Path) -> FileBlobStore:
    """An empty blob store."""
    store = FileBlobStore(tmp_path)
    store.prepare()
    return store


def forget(path: Path) -> None:
    """Drop the file from the page cache, as a restart of the machine does."""
    if not says_what_is_in_memory(path.parent.parent):
        missing("a file system that says what is in memory")
    with path.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def test_an_upload_ends_where_bytes_in_its_middle_were_lost(
    store: FileBlobStore, tmp_path: Path
) -> None:
    """The client would get a wrong offset, and the closing PUT would fail."""
    upload = await begun(store, CONTENT)
    path = tmp_path / "uploads" / upload.key
    os.truncate(path, 2 * BLOCK)
    os.truncate(path, len(CONTENT))

    recover(tmp_path / "uploads")

    offset = await store.offset(upload)
    assert 2 * BLOCK - 8 <= offset <= 2 * BLOCK
    await store.append(upload, chunked(CONTENT[offset:]))
    await store.commit(upload, Digest.of(CONTENT))


async def test_zeros_at_the_end_that_only_the_disk_holds_are_not_trusted(
    store: FileBlobStore, tmp_path: Path
) -> None:
    """ext4 extends a file within its last block before it writes the data."""
    upload = await begun(store, CONTENT + b"\1" + bytes(900))
    forget(tmp_path / "uploads" / upload.key)

    recover(tmp_path / "uploads")

    assert await store.offset(upload) == len(CONTENT) + 1


@pytest.mark.parametrize("content", [b"", CONTENT, bytes(100), CONTENT + bytes(BLOCK)])
async def test_a_kill_costs_no_byte(store: FileBlobStore, tmp_path: Path, content: bytes) -> None:
    """The kernel has them all: a PUT that the kill interrupted can be sent again."""
    upload = await begun(store, content)

    recover(tmp_path / "uploads")

    assert await store.offset(upload) == len(content)
    await store.commit(upload, Digest.of(content))
    recover(tmp_path / "uploads")
    assert await store.committed(upload, Digest.of(content))


async def test_an_upload_that_is_being_appended_to_is_left_alone(
    store: FileBlobStore, tmp_path: Path
) -> None:
    """A second registry that is started by mistake must not truncate what is being sent."""
    upload = await begun(store)
    path = tmp_path / "uploads" / upload.key
    os.truncate(path, BLOCK)
    file = UploadFile.open(upload, str(path))

    recover(tmp_path / "uploads")

    file.close()
    assert await store.offset(upload) == BLOCK
