"""What a backup says of itself, and where things are in it."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from acrux.domain.content.storage.copy import Copy
from acrux.errors import InvalidBackup

MANIFEST: Final = "backup.json"
FORMAT: Final = 1
MAX_MANIFEST_BYTES: Final = 1 << 20

READ_BYTES: Final = 1 << 20

# Told what is being done, how many blobs of how many are done, and their bytes. What it raises ends
# the work.
Tell = Callable[[str, int, int, int], None]

_FILE: Final = re.compile(r"(registry|secrets)-[0-9A-Za-z]{1,64}")
_COPY: Final = re.compile(r"[0-9A-Za-z_-]{0,64}")


class FileRecord(Struct, frozen=True):
    """A file of the backup: its name, its size in bytes, and its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str


class Manifest(Struct, frozen=True):
    """What a backup holds. It is written last: without it there is no backup.

    `schema` is the version of the database's schema, `registry` the id of the registry, `damaged`
    the digests of the blobs that were damaged in the registry already, and are not in the backup.
    """

    format: int
    acrux: str
    schema: int
    registry: str
    created_at: str
    database: FileRecord
    blobs: int
    blob_bytes: int
    damaged: tuple[str, ...] = ()
    secrets: FileRecord | None = None

    def files(self) -> tuple[FileRecord, ...]:
        """The files besides the blobs and this one."""
        return (self.database, self.secrets) if self.secrets else (self.database,)


def render(manifest: Manifest) -> bytes:
    """The manifest as JSON for people and programs."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"


def parse(content: bytes, where: str) -> Manifest:
    """The manifest in the text. Raises InvalidBackup if it is none that this acrux can read."""
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise InvalidBackup(
            f"{MANIFEST} of {where} is damaged ({error}): use another backup"
        ) from error
    if manifest.format != FORMAT:
        raise InvalidBackup(
            f"{where} has the format {manifest.format}, and this acrux reads format {FORMAT}: use "
            f"acrux {manifest.acrux}, or a newer one"
        )
    for record in manifest.files():
        if not _FILE.fullmatch(record.name):
            raise InvalidBackup(f"{MANIFEST} of {where} names an unexpected file: {record.name!r}")
    return manifest


def is_file(name: str, kind: str) -> bool:
    """Whether this is the name of the database (`registry`) or of the secrets (`secrets`)."""
    found = _FILE.fullmatch(name)
    return found is not None and found[1] == kind


def path_of(copy: Copy) -> str:
    """Where the copy is, in a backup and in a data directory. Raises InvalidBackup for a bad name.

    The name comes from a database that may not be ours: it must not lead out of the folder.
    """
    if not _COPY.fullmatch(copy.name):
        raise InvalidBackup(f"the database names a copy of {copy.digest} that cannot exist")
    encoded = copy.digest.encoded
    file = f"{encoded}.{copy.name}" if copy.name else encoded
    return f"blobs/{copy.digest.algorithm}/{encoded[:2]}/{file}"


def record_of(path: Path) -> FileRecord:
    """The name, the size and the SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileRecord(path.name, file.tell(), digest)
