"""What a bucket holds: copies in pages, and segments that are old."""

from datetime import datetime

from acrux.adapters.blobs.copy_files import ALGORITHMS
from acrux.adapters.objects import keys
from acrux.adapters.objects.bucket import Bucket
from acrux.ports.content.blobs import Listing, StoredCopy


async def list_copies(bucket: Bucket, after: str, count: int) -> Listing:
    """See ports.BlobStore.copies; `after` is a key.

    Folder by folder: Azure lists from the beginning whatever `after` is, and a whole search would
    take the square of the number of copies.
    """
    found: list[StoredCopy] = []
    last = after
    for folder in await _folders(bucket):
        if f"{folder}/" < after[: len(folder) + 1]:
            continue
        async for stored in bucket.list(f"{folder}/", after):
            copy = keys.read_copy(stored.key, stored.size)
            if copy is None:
                continue
            if len(found) == count:
                return Listing(tuple(found), last)
            found.append(StoredCopy(copy, stored.modified_at, is_damaged=False))
            last = stored.key
    return Listing(tuple(found), "")


async def _folders(bucket: Bucket) -> list[str]:
    return [
        folder
        for algorithm in ALGORITHMS
        for folder in await bucket.folders(f"{keys.BLOBS}/{algorithm}/")
    ]


async def list_strays(bucket: Bucket, before: datetime) -> list[str]:
    """The names of the segments that were written before that instant."""
    return [
        found.key.rpartition("/")[2]
        async for found in bucket.list(f"{keys.UPLOADS}/")
        if found.modified_at < before
    ]
