"""Uploads into an object store, in SQL: how far each is, and its segments."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Final

from acrux.adapters.sql.database import Database, Row, SqlValue, Statement, Steps, did
from acrux.adapters.sql.many_rows import placeholder_rows, placeholders, slices
from acrux.domain.content.digest import Digest
from acrux.domain.content.storage.copy import Copy
from acrux.domain.content.upload import Upload
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.ports.content.blobs import Abandoned
from acrux.ports.content.segments import Ended, Progress, Segment

OPEN: Final = ""  # `became` of an upload that is open


class SqlUploads:
    """The port Segments; each method is described there. `growing` is for what adds rows."""

    def __init__(self, database: Database, growing: Database) -> None:
        self._database = database
        self._growing = growing

    async def begin(self, upload: Upload, at: datetime) -> None:
        """See ports.Segments."""
        await self._growing.write(_begin(upload.key, to_microseconds(at)))

    async def find(self, upload: Upload) -> Progress | None:
        """See ports.Segments."""
        rows = await self._database.read(_find(upload.key))
        return _progress(rows[0]) if rows else None

    async def list(self, upload: Upload) -> Sequence[Segment]:
        """See ports.Segments."""
        rows = await self._database.read(
            Statement(
                "SELECT name, size, digest FROM upload_segments WHERE upload = :upload "
                "ORDER BY start",
                {"upload": upload.key},
            )
        )
        return [Segment(name, int(size), Digest.parse(digest)) for name, size, digest in rows]

    async def extend(
        self, upload: Upload, offset: int, segments: Sequence[Segment], at: datetime
    ) -> bool:
        """See ports.Segments."""
        return await self._growing.write(_extend(upload.key, offset, segments, to_microseconds(at)))

    async def touch(self, upload: Upload, at: datetime) -> None:
        """See ports.Segments."""
        await self._database.write(_touch(upload.key, to_microseconds(at)))

    async def close(self, upload: Upload, copy: Copy, at: datetime) -> bool:
        """See ports.Segments."""
        return await self._database.write(_close(upload.key, copy, to_microseconds(at)))

    async def forget(self, upload: Upload) -> tuple[Progress, Ended] | None:
        """See ports.Segments."""
        return await self._database.write(_forget(upload.key))

    async def abandoned(self, before: datetime) -> Abandoned:
        """See ports.Segments."""
        [(count, size)] = await self._database.read(
            Statement(
                "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM uploads "
                "WHERE became = '' AND used_at < :before",
                {"before": to_microseconds(before)},
            )
        )
        return Abandoned(int(count), int(size))

    async def give_up(self, before: datetime, count: int) -> Ended:
        """See ports.Segments. Nothing is written if there is none."""
        found = await self._database.read(_idle(to_microseconds(before), count))
        if not found:
            return Ended(Abandoned(0, 0), ())
        return await self._database.write(_give_up(to_microseconds(before), count))

    async def forget_closed(self, before: datetime, count: int) -> None:
        """See ports.Segments. Nothing is written if there is none."""
        closed = Statement(
            "SELECT key FROM uploads WHERE became > '' AND used_at < :before LIMIT :count",
            {"before": to_microseconds(before), "count": count},
        )
        if keys := [str(key) for (key,) in await self._database.read(closed)]:
            await self._database.write(_forget_closed(keys))

    async def unknown(self, names: Collection[str]) -> Sequence[str]:
        """See ports.Segments."""
        known: set[str] = set()
        for some in slices(list(names)):
            rows = await self._database.read(
                Statement(
                    f"SELECT name FROM upload_segments WHERE name IN {placeholders(len(some))}",  # noqa: S608 -- only placeholders
                    {},
                    some,
                )
            )
            known.update(str(name) for (name,) in rows)
        return [name for name in names if name not in known]

    async def count(self, most: int) -> int:
        """See ports.Segments."""
        rows = await self._database.read(
            Statement("SELECT 1 FROM uploads WHERE became = '' LIMIT :most", {"most": most})
        )
        return len(rows)


def _begin(key: str, at: int) -> Steps[None]:
    yield Statement("INSERT INTO uploads (key, used_at) VALUES (:key, :at)", {"key": key, "at": at})


def _find(key: str) -> Statement:
    return Statement(
        "SELECT size, segments, became, copy, used_at FROM uploads WHERE key = :key", {"key": key}
    )


def _progress(row: Row) -> Progress:
    size, segments, became, copy, at = row
    if became == OPEN:
        return Progress(int(size), int(segments))
    stored = Copy(Digest.parse(became), str(copy), int(size))
    return Progress(int(size), int(segments), stored, from_microseconds(at))


def _extend(key: str, offset: int, segments: Sequence[Segment], at: int) -> Steps[bool]:
    ends = list(accumulate((segment.size for segment in segments), initial=offset))
    is_open = yield from did(
        Statement(
            """
            UPDATE uploads SET size = :end, segments = segments + :count, used_at = :at
            WHERE key = :key AND size = :offset AND became = '' RETURNING key
            """,
            {"key": key, "offset": offset, "end": ends[-1], "count": len(segments), "at": at},
        )
    )
    if is_open:
        for some in slices(list(zip(segments, ends, strict=False)), 100):
            yield _insert(key, some)
    return is_open


def _insert(key: str, segments: Iterable[tuple[Segment, int]]) -> Statement:
    values: list[SqlValue] = []
    for segment, start in segments:
        values += (key, start, segment.name, segment.size, str(segment.digest))
    return Statement(
        "INSERT INTO upload_segments (upload, start, name, size, digest) "  # noqa: S608 -- only placeholders
        f"VALUES {placeholder_rows(len(values) // 5, 5)}",
        {},
        values,
    )


def _touch(key: str, at: int) -> Steps[None]:
    yield Statement(
        "UPDATE uploads SET used_at = :at WHERE key = :key AND became = ''",
        {"key": key, "at": at},
    )


def _close(key: str, copy: Copy, at: int) -> Steps[bool]:
    is_closed = yield from did(
        Statement(
            """
            UPDATE uploads SET became = :digest, copy = :copy, used_at = :at
            WHERE key = :key AND size = :size AND became = '' RETURNING key
            """,
            {
                "key": key, "size": copy.size, "digest": str(copy.digest), "copy": copy.name,
                "at": at,
            },
        )
    )  # fmt: skip
    if is_closed:
        yield _delete_segments([key])
    return is_closed


def _forget(key: str) -> Steps[tuple[Progress, Ended] | None]:
    rows = yield _find(key)
    if not rows:
        return None
    was, ended = _progress(rows[0]), (yield from _end([key]))
    return was, ended


def _end(keys: Sequence[str]) -> Steps[Ended]:
    gone = yield _delete(keys)
    names = yield _delete_segments(keys)
    amount = Abandoned(len(gone), sum(int(size) for (size,) in gone))
    return Ended(amount, tuple(str(name) for (name,) in names))


def _delete(keys: Sequence[str]) -> Statement:
    return Statement(
        f"DELETE FROM uploads WHERE key IN {placeholders(len(keys))} RETURNING size",  # noqa: S608 -- only placeholders
        {},
        keys,
    )


def _delete_segments(keys: Sequence[str]) -> Statement:
    return Statement(
        f"DELETE FROM upload_segments WHERE upload IN {placeholders(len(keys))} RETURNING name",  # noqa: S608 -- only placeholders
        {},
        keys,
    )


def _idle(before: int, count: int) -> Statement:
    return Statement(
        "SELECT key FROM uploads WHERE became = '' AND used_at < :before "
        "ORDER BY used_at LIMIT :count",
        {"before": before, "count": count},
    )


def _give_up(before: int, count: int) -> Steps[Ended]:
    rows = yield _idle(before, count)
    if not rows:
        return Ended(Abandoned(0, 0), ())
    return (yield from _end([str(key) for (key,) in rows]))


def _forget_closed(keys: Sequence[str]) -> Steps[None]:
    yield _delete(keys)
