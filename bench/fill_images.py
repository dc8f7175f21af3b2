"""Fill a registry with images by the hundred thousand: as rows, and as files for some of them."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from acrux.domain.content.manifest import Manifest
from bench.content import LAYER, MANIFEST, digest_of, image_manifest

LAYERS = 100  # that the images of a repository share
BLOB_BYTES = 1 << 10
AT_ONCE = 50_000  # images in a transaction
CACHE_KIB = 256 << 10
COPY = f"{0:016x}"  # the name of every copy

_INDEXED = ("manifests", "tags", "blob_links")


def tag(number: int) -> str:
    """The tag of an image."""
    return f"v{number:07}"


class Image(NamedTuple):
    """One image: its place in its repository, its blob, the layer it shares, its manifest."""

    number: int
    config: str
    layer: str
    digest: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Images:
    """A repository of `count` images. Each has a blob of its own, and one of 100 shared layers.

    The blobs of the first `files` images have files in the store; of the others there are only
    rows. Images without tags are as if pushed by digest.
    """

    repository: str
    count: int
    files: int = 0
    are_tagged: bool = True

    @property
    def blobs(self) -> int:
        """How many different blobs they have."""
        return self.count + min(LAYERS, self.count)

    def config(self, number: int) -> bytes:
        """The bytes of the blob that only this image has."""
        text = f'{{"architecture":"amd64","os":"linux","author":"{self.repository} {number}"}}'
        return text.encode().ljust(BLOB_BYTES)

    def layer(self, number: int) -> bytes:
        """The bytes of the layer that this image shares."""
        return f"{self.repository} shares {number % LAYERS}".encode().ljust(BLOB_BYTES)

    def image(self, number: int) -> Image:
        """An image of the repository."""
        config, layer = digest_of(self.config(number)), self._layers[number % LAYERS]
        content = image_manifest((config, BLOB_BYTES), [(LAYER, layer, BLOB_BYTES)])
        return Image(number, config, layer, digest_of(content), content)

    @cached_property
    def _layers(self) -> list[str]:
        return [digest_of(self.layer(number)) for number in range(LAYERS)]

    def groups(self) -> Iterator[list[Image]]:
        """All of its images, some at a time; each group is ordered by digest."""
        for start in range(0, self.count, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, self.count))
            yield sorted(map(self.image, numbers), key=lambda image: image.digest)


def fill_images(folder: Path, *repositories: Images) -> None:
    """Add the repositories to the data directory of a registry that does not run.

    The rows are those that acrux would have written, and no file is synced. A million images take
    about a minute and 2.5 GB of disk.
    """
    store = folder / "blobs" / "sha256"
    with closing(sqlite3.connect(folder / "registry.sqlite", isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        with _without_indexes(database):
            for images in repositories:
                _add_repository(database, images)
                for group in images.groups():
                    _add_rows(database, images, group)
                    _add_files(store, images, group)
        _sync(store)
        _count_stored(database)
        # Otherwise acrux believes only slowly that all this time has passed.
        database.execute("DELETE FROM facts WHERE name = 'clock'")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _without_indexes(database: sqlite3.Connection) -> Iterator[None]:
    # To make an index of a full table takes a fraction of the time that its rows take one by one.
    marks = ", ".join("?" * len(_INDEXED))
    indexes = database.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        f" AND tbl_name IN ({marks})",
        _INDEXED,
    ).fetchall()
    for name, _ in indexes:
        database.execute(f"DROP INDEX {name}")
    yield
    for _, definition in indexes:
        database.execute(definition)


def _add_repository(database: sqlite3.Connection, images: Images) -> None:
    size = len(images.image(0).content)
    database.execute(
        "INSERT INTO repositories (key, name, created_at) VALUES (?, ?, 0)",
        (images.repository, images.repository),
    )
    database.execute(
        "INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes,"
        " manifests_to, tags_to, blobs_to) VALUES (?, ?, ?, ?, ?, ?, '~', '~', '~')",
        (images.repository, images.count, images.count * size,
         images.count if images.are_tagged else 0, images.blobs, images.blobs * BLOB_BYTES),
    )  # fmt: skip


def _add_rows(database: sqlite3.Connection, images: Images, group: Sequence[Image]) -> None:
    key = images.repository
    sample = Manifest.read(group[0].content, MANIFEST)
    derived = (sample.media_type, len(sample.content), sample.content_size,
               sample.referrer_type, sample.config_media_type)  # fmt: skip
    blobs = sorted({image.config for image in group} | {image.layer for image in group})
    database.execute("BEGIN")
    database.executemany(
        "INSERT INTO manifests (repository, digest, media_type, size, image_size, artifact_type,"
        " config_media_type, architecture, os, created_at, updated_at, annotations, entries,"
        " content) VALUES (?, ?, ?, ?, ?, ?, ?, 'amd64', 'linux', ?, ?, '{}', '[]', ?)",
        ((key, image.digest, *derived, image.number, image.number, image.content)
         for image in group),
    )  # fmt: skip
    database.executemany(
        "INSERT INTO manifest_references (repository, target, digest) VALUES (?, ?, ?)",
        sorted((key, target, image.digest) for image in group
               for target in (image.config, image.layer)),
    )  # fmt: skip
    database.executemany(
        "INSERT OR IGNORE INTO blobs (digest, copy, size, stored_at) VALUES (?, ?, ?, 0)",
        ((blob, COPY, BLOB_BYTES) for blob in blobs),
    )
    database.executemany(
        "INSERT OR IGNORE INTO blob_links (repository, digest, size, created_at)"
        " VALUES (?, ?, ?, 0)",
        ((key, blob, BLOB_BYTES) for blob in blobs),
    )
    if images.are_tagged:
        database.executemany(
            "INSERT INTO tags (repository, name, digest, created_at, updated_at)"
            " VALUES (?, ?, ?, ?, ?)",
            sorted((key, tag(image.number), image.digest, image.number, image.number)
                   for image in group),
        )  # fmt: skip
    database.execute("COMMIT")


def _add_files(store: Path, images: Images, group: Sequence[Image]) -> None:
    for image in group:
        if image.number < images.files:
            _add_file(store, image.config, images.config(image.number))
            if image.number < LAYERS:
                _add_file(store, image.layer, images.layer(image.number))


def _add_file(store: Path, digest: str, content: bytes) -> None:
    digits = digest.removeprefix("sha256:")
    folder = store / digits[:2]
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / f"{digits}.{COPY}").write_bytes(content)


def _sync(store: Path) -> None:
    # On ext4 the first sync of a new folder takes milliseconds, and would be the collector's.
    for folder in store.iterdir():
        descriptor = os.open(folder, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _count_stored(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM stored")
    database.execute(
        "INSERT INTO stored (part, blobs, bytes)"
        " SELECT substr(digest, 8, 2), count(*), sum(size) FROM blobs GROUP BY 1"
    )
