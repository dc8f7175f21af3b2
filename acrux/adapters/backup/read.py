"""Read a backup to its end: check it, or restore a registry from it."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Final, Protocol

from acrux.adapters.backup import sealed
from acrux.adapters.backup.blob_folder import BlobFolder, Blobs, NoBlobs
from acrux.adapters.backup.damage import Damage
from acrux.adapters.backup.files import lock
from acrux.adapters.backup.manifest import Manifest, Tell
from acrux.adapters.backup.snapshot import Snapshot
from acrux.adapters.blobs.checked import Content
from acrux.adapters.blobs.folders import make_folders, sync_folder
from acrux.adapters.data_dir import RESTORING
from acrux.adapters.sql.schema import migrations
from acrux.domain.content.storage.copy import Copy
from acrux.errors import InvalidBackup, InvalidInput, RegistryError

# The secrets by their names, from what the backup holds of them.
Unseal = Callable[[bytes | None], dict[str, bytes]]

DATABASE: Final = "registry.sqlite"
PARTS: Final = ("blobs", *sealed.FOLDERS)


class Source(Protocol):
    """A backup to read: see folder.FolderSource and archive.ArchiveSource."""

    @property
    def sealed(self) -> bytes | None:
        """The encrypted secrets, if there are any; known after `begin`."""

    def begin(self, place: Path | None) -> Path: ...
    def blob(self, copy: Copy) -> AbstractContextManager[Content]: ...
    def end(self) -> Manifest: ...


def verify(source: Source, unseal: Unseal, tell: Tell) -> Manifest:
    """Read every byte of the backup, and return its manifest if all of them are right.

    Raises InvalidBackup that says what is damaged, what `unseal` raises, and OSError.
    """
    found = source.begin(None)
    unseal(source.sealed)
    with closing(Snapshot(found)) as snapshot:
        return _read(source, snapshot, NoBlobs(), tell)


def restore(source: Source, data_dir: Path, unseal: Unseal, tell: Tell) -> Manifest:
    """Make a data directory from the backup, whole or not at all.

    Until everything is checked and durable, it is in the folder `restoring`, with which no registry
    starts. If this is interrupted, the next call goes on. Raises InvalidInput if the directory
    holds something else, InvalidBackup, what `unseal` raises, and OSError.
    """
    with _claimed(data_dir) as place, closing(BlobFolder(place)) as blobs:
        found = source.begin(place)
        secrets = unseal(source.sealed)
        with closing(Snapshot(found)) as snapshot:
            manifest = _read(source, snapshot, blobs, tell)
            blobs.finish()
            blobs.remove_all_but(snapshot)
        sealed.put(secrets, place)
        found.rename(place / DATABASE)
        sync_folder(place)
        _publish(place, data_dir)
        return manifest


def _read(source: Source, snapshot: Snapshot, blobs: Blobs, tell: Tell) -> Manifest:
    snapshot.check(thoroughly=True)
    _check_schema(snapshot.schema())
    damage = Damage()
    count, size = snapshot.totals()
    read = 0
    for number, copy in enumerate(snapshot.copies(), 1):
        with damage.noted(), source.blob(copy) as content:
            if not blobs.has(copy):
                blobs.put(copy, content)
        read += copy.size
        tell("reading blobs", number, count, read)
    manifest = source.end()
    rest = damage.without(manifest.damaged)
    if rest.count:
        raise InvalidBackup(f"the backup is damaged: {rest}")
    if (manifest.blobs, manifest.blob_bytes) != (count, size):
        raise InvalidBackup(
            f"the backup is damaged: its database names {count} blobs of {size} bytes, and its "
            f"manifest {manifest.blobs} of {manifest.blob_bytes}"
        )
    return manifest


def _check_schema(version: int) -> None:
    known = len(migrations())
    if version > known:
        raise InvalidBackup(
            f"the backup has version {version} of the schema, and this acrux knows versions up to "
            f"{known}: use the acrux that made it, or a newer one"
        )


@contextmanager
def _claimed(data_dir: Path) -> Iterator[Path]:
    place = data_dir / RESTORING
    is_new = not data_dir.exists()
    make_folders(data_dir)
    entries = set(os.listdir(data_dir)) - {"lost+found"}  # of the root of a file system
    if entries and RESTORING not in entries:
        raise InvalidInput(
            f"{data_dir} is not empty: restore into a new directory, so that nothing is overwritten"
        )
    make_folders(place)
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        lock(descriptor, f"another restore into {data_dir} is running: wait for it")
        _take_back(place, data_dir)
        yield place
    except RegistryError:
        if not (place / "blobs").exists():  # refused before anything was worth keeping
            shutil.rmtree(data_dir if is_new else place)
        raise
    finally:
        os.close(descriptor)


def _take_back(place: Path, data_dir: Path) -> None:
    # What an interrupted restore had published already.
    unexpected = set(os.listdir(data_dir)) - {RESTORING, "lost+found", DATABASE, *PARTS}
    if unexpected:
        raise InvalidInput(
            f"{data_dir} holds {', '.join(sorted(unexpected))} besides an interrupted restore: "
            "restore into a new directory"
        )
    for name in (DATABASE, *PARTS):
        if (data_dir / name).exists():
            (data_dir / name).rename(place / name)
    for name in os.listdir(place):
        if name != "blobs":
            _remove(place / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def _publish(place: Path, data_dir: Path) -> None:
    for name in (*PARTS, DATABASE):
        if (place / name).exists():
            (place / name).rename(data_dir / name)
    sync_folder(data_dir)
    place.rmdir()
    sync_folder(data_dir)
