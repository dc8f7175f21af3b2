"""The contract of ports.Segments, on every database."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from acrux.adapters.sql.uploads import SqlUploads
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.ports.content.blobs import Abandoned
from acrux.ports.content.segments import Progress, Segment
from tests.contracts.blob_stores import new_upload
from tests.contracts.databases import Databases

NOON = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def segment(content: bytes) -> Segment:
    """A segment that holds the content, and is named by it."""
    return Segment(f"name-of-{content.decode()}", len(content), Digest.of(content))


ABC, DE = segment(b"abc"), segment(b"de")


@pytest.fixture
def segments(databases: Databases) -> SqlUploads:
    """No uploads yet."""
    database = databases.open()
    return SqlUploads(database, database)


async def test_segments_are_listed_in_the_order_of_their_bytes(segments: SqlUploads) -> None:
    """The blob would be put together wrongly."""
    upload = new_upload()
    await segments.begin(upload, NOON)
    many = [segment(f"{number:03}".encode()) for number in range(250)]

    assert await segments.extend(upload, 0, [ABC, DE], NOON)
    assert await segments.extend(upload, 5, many, NOON)

    assert await segments.list(upload) == [ABC, DE, *many]
    assert await segments.find(upload) == Progress(755, 252)


async def test_of_many_requests_at_the_same_offset_one_is_added(databases: Databases) -> None:
    """Bytes would be there twice, or the bytes of two clients mixed."""
    workers = [SqlUploads(*[databases.open()] * 2) for _ in range(4)]
    upload = new_upload()
    await workers[0].begin(upload, NOON)

    added = await asyncio.gather(
        *(one.extend(upload, 0, [segment(b"%d" % n)], NOON) for n, one in enumerate(workers))
    )

    assert sorted(added) == [False, False, False, True]
    assert await workers[0].list(upload) == [segment(b"%d" % added.index(True))]


async def test_an_upload_that_became_a_blob_never_changes_again(segments: SqlUploads) -> None:
    """A blob would grow after it was verified, or be two."""
    upload, copy = new_upload(), Copy(Digest.of(b"abc"), "0123456789abcdef", 3)
    await segments.begin(upload, NOON)
    await segments.extend(upload, 0, [ABC], NOON)

    assert not await segments.close(upload, Copy(copy.digest, copy.name, 2), NOON)
    assert await segments.close(upload, copy, NOON + HOUR)
    assert not await segments.close(upload, copy, NOON)
    assert not await segments.extend(upload, 3, [DE], NOON)
    await segments.touch(upload, NOON + 2 * HOUR)

    assert await segments.find(upload) == Progress(3, 1, copy, NOON + HOUR)
    assert await segments.list(upload) == []


async def test_a_forgotten_upload_is_gone_and_names_what_it_had(segments: SqlUploads) -> None:
    """A cancelled upload stays cancelled, and its objects are removed."""
    upload, closed = new_upload(), new_upload()
    copy = Copy(Digest.of(b""), "0123456789abcdef", 0)
    for one in (upload, closed):
        await segments.begin(one, NOON)
    await segments.extend(upload, 0, [ABC, DE], NOON)
    await segments.close(closed, copy, NOON)

    forgotten, ended = await segments.forget(upload), await segments.forget(closed)

    assert forgotten is not None
    assert forgotten[0] == Progress(5, 2)
    assert (forgotten[1].amount, set(forgotten[1].segments)) == (
        Abandoned(1, 5),
        {ABC.name, DE.name},
    )
    assert ended is not None
    assert ended[0].became == copy
    assert await segments.forget(upload) is None
    assert not await segments.extend(upload, 5, [DE], NOON)
    assert not await segments.close(upload, Copy(copy.digest, "1" * 16, 5), NOON)


async def test_only_open_uploads_that_nobody_used_are_given_up(segments: SqlUploads) -> None:
    """A slow push would be lost, or a commit could not be repeated."""
    old, used, closed = (new_upload() for _ in range(3))
    for upload in (old, used, closed):
        await segments.begin(upload, NOON)
    await segments.extend(old, 0, [ABC], NOON)
    await segments.touch(used, NOON + HOUR)
    await segments.close(closed, Copy(Digest.of(b""), "0123456789abcdef", 0), NOON)
    before = NOON + timedelta(minutes=1)

    assert await segments.count(10) == 2
    assert await segments.abandoned(before) == Abandoned(1, 3)
    ended = await segments.give_up(before, 10)

    assert (ended.amount, ended.segments) == (Abandoned(1, 3), (ABC.name,))
    assert (await segments.give_up(before, 10)).amount == Abandoned(0, 0)
    assert await segments.find(used) is not None
    await segments.forget_closed(NOON, 10)
    assert await segments.find(closed) is not None
    await segments.forget_closed(before, 10)
    assert await segments.find(closed) is None
    assert await segments.count(10) == 1


async def test_names_that_no_upload_has_are_told(segments: SqlUploads) -> None:
    """Objects that a killed process left are removed, and no others."""
    upload = new_upload()
    await segments.begin(upload, NOON)
    await segments.extend(upload, 0, [ABC], NOON)

    assert await segments.unknown([ABC.name, DE.name]) == [DE.name]
