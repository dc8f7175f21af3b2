"""Registries to back up, and ways to die while doing it."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acrux.adapters.backup.archive import ArchiveSource, archive_in_file
from acrux.adapters.backup.create import Made, Source, create
from acrux.adapters.backup.folder import FolderSource, FolderTarget
from acrux.adapters.backup.manifest import Manifest
from acrux.adapters.backup.read import restore, verify
from acrux.bootstrap.application import build
from acrux.cli.server import sample
from acrux.domain.content.digest import Digest
from acrux.errors import InvalidBackup, RegistryError
from acrux.settings import Settings

AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
REGISTRY = "the-registry"

# What the bytes of a backup go through, as far as Python does it.
CALLS = ("open", "write", "fsync", "rename", "replace", "unlink", "mkdir", "rmdir")


class Death(BaseException):
    """The process was killed: nothing that it does from now on has an effect."""


def nobody(*_: object) -> None:
    """Watch nothing."""


def without_secrets(_: bytes | None) -> dict[str, bytes]:
    """Restore no secrets."""
    return {}


@dataclass
class Original:
    """A registry that is not running, with content; each blob that is pushed is another."""

    data_dir: Path
    pushed: int = 0

    def push(self, *contents: bytes) -> None:
        """Push blobs, or one that nobody has pushed yet."""
        self.pushed += 1
        new = f"blob {self.pushed}".encode()
        asyncio.run(self._push(contents or (new * self.pushed,)))

    async def _push(self, contents: Iterable[bytes]) -> None:
        registry = build(Settings(data_dir=self.data_dir))
        await registry.lifespan.open()
        for content in contents:
            await registry.services.uploads.put(sample.SESSION, Digest.of(content), whole(content))
        await registry.lifespan.close()

    def run(self, sql: str) -> None:
        """Change the database behind the registry's back."""
        with closing(sqlite3.connect(self.data_dir / "registry.sqlite")) as database, database:
            database.execute(sql)

    def make_former(self) -> None:
        """Turn all blobs into those of a former version: no rows, files named by the digest."""
        self.run("DELETE FROM blobs")
        for file in files_of(self.data_dir):
            file.rename(file.with_name(file.name.partition(".")[0]))

    def back_up(self, folder: Path, tell: Callable[..., None] = nobody, **options: Any) -> Made:
        """A backup in a folder, one second later than the one before."""
        self.made = getattr(self, "made", AT) + timedelta(seconds=1)
        source = Source(self.data_dir, options.pop("registry", REGISTRY), self.made, **options)
        with closing(FolderTarget(folder, source.registry)) as target:
            return create(source, target, tell)

    def archive(self, file: Path, **options: Any) -> Made:
        """A backup in a file."""
        with archive_in_file(file) as target:
            return create(Source(self.data_dir, REGISTRY, AT, **options), target, nobody)


async def whole(content: bytes) -> AsyncIterator[bytes]:
    """The content in one piece."""
    yield content


def files_of(folder: Path) -> list[Path]:
    """The files of all blobs."""
    return sorted(path for path in (folder / "blobs").rglob("*") if path.is_file())


def blobs_of(folder: Path) -> dict[str, bytes]:
    """The bytes of all blobs, by the names of their files."""
    return {path.name: path.read_bytes() for path in files_of(folder)}


@contextmanager
def reading(place: Path) -> Iterator[FolderSource | ArchiveSource]:
    """A backup in a folder or a file, to read."""
    if place.is_dir():
        with closing(FolderSource(place)) as folder:
            yield folder
    else:
        with place.open("rb") as file, closing(ArchiveSource(file, place.name)) as archive:
            yield archive


def checked(place: Path) -> Manifest:
    """What `acrux backup verify` finds."""
    with reading(place) as source:
        return verify(source, without_secrets, nobody)


def is_whole(place: Path) -> bool:
    """Whether `acrux backup verify` accepts it."""
    try:
        checked(place)
    except InvalidBackup:
        return False
    return True


def restored(place: Path, data_dir: Path, tell: Callable[..., None] = nobody) -> Manifest:
    """What `acrux restore` does, without secrets."""
    with reading(place) as source:
        return restore(source, data_dir, without_secrets, tell)


def starts(data_dir: Path) -> bool:
    """Whether a registry starts in the folder."""
    try:
        build(Settings(data_dir=data_dir, renew_pepper=True))
    except RegistryError:
        return False
    return True


def dies(monkeypatch: pytest.MonkeyPatch, number: int, work: Callable[[], object]) -> bool:
    """Whether the work was killed at the system call of this number, before its end."""
    left = number

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Death
            return real(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            work()
        except Death:
            return True
    return False
