"""What each repository holds: counted by the transactions that change it."""

from collections.abc import Mapping, Sequence
from typing import Final

from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.many_rows import placeholder_rows

ALL = "~"  # after every name and digest: what existed before the counters is counted

# The condition of the partial index of `usage`, so that both databases use it.
UNCOUNTED = f"(manifests_to < '{ALL}' OR tags_to < '{ALL}' OR blobs_to < '{ALL}')"

# The counters that have one of bytes, too.
_SIZES: Final = {"manifests": "manifest_bytes", "blobs": "blob_bytes"}


def count_from_nothing(key: str) -> Statement:
    """The counters of a new repository."""
    return Statement(
        """
        INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes,
                           manifests_to, tags_to, blobs_to)
        VALUES (:key, 0, 0, 0, 0, 0, :all, :all, :all)
        ON CONFLICT (repository) DO NOTHING
        """,
        {"key": key, "all": ALL},
    )


def bytes_of(key: str) -> Steps[int]:
    """How many bytes of the repository are counted."""
    [(size,)] = yield Statement(
        "SELECT manifest_bytes + blob_bytes FROM usage WHERE repository = :key", {"key": key}
    )
    return int(size)


def add_manifest(key: str, digest: str, size: int) -> Statement:
    """Count a manifest that was stored."""
    return _change_manifests(key, digest, 1, size)


def take_manifest(key: str, digest: str, size: int) -> Statement:
    """Count that a manifest was removed."""
    return _change_manifests(key, digest, -1, -size)


def _change_manifests(key: str, digest: str, count: int, size: int) -> Statement:
    # What lies beyond the counted part is counted when the background walk gets there.
    return Statement(
        """
        UPDATE usage SET manifests = manifests + :count, manifest_bytes = manifest_bytes + :bytes
        WHERE repository = :key AND manifests_to >= :digest
        """,
        {"key": key, "digest": digest, "count": count, "bytes": size},
    )


def add_tag(key: str, tag: str) -> Statement:
    """Count a tag that was created."""
    return _change_tags(key, tag, 1)


def take_tag(key: str, tag: str) -> Statement:
    """Count that a tag was removed."""
    return _change_tags(key, tag, -1)


def _change_tags(key: str, tag: str, count: int) -> Statement:
    return Statement(
        "UPDATE usage SET tags = tags + :count WHERE repository = :key AND tags_to >= :tag",
        {"key": key, "tag": tag, "count": count},
    )


def add_link(key: str, digest: str, size: int) -> Statement:
    """Count a blob that was linked."""
    return change_links(key, digest, 1, size)


def take_link(key: str, digest: str, size: int) -> Statement:
    """Count that a blob was unlinked."""
    return change_links(key, digest, -1, -size)


def change_links(key: str, digest: str, count: int, size: int) -> Statement:
    """Count links, or a link whose size was corrected."""
    return Statement(
        """
        UPDATE usage SET blobs = blobs + :count, blob_bytes = blob_bytes + :bytes
        WHERE repository = :key AND blobs_to >= :digest
        """,
        {"key": key, "digest": digest, "count": count, "bytes": size},
    )


def take_rows(key: str, counter: str, rows: Sequence[Row]) -> Steps[None]:
    """Count that many rows were removed at once: names of tags, or digests and their sizes.

    `counter` is tags, manifests or blobs.
    """
    if not rows:
        return
    find_counted = Statement(
        f"SELECT {counter}_to FROM usage WHERE repository = :key",  # noqa: S608 -- our own name
        {"key": key},
    )
    for (to,) in (yield find_counted):
        counted = [row for row in rows if str(row[0]) <= str(to)]
        yield _take(key, counter, counted)


def _take(key: str, counter: str, rows: Sequence[Row]) -> Statement:
    changes = f"{counter} = {counter} - :count"
    parameters: dict[str, SqlValue] = {"key": key, "count": len(rows)}
    if counter in _SIZES:
        changes += f", {_SIZES[counter]} = {_SIZES[counter]} - :bytes"
        parameters["bytes"] = sum(int(size) for _, size in rows)
    return Statement(
        f"UPDATE usage SET {changes} WHERE repository = :key",  # noqa: S608 -- our own names
        parameters,
    )


def store(digest: str, count: int, size: int) -> Statement:
    """Count blobs and bytes in the store, wherever they are linked."""
    return _store({_part(digest): (count, size)})


def take_all(removed: Sequence[tuple[str, int]]) -> Statement:
    """Count that blobs were removed from the store, each a digest and its size in bytes."""
    parts: dict[str, tuple[int, int]] = {}
    for digest, size in removed:
        part = _part(digest)
        blobs, stored = parts.get(part, (0, 0))
        parts[part] = (blobs - 1, stored - size)
    return _store(parts)


def _store(parts: Mapping[str, tuple[int, int]]) -> Statement:
    values: list[SqlValue] = [value for part, added in parts.items() for value in (part, *added)]
    return Statement(
        f"""
        INSERT INTO stored (part, blobs, bytes) VALUES {placeholder_rows(len(parts), 3)}
        ON CONFLICT (part)
        DO UPDATE SET blobs = stored.blobs + excluded.blobs, bytes = stored.bytes + excluded.bytes
        """,  # noqa: S608 -- only placeholders
        {},
        values,
    )


def _part(digest: str) -> str:
    return digest.partition(":")[2][:2]
