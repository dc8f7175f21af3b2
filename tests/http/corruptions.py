"""What can be wrong in a data directory: each way, and what a check does."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

from acrux.domain.content.digest import Digest
from tests.images import image
from tests.tools import blob_file, blob_files, copy_file

LAYER: Final = b"the layer that is damaged" * 40
OTHER: Final = b"a layer that is whole"
LOOSE: Final = b"a blob that no manifest names"
IMAGE: Final = image(LAYER, OTHER)
DIGEST: Final = Digest.of(LAYER)
NEVER: Final = Digest.of(b"never pushed")
SPARE: Final = "0123456789abcdef"  # the name of a copy that no row names
UPLOAD: Final = "01234567-89ab-cdef-0123-456789abcdef." + "0" * 64

LONG_AGO: Final = 1_000_000  # seconds since 1970

Damage = Callable[["Data"], None]


class Data:
    """A data directory, changed behind the registry's back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sql(self, statement: str, *values: str) -> None:
        """Change rows; foreign keys are not obeyed."""
        with closing(self._opened()) as database:
            database.execute(statement, values)

    def write(self, content: bytes) -> None:
        """Overwrite the layer's copy in use in place."""
        blob_files(self.folder, DIGEST)[-1].write_bytes(content)

    def spare(self, content: bytes, digest: Digest = DIGEST, *, at: int = LONG_AGO) -> None:
        """Store a copy that no row names."""
        file = copy_file(self.folder, digest, SPARE)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (at, at))

    def state(self, without: str, digests: set[str]) -> dict[tuple[str, str], object]:
        """Each row and file, except those of a repository and of some digests."""
        found = {("files", path): looks for path, looks in self._files() if not _has(path, digests)}
        with closing(self._opened()) as database:
            for table in _TABLES:
                for row in database.execute(f"SELECT * FROM {table}"):  # noqa: S608 -- our own names
                    text = repr(row)
                    if f"'{without}'" not in text and not _has(text, digests):
                        found[table, text] = None
        return found

    def _opened(self) -> apsw.Connection:
        # Not the sqlite3 module: two SQLites in one process release each other's locks.
        database = apsw.Connection(str(self.folder / "registry.sqlite"))
        database.set_busy_timeout(30_000)
        return database

    def _files(self) -> Iterator[tuple[str, object]]:
        for top in ("blobs", "uploads", "secrets"):
            for file in sorted((self.folder / top).rglob("*")):
                mode = file.lstat().st_mode
                if stat.S_ISREG(mode):
                    content = sha256(file.read_bytes()).hexdigest()
                    yield str(file.relative_to(self.folder)), (content, mode)


def _has(text: str, digests: set[str]) -> bool:
    return any(digest in text for digest in digests)


# All that the check could touch, except the sums that concern every repository.
_TABLES: Final = (
    "accounts", "blob_links", "blobs", "manifest_references", "manifests", "passwords", "policies",
    "removals", "repositories", "reviews", "tags", "untagged", "usage",
)  # fmt: skip


class Corruption(Struct, frozen=True):
    """A way to damage a registry that holds IMAGE as `app:v1`, and LOOSE.

    `shallow` is what a check finds, `deep` what a deep one finds besides; `repaired` and
    `quarantined` of these are so after a repair, and then only rows and files in `touched` differ.
    """

    name: str
    damage: Damage
    shallow: str = ""
    deep: str = ""
    repaired: str = ""
    quarantined: str = ""
    touched: str = ""


def _flip(data: Data) -> None:
    data.write(b"X" + LAYER[1:])


def _mark(data: Data) -> None:
    blob_file(data.folder, DIGEST).chmod(0o600 | stat.S_ISVTX)


def _healable(damage: Damage) -> Damage:
    def both(data: Data) -> None:
        damage(data)
        data.spare(LAYER)

    return both


def _hopeless(data: Data) -> None:
    _flip(data)
    data.spare(b"Y" + LAYER[1:])


def _upload(data: Data) -> None:
    file = data.folder / "uploads" / UPLOAD
    file.write_bytes(b"abandoned")
    os.utime(file, (LONG_AGO, LONG_AGO))


def _unlink(digest: Digest) -> Damage:
    return lambda data: data.sql("DELETE FROM blob_links WHERE digest = ?", str(digest))


def _strangers(data: Data) -> None:
    part = data.folder / "blobs" / "sha256" / DIGEST.encoded[:2]
    (part / "notes.txt").write_text("mine")
    (part / ("0" * 128)).write_text("of another algorithm")
    (data.folder / "blobs" / "lost+found").mkdir()
    (data.folder / "uploads" / os.fsdecode(b"\xff")).write_text("not UTF-8")


def _sql(statement: str, *values: str) -> Damage:
    return lambda data: data.sql(statement, *values)


_IMAGE = str(IMAGE.digest)

CORRUPTIONS: Final = (
    Corruption("nothing", lambda _: None),
    Corruption(
        "a copy is missing", lambda data: blob_file(data.folder, DIGEST).unlink(), "missing-blob"
    ),
    Corruption(
        "a copy is short", lambda data: data.write(LAYER[:-1]), "wrong-blob-size",
        quarantined="wrong-blob-size", touched="files",
    ),
    Corruption(
        "a copy is long", lambda data: data.write(LAYER + b"x"), "wrong-blob-size",
        quarantined="wrong-blob-size", touched="files",
    ),
    Corruption(
        "a copy is empty", lambda data: data.write(b""), "wrong-blob-size",
        quarantined="wrong-blob-size", touched="files",
    ),
    Corruption(
        "a byte is wrong", _flip, deep="damaged-blob", quarantined="damaged-blob", touched="files"
    ),
    Corruption("a copy is marked", _mark, "quarantined-blob", quarantined="quarantined-blob"),
    Corruption(
        "a copy is missing, and another one is there",
        _healable(lambda data: blob_file(data.folder, DIGEST).unlink()),
        "missing-blob orphaned-copy", repaired="missing-blob",
        touched="blobs files removals",
    ),
    Corruption(
        "a byte is wrong, and another copy is there", _healable(_flip),
        "orphaned-copy", "damaged-blob", repaired="damaged-blob",
        touched="blobs files removals",
    ),
    Corruption(
        "a copy is marked, and another one is there", _healable(_mark),
        "quarantined-blob orphaned-copy", repaired="quarantined-blob",
        touched="blobs files removals",
    ),
    Corruption(
        "no copy is whole", _hopeless, "orphaned-copy", "damaged-blob",
        quarantined="damaged-blob", touched="files",
    ),
    Corruption(
        "no row names a copy", lambda data: data.spare(b"never pushed", NEVER), "orphaned-copy",
        repaired="orphaned-copy", touched="removals",
    ),
    Corruption(
        "a push may be about to link a copy",
        lambda data: data.spare(b"never pushed", NEVER, at=LONG_AGO * 10_000),
    ),
    Corruption(
        "an upload is abandoned", _upload, "abandoned-uploads",
        repaired="abandoned-uploads", touched="files",
    ),
    Corruption("files are strange", _strangers, "unknown-file"),
    Corruption(
        "a link has no blob", _sql("DELETE FROM blobs WHERE digest = ?", str(DIGEST)),
        "link-without-blob wrong-registry-counters",
        repaired="link-without-blob wrong-registry-counters", touched="blobs files removals",
    ),
    Corruption(
        "a link was lost", _unlink(DIGEST), "blob-without-link wrong-repository-counters",
        repaired="wrong-repository-counters", touched="usage",
    ),
    Corruption(
        "a blob that nothing names has no link", _unlink(Digest.of(LOOSE)),
        "blob-without-link wrong-repository-counters",
        repaired="blob-without-link wrong-repository-counters", touched="blobs removals usage",
    ),
    Corruption(
        "a copy in use is to be removed",
        _sql("INSERT INTO removals SELECT digest, copy, size, 1 << 61 FROM blobs WHERE digest = ?",
             str(DIGEST)),
        "blob-to-be-removed", repaired="blob-to-be-removed", touched="removals",
    ),
    Corruption(
        "a link has a wrong size",
        _sql("UPDATE blob_links SET size = size + 1 WHERE digest = ?", str(DIGEST)),
        "wrong-link-size wrong-repository-counters",
        repaired="wrong-link-size wrong-repository-counters", touched="blob_links",
    ),
    Corruption(
        "a blob has a wrong size",
        _sql("UPDATE blobs SET size = size + 1 WHERE digest = ?", str(DIGEST)),
        "wrong-blob-size wrong-link-size wrong-registry-counters",
        repaired="wrong-blob-size wrong-registry-counters", touched="blobs files removals",
    ),
    Corruption(
        "a manifest is damaged",
        _sql("UPDATE manifests SET content = CAST('{}' AS BLOB) WHERE digest = ?", _IMAGE),
        "damaged-manifest",
    ),
    Corruption(
        "a manifest is no JSON",
        _sql("UPDATE manifests SET content = CAST('{' AS BLOB) WHERE digest = ?", _IMAGE),
        "damaged-manifest",
    ),
    Corruption(
        "a manifest states another type",
        _sql("UPDATE manifests SET media_type = 'text/plain' WHERE digest = ?", _IMAGE),
        "damaged-manifest",
    ),
    Corruption(
        "references are missing",
        _sql("DELETE FROM manifest_references WHERE digest = ?", _IMAGE),
        "missing-reference", repaired="missing-reference", touched="manifest_references",
    ),
    Corruption(
        "a reference is not that of the manifest",
        _sql("INSERT INTO manifest_references VALUES ('app', ?, ?)", str(NEVER), _IMAGE),
        "wrong-reference", repaired="wrong-reference", touched="manifest_references reviews",
    ),
    Corruption(
        "a reference has no manifest",
        _sql("INSERT INTO manifest_references VALUES ('app', ?, ?)", str(DIGEST), str(NEVER)),
        "reference-without-manifest",
    ),
    Corruption(
        "a tag has no manifest",
        _sql("UPDATE tags SET digest = ? WHERE repository = 'app' AND name = 'v1'", str(NEVER)),
        "tag-without-manifest",
    ),
    Corruption(
        "counters of a repository are wrong",
        _sql("UPDATE usage SET tags = tags + 1, blob_bytes = 0 WHERE repository = 'app'"),
        "wrong-repository-counters", repaired="wrong-repository-counters", touched="usage",
    ),
    Corruption(
        "a repository has no counters", _sql("DELETE FROM usage WHERE repository = 'app'"),
        "wrong-repository-counters", repaired="wrong-repository-counters", touched="usage",
    ),
    Corruption(
        "the counters of the registry are wrong",
        _sql("UPDATE stored SET blobs = blobs + 1, bytes = bytes - 1 WHERE part = ?",
             DIGEST.encoded[:2]),
        "wrong-registry-counters", repaired="wrong-registry-counters",
    ),
)  # fmt: skip
