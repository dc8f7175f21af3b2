"""A backup in one file, or in a pipe: a tar archive in a fixed order."""

import hashlib
import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final

from acrux.adapters.backup import manifest as manifests
from acrux.adapters.backup.files import write, write_file
from acrux.adapters.backup.manifest import (
    MANIFEST,
    MAX_MANIFEST_BYTES,
    READ_BYTES,
    FileRecord,
    Manifest,
    is_file,
    path_of,
)
from acrux.adapters.backup.snapshot import Snapshot
from acrux.adapters.blobs.checked import Checked, Content
from acrux.adapters.blobs.folders import sync_folder
from acrux.domain.content.storage.copy import Copy
from acrux.errors import DamagedBlob, InvalidBackup, InvalidInput, StorageUnavailable

MAX_SECRETS_BYTES: Final = 1 << 24

# tarfile copies as much for each header that it reads.
PIECE_BYTES: Final = 1 << 16

CUT: Final = f"is a backup that was cut short: {MANIFEST}, which is its last file, is missing"

_ASIDE: Final = ".partial"


class _Output:
    """A file or a pipe to write to from its beginning on."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self) -> int:
        """Where it begins."""
        return 0

    def write(self, content: bytes) -> None:
        """Write all of it. Raises OSError."""
        write(self._descriptor, content)


class ArchiveTarget:
    """A backup written as a tar archive: the database, the secrets, the blobs, the manifest.

    The blobs are ordered by their digests, as the database lists them. What must be a file before
    it can be written is in `place` meanwhile.
    """

    def __init__(self, descriptor: int, place: Path) -> None:
        self.place = place
        self._tar = tarfile.TarFile(
            fileobj=_Output(descriptor),  # type: ignore[arg-type]  # it only writes
            mode="w",
            copybufsize=READ_BYTES,
        )

    def has(self, _: Copy) -> bool:
        """A new archive holds nothing."""
        return False

    def put(self, copy: Copy, content: Content) -> None:
        """See blob_folder.Blobs; but damaged bytes are in the archive."""
        checked = Checked(copy, content)
        try:
            self._add(path_of(copy), copy.size, checked)
        except DamagedBlob as damaged:  # within the blob: the archive cannot go on
            raise StorageUnavailable(f"the blob {copy.digest} {damaged.message}") from damaged
        checked.end()

    def add(self, path: Path) -> FileRecord:
        """Write a file that is in `place`, and remove it there. Raises OSError."""
        record = manifests.record_of(path)
        with path.open("rb") as file:
            self._add(record.name, record.size, file)
        path.unlink()
        return record

    def finish(self, manifest: Manifest, _: Snapshot) -> None:
        """Write the manifest, and the end of the archive."""
        content = manifests.render(manifest)
        self._add(MANIFEST, len(content), BytesIO(content))
        self._tar.close()

    def _add(self, name: str, size: int, content: Content) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, content)  # type: ignore[arg-type]  # it only reads
        self._tar.members.clear()  # type: ignore[attr-defined]  # it remembers each of a million


@contextmanager
def archive_in_file(path: Path) -> Iterator[ArchiveTarget]:
    """An archive that gets its name at the end of the block, if that succeeds.

    Raises InvalidInput if the file is there already.
    """
    if path.exists():
        raise InvalidInput(f"{path} is there already: remove it, or choose another name")
    aside = path.with_name(f"{path.name}{_ASIDE}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as place:
                yield ArchiveTarget(descriptor, Path(place))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        aside.rename(path)
        sync_folder(path.parent)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


@contextmanager
def archive_in_pipe(descriptor: int) -> Iterator[ArchiveTarget]:
    """An archive that goes to a pipe; the database is a temporary file meanwhile."""
    with TemporaryDirectory(prefix="acrux-backup-") as place:
        yield ArchiveTarget(descriptor, Path(place))


class ArchiveSource:
    """A backup to read from a tar archive, once and in its order. Must be closed."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Raises InvalidBackup if it is no archive."""
        self._name = name
        self._opened = ExitStack()
        self._found: list[FileRecord] = []
        self.sealed: bytes | None = None
        with self._complete("is no backup, or was cut short at once: it is no tar archive"):
            self._tar = tarfile.open(fileobj=file, mode="r|*", bufsize=PIECE_BYTES)  # noqa: SIM115 -- it only reads
            self._next: tarfile.TarInfo | None = self._tar.next()

    def close(self) -> None:
        """Remove what was temporary."""
        self._opened.close()

    def begin(self, place: Path | None) -> Path:
        """The database, in `place` or in a temporary folder. Raises InvalidBackup, and OSError."""
        if place is None:
            place = Path(self._opened.enter_context(TemporaryDirectory(prefix="acrux-backup-")))
        if self._next is None or not is_file(self._next.name, "registry"):
            raise InvalidBackup(f"{self._name} is no backup: it does not begin with a database")
        path = place / self._next.name
        with self._content() as content:
            write_file(path, iter(lambda: content.read(READ_BYTES), b""))
        self._found.append(manifests.record_of(path))
        self._read_secrets()
        return path

    def _read_secrets(self) -> None:
        if self._next is None or not is_file(self._next.name, "secrets"):
            return
        name = self._next.name
        with self._content() as content:
            self.sealed = content.read(MAX_SECRETS_BYTES)
        digest = hashlib.sha256(self.sealed).hexdigest()
        self._found.append(FileRecord(name, len(self.sealed), digest))

    @contextmanager
    def blob(self, copy: Copy) -> Iterator[Content]:
        """The bytes of the copy, whose digest must be above those of all before.

        Raises DamagedBlob, InvalidBackup if the archive ends within them, and OSError.
        """
        if self._next is None or self._next.name != path_of(copy):
            raise DamagedBlob("is missing", digest=str(copy.digest))
        with self._content() as content:
            yield content

    def end(self) -> Manifest:
        """The manifest. Raises InvalidBackup if there is none, or it describes something else."""
        if self._next is None or self._next.name != MANIFEST:
            raise InvalidBackup(f"{self._name} {CUT}")
        with self._content() as content:
            manifest = manifests.parse(content.read(MAX_MANIFEST_BYTES), self._name)
        if manifest.files() != tuple(self._found):
            raise InvalidBackup(f"{self._name} is damaged: its database is not what was written")
        return manifest

    @contextmanager
    def _content(self) -> Iterator[Content]:
        assert self._next is not None  # noqa: S101 -- for the type checker
        with self._complete():
            content = self._tar.extractfile(self._next)
            if content is None:
                raise InvalidBackup(f"{self._name} is no backup: {self._next.name} is no file")
            try:
                yield content
            except DamagedBlob:  # found after the last byte; what follows can still be read
                self._advance()
                raise
            self._advance()

    def _advance(self) -> None:
        self._tar.members.clear()  # type: ignore[attr-defined]  # it remembers each of a million
        self._next = self._tar.next()

    @contextmanager
    def _complete(self, otherwise: str = CUT) -> Iterator[None]:
        try:
            yield
        except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as failed:
            raise InvalidBackup(f"{self._name} {otherwise}") from failed
