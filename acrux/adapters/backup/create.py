"""Make a backup: the database first, then the blobs that it names."""

import os
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias

from msgspec import Struct

from acrux import __version__
from acrux.adapters.backup.blob_folder import Blobs, opened
from acrux.adapters.backup.damage import MAX_DAMAGED, Damage
from acrux.adapters.backup.files import write_file
from acrux.adapters.backup.manifest import FORMAT, FileRecord, Manifest, Tell
from acrux.adapters.backup.snapshot import Snapshot, copy_database
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob

# The secrets as they are stored in the backup; None leaves them out.
Seal: TypeAlias = Callable[[], bytes] | None


class Target(Blobs, Protocol):
    """Where a backup goes: see folder.FolderTarget and archive.ArchiveTarget."""

    place: Path

    def add(self, path: Path) -> FileRecord: ...
    def finish(self, manifest: Manifest, snapshot: Snapshot) -> None: ...


class Source(Struct, frozen=True):
    """What is backed up: the data directory, the registry's id, when, and how."""

    data_dir: Path
    registry: str
    at: datetime
    seal: Seal = None
    allow_damaged: bool = False


class Made(Struct, frozen=True):
    """A backup that is complete, and how many blobs and bytes of them were copied for it."""

    manifest: Manifest
    copied: int
    copied_bytes: int


def create(source: Source, target: Target, tell: Tell) -> Made:
    """Make a backup. No blob may be removed from the data directory meanwhile.

    Raises StorageExhausted and the like if it cannot be written, InvalidBackup if the database is
    damaged, DamagedBlob if blobs are damaged and not allowed to be, and OSError.
    """
    name = source.at.strftime("%Y%m%dT%H%M%S%fZ")
    path = target.place / f"registry-{name}"
    copy_database(source.data_dir / "registry.sqlite", path, tell)
    with closing(Snapshot(path)) as snapshot:
        snapshot.check(thoroughly=False)
        database = target.add(path)
        secrets = _secrets(source, target, f"secrets-{name}")
        copying = _Copying(source, target, tell)
        blobs, size = snapshot.totals()
        copying.copy_all(snapshot, blobs)
        manifest = Manifest(
            format=FORMAT,
            acrux=__version__,
            schema=snapshot.schema(),
            registry=source.registry,
            created_at=source.at.isoformat(),
            database=database,
            blobs=blobs,
            blob_bytes=size,
            damaged=copying.damaged,
            secrets=secrets,
        )
        target.finish(manifest, snapshot)
    return Made(manifest, copying.copied, copying.copied_bytes)


def _secrets(source: Source, target: Target, name: str) -> FileRecord | None:
    if source.seal is None:
        return None
    write_file(target.place / name, [source.seal()])
    return target.add(target.place / name)


class _Copying:
    """Copies the blobs that a snapshot names, and lists those that are damaged."""

    def __init__(self, source: Source, target: Target, tell: Tell) -> None:
        self.copied = 0
        self.copied_bytes = 0
        self.damaged: tuple[str, ...] = ()
        self._source = source
        self._target = target
        self._tell = tell

    def copy_all(self, snapshot: Snapshot, count: int) -> None:
        """Copy what is not there yet. Raises DamagedBlob unless damaged blobs are allowed."""
        found = Damage()
        for number, copy in enumerate(snapshot.copies(), 1):
            if not self._target.has(copy):
                with found.noted():
                    self._put(copy)
            self._tell("copying blobs", number, count, self.copied_bytes)
        if found.count > (MAX_DAMAGED if self._source.allow_damaged else 0):
            way = (
                f"a backup leaves out {MAX_DAMAGED} at most: repair the storage first"
                if self._source.allow_damaged
                else "push them again, or leave them out with --allow-damaged"
            )
            raise DamagedBlob(
                f"the registry holds damaged blobs, so this backup is not complete: {found}; {way}"
            )
        self.damaged = tuple(found.digests)

    def _put(self, copy: Copy) -> None:
        with os.fdopen(opened(self._source.data_dir, copy), "rb", buffering=0) as file:
            self._target.put(copy, file)
        self.copied += 1
        self.copied_bytes += copy.size
