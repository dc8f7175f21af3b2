"""Whether the rows of a registry agree with each other, and with the files of its blobs."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from acrux.domain.content.digest import Digest
from acrux.domain.content.manifest import Manifest
from acrux.errors import InvalidManifest

# Executes a statement, and returns its rows.
Rows = Callable[[str], list[tuple[Any, ...]]]

_OWNED: Final = ("tags", "manifests", "manifest_references", "blob_links", "usage")

# What must be true at every instant: a query that finds the exceptions, and what they are.
_EXCEPTIONS: Final = {
    "a tag without its manifest": """
        SELECT repository, name FROM tags WHERE NOT EXISTS (
            SELECT 1 FROM manifests
            WHERE manifests.repository = tags.repository AND manifests.digest = tags.digest)
    """,
    "a link to a blob that no copy stores": """
        SELECT repository, digest FROM blob_links
        WHERE NOT EXISTS (SELECT 1 FROM blobs WHERE blobs.digest = blob_links.digest)
    """,
    "a blob that no repository links": """
        SELECT digest, copy FROM blobs
        WHERE NOT EXISTS (SELECT 1 FROM blob_links WHERE blob_links.digest = blobs.digest)
    """,
    "a copy in use that is to be removed": "SELECT digest, copy FROM blobs JOIN removals"
    " USING (digest, copy)",
    "a reference of a manifest that is not there": """
        SELECT repository, target, digest FROM manifest_references AS named WHERE NOT EXISTS (
            SELECT 1 FROM manifests
            WHERE manifests.repository = named.repository AND manifests.digest = named.digest)
        AND EXISTS (SELECT 1 FROM repositories WHERE key = named.repository AND name IS NOT NULL)
    """,
    "a link that nothing names, holds or reviews": """
        SELECT repository, digest FROM blob_links AS links
        WHERE NOT EXISTS (SELECT 1 FROM manifest_references AS named
                          WHERE named.repository = links.repository
                            AND named.target = links.digest)
          AND NOT EXISTS (SELECT 1 FROM reviews WHERE reviews.repository = links.repository
                                                  AND reviews.digest = links.digest)
          AND NOT EXISTS (SELECT 1 FROM holds WHERE holds.repository = links.repository
                                                AND holds.digest = links.digest)
          AND EXISTS (SELECT 1 FROM repositories WHERE key = links.repository AND name IS NOT NULL)
    """,
    **{
        f"a row of {table} without a repository": f"""
            SELECT repository FROM {table} WHERE NOT EXISTS (
                SELECT 1 FROM repositories WHERE key = {table}.repository)
        """  # noqa: S608 -- our own names
        for table in _OWNED
    },
}


def row_faults(rows: Rows) -> list[str]:
    """Where the rows contradict each other. All that existed before must have been counted."""
    found = [
        f"{what}: {' '.join(map(str, row))}"
        for what, sql in _EXCEPTIONS.items()
        for row in rows(sql)
    ]
    return [*found, *_miscounted(rows), *_unnamed(rows)]


def _miscounted(rows: Rows) -> Iterator[str]:
    counted = rows(
        """
        SELECT key, manifests, manifest_bytes, tags, blobs, blob_bytes,
               (SELECT COUNT(*) FROM manifests WHERE repository = key),
               (SELECT COALESCE(SUM(size), 0) FROM manifests WHERE repository = key),
               (SELECT COUNT(*) FROM tags WHERE repository = key),
               (SELECT COUNT(*) FROM blob_links WHERE repository = key),
               (SELECT COALESCE(SUM(size), 0) FROM blob_links WHERE repository = key)
        FROM repositories LEFT JOIN usage ON repository = key WHERE name IS NOT NULL
        """
    )
    for key, *numbers in counted:
        if numbers[:5] != numbers[5:]:
            yield f"{key} is counted as {numbers[:5]}, and has {numbers[5:]}"
    stored: Counter[str] = Counter()
    for digest, size in rows("SELECT digest, size FROM blobs"):
        part = digest.partition(":")[2][:2]
        stored[f"{part} blobs"] += 1
        stored[f"{part} bytes"] += size
    kept: Counter[str] = Counter()
    for part, blobs, size in rows("SELECT part, blobs, bytes FROM stored"):
        kept[f"{part} blobs"], kept[f"{part} bytes"] = blobs, size
    for name in sorted({*stored, *kept}):
        if stored[name] != kept[name]:
            yield f"{name} are counted as {kept[name]}, and are {stored[name]}"


def _unnamed(rows: Rows) -> Iterator[str]:
    named = set(rows("SELECT repository, target, digest FROM manifest_references"))
    live = "SELECT repository, digest, media_type, content FROM manifests"
    for repository, digest, media_type, content in rows(live):
        with suppress(InvalidManifest):
            manifest = Manifest.read(content, media_type)
            for each in (*manifest.blobs, *manifest.manifests):
                if (repository, str(each.digest), digest) not in named:
                    yield f"{digest} in {repository} names {each.digest}, and no row says so"


def file_faults(rows: Rows, data_dir: Path) -> list[str]:
    """Blobs in use whose bytes are missing or wrong, and copies that no row names."""
    used: dict[str, str] = dict(rows("SELECT digest, copy FROM blobs"))
    waiting = set(rows("SELECT digest, copy FROM removals"))
    files = dict(_files(data_dir))
    found = []
    for digest, copy in used.items():
        file = files.get((digest, copy))
        if file is None:
            found.append(f"missing: {digest}.{copy}")
        elif str(Digest.of(file.read_bytes(), digest.partition(":")[0])) != digest:
            found.append(f"damaged: {digest}.{copy}")
    named = {*used.items(), *waiting}
    return [*found, *(f"forgotten: {'.'.join(copy)}" for copy in sorted(files.keys() - named))]


def _files(data_dir: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    for file in (data_dir / "blobs").glob("sha*/*/*"):
        digits, _, name = file.name.partition(".")
        assert re.fullmatch(r"[0-9a-f]+", digits), file
        yield (f"{file.parent.parent.name}:{digits}", name), file


def faults(data_dir: Path) -> list[str]:
    """All of these, in a data directory."""
    # Not sqlite3: if two SQLite libraries of one process open a file, one's close ends the other's
    # locks (https://sqlite.org/howtocorrupt.html §2.2.1).
    with closing(apsw.Connection(str(data_dir / "registry.sqlite"))) as database:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return database.execute(sql).fetchall()

        return [*row_faults(rows), *file_faults(rows, data_dir)]
