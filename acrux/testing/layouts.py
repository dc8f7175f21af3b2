"""Read an OCI image layout, from a folder or a tar file."""

import posixpath
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec
from msgspec import Struct

from acrux.domain.content.digest import Digest
from acrux.errors import InvalidDigest
from acrux.testing.errors import NotALayout

INDEX: Final = "index.json"


class Descriptor(Struct, frozen=True, rename="camel"):
    """What says where content is (OCI image specification, descriptor.md)."""

    digest: str
    media_type: str = ""
    annotations: dict[str, str] = {}


class Manifest(Struct, frozen=True, rename="camel"):
    """What a manifest or an index names (manifest.md and image-index.md)."""

    media_type: str = ""
    manifests: list[Descriptor] = []
    config: Descriptor | None = None
    layers: list[Descriptor] = []

    @property
    def blobs(self) -> list[Descriptor]:
        """The configuration and the layers."""
        return [*([self.config] if self.config else []), *self.layers]


class Files(Protocol):
    """The files of a layout, by their paths within it."""

    def size(self, path: str) -> int | None:
        """The size in bytes; None if there is no such file."""

    def open(self, path: str) -> BinaryIO:
        """The content of a file that is there."""


class FolderFiles:
    """The files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, path: str) -> int | None:
        """See Files."""
        file = self._folder / path
        return file.stat().st_size if file.is_file() else None

    def open(self, path: str) -> BinaryIO:
        """See Files."""
        return (self._folder / path).open("rb")


class TarFiles:
    """The files of a tar file, which may be compressed."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        # Some programs write ./index.json.
        self._members = {posixpath.normpath(member.name): member for member in archive}

    def size(self, path: str) -> int | None:
        """See Files."""
        member = self._members.get(path)
        return member.size if member is not None and member.isfile() else None

    def open(self, path: str) -> BinaryIO:
        """See Files."""
        opened = self._archive.extractfile(self._members[path])
        assert opened is not None, path  # noqa: S101 -- size() says that it is a file
        return opened  # type: ignore[return-value]


class Layout:
    """The content of a layout (OCI image specification, image-layout.md)."""

    def __init__(self, files: Files, source: Path) -> None:
        self._files = files
        self._source = source

    def listed(self) -> list[Descriptor]:
        """What `index.json` lists. Raises NotALayout."""
        if self._files.size(INDEX) is None:
            raise NotALayout(f"{self._source} is not an OCI image layout: it holds no {INDEX}")
        with self._files.open(INDEX) as index:
            return parse(index.read(), f"{INDEX} of {self._source}").manifests

    def size(self, digest: str) -> int | None:
        """The size of a blob in bytes; None if the layout lacks it. Raises NotALayout."""
        return self._files.size(_path(digest))

    def open(self, digest: str) -> BinaryIO:
        """The content of a blob that is there."""
        return self._files.open(_path(digest))

    def read(self, digest: str) -> bytes:
        """The content of a manifest. Raises NotALayout if the layout lacks it."""
        if self.size(digest) is None:
            raise NotALayout(f"{self._source} lacks the manifest {digest}")
        with self.open(digest) as content:
            return content.read()


@contextmanager
def reading(source: Path) -> Iterator[Layout]:
    """The layout in a folder or a tar file. Raises NotALayout if it is neither."""
    if source.is_dir():
        yield Layout(FolderFiles(source), source)
        return
    try:
        archive = tarfile.open(source)  # noqa: SIM115 -- a caller's error is no error of tarfile
    except FileNotFoundError:
        raise NotALayout(f"there is neither a folder nor a file {source}") from None
    except tarfile.ReadError:
        raise NotALayout(f"{source} is neither a folder nor a tar file") from None
    with archive:
        yield Layout(TarFiles(archive), source)


def parse(content: bytes, name: str) -> Manifest:
    """A manifest or an index; `name` is for the message. Raises NotALayout."""
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as refused:
        raise NotALayout(f"{name} is not what it should be: {refused}") from None


def _path(digest: str) -> str:
    try:
        parsed = Digest.parse(digest)
    except InvalidDigest as refused:
        raise NotALayout(f"{digest!r} is not a digest: {refused.message}") from None
    return f"blobs/{parsed.algorithm}/{parsed.encoded}"
