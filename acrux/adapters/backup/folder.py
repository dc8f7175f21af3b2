"""A backup in a folder, which the next one completes and replaces."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from acrux.adapters.backup import manifest as manifests
from acrux.adapters.backup.blob_folder import BlobFolder, opened
from acrux.adapters.backup.files import lock, write_file
from acrux.adapters.backup.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    READ_BYTES,
    FileRecord,
    Manifest,
)
from acrux.adapters.backup.snapshot import Snapshot
from acrux.adapters.blobs.checked import Content
from acrux.adapters.blobs.folders import make_folders
from acrux.adapters.keys.secrets import replace
from acrux.domain.content.storage.copy import Copy
from acrux.errors import InvalidBackup, InvalidInput

# Marks the folder as that of a registry's backups, and is locked while one is made.
MARK: Final = "acrux-backup"
MAX_MARK_BYTES: Final = 100


class FolderTarget:
    """A folder that a backup is made in.

    Until the manifest is replaced, by one rename, it names the files of the previous backup, which
    stay. Afterwards they are removed. Must be closed.
    """

    def __init__(self, folder: Path, registry: str) -> None:
        """Claim the folder for the backups of this registry.

        Raises InvalidInput if it holds anything else, TooManyRequests if another backup is being
        made in it, and OSError.
        """
        self.place = folder
        self._registry = registry
        self._opened = ExitStack()
        make_folders(folder)
        entries = set(os.listdir(folder)) - {"lost+found"}  # of the root of a file system
        if entries and MARK not in entries:
            raise InvalidInput(
                f"{folder} is neither empty nor holds backups of a registry: choose another folder"
            )
        with ExitStack() as opened_:
            mark = opened_.enter_context(_locked(folder))
            self._claim(mark)
            self._tidy(_named(folder))
            self._blobs = opened_.enter_context(closing(BlobFolder(folder)))
            self._opened = opened_.pop_all()
        self.has, self.put = self._blobs.has, self._blobs.put

    def _claim(self, mark: int) -> None:
        owner = os.pread(mark, MAX_MARK_BYTES, 0).decode(errors="replace").strip()
        if owner and owner != self._registry:
            raise InvalidInput(
                f"{self.place} holds backups of another registry: choose another folder, so that "
                "they are not replaced"
            )
        if not owner:
            os.pwrite(mark, f"{self._registry}\n".encode(), 0)
            os.fsync(mark)

    def close(self) -> None:
        """Close the files, and let others make backups here."""
        self._opened.close()

    def add(self, path: Path) -> FileRecord:
        """Take a file that is in `place` already. Raises OSError."""
        return manifests.record_of(path)

    def finish(self, manifest: Manifest, snapshot: Snapshot) -> None:
        """Make this the backup of the folder, and remove what only the previous one named."""
        self._blobs.finish()
        replace(self.place / MANIFEST, manifests.render(manifest), 0o600)
        self._tidy({record.name for record in manifest.files()})
        self._blobs.remove_all_but(snapshot)

    def _tidy(self, named: set[str]) -> None:
        # Also what was left of a backup that was killed.
        for name in set(os.listdir(self.place)) - named:
            if name.startswith(("registry-", "secrets-", f".{MANIFEST}.")):
                (self.place / name).unlink()


class FolderSource:
    """A backup in a folder, to read. Must be closed."""

    def __init__(self, folder: Path) -> None:
        """Raises InvalidBackup if there is no whole backup in it, and OSError."""
        self._folder = folder
        self._text = self._read()
        self._manifest = manifests.parse(self._text, str(folder))
        self.sealed: bytes | None = None

    def _read(self) -> bytes:
        with suppress(FileNotFoundError), (self._folder / MANIFEST).open("rb") as file:
            return file.read(MAX_MANIFEST_BYTES)
        if (self._folder / MARK).exists():
            raise InvalidBackup(
                f"the backup in {self._folder} was cut short: {MANIFEST}, which is written last, is"
                " missing; make the backup again"
            )
        raise InvalidBackup(f"there is no backup in {self._folder}: {MANIFEST} is missing")

    def close(self) -> None:
        """Nothing is open."""

    def begin(self, place: Path | None) -> Path:
        """The database, copied to `place` if that is given.

        Raises InvalidBackup if it or the secrets are damaged, and OSError.
        """
        if record := self._manifest.secrets:
            self._check(self._folder / record.name, record)
            self.sealed = (self._folder / record.name).read_bytes()
        found, record = self._folder / self._manifest.database.name, self._manifest.database
        if place is not None and found.exists():
            found = _copied(found, place / record.name)
        self._check(found, record)
        return found

    def _check(self, path: Path, record: FileRecord) -> None:
        if not path.exists():
            raise self._fault(f"{record.name} is missing")
        if manifests.record_of(path) != record:
            raise self._fault(f"{record.name} is not what was written")

    def _fault(self, text: str) -> InvalidBackup:
        return InvalidBackup(f"the backup in {self._folder} is damaged: {text}")

    @contextmanager
    def blob(self, copy: Copy) -> Iterator[Content]:
        """The bytes of the copy. Raises DamagedBlob, and OSError."""
        with os.fdopen(opened(self._folder, copy), "rb", buffering=0) as file:
            yield file

    def end(self) -> Manifest:
        """The manifest. Raises InvalidBackup if the backup was replaced meanwhile."""
        if self._read() != self._text:
            raise InvalidBackup(f"a newer backup was made in {self._folder} meanwhile: try again")
        return self._manifest


def _named(folder: Path) -> set[str]:
    # Without a manifest there is no backup to keep. A damaged one names nothing for sure.
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return set()
    return {record.name for record in manifests.parse(text, str(folder)).files()}


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder / MARK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        lock(descriptor, f"another backup is being made in {folder}: try again when it has ended")
        yield descriptor
    finally:
        os.close(descriptor)


def _copied(source: Path, target: Path) -> Path:
    with source.open("rb") as content:
        write_file(target, iter(lambda: content.read(READ_BYTES), b""))
    return target
