"""Where a backup is: a folder, a file, or a pipe."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click

from acrux.adapters.backup.archive import ArchiveSource, archive_in_file, archive_in_pipe
from acrux.adapters.backup.create import Target
from acrux.adapters.backup.files import failures_of
from acrux.adapters.backup.folder import FolderSource, FolderTarget
from acrux.adapters.backup.read import Source
from acrux.errors import InvalidInput

PIPE: Final = "-"
ARCHIVE: Final = ".tar"
COMPRESSED: Final = (".gz", ".tgz", ".xz", ".zst", ".bz2", ".zip")

place_argument = click.argument("place", metavar="DIR|FILE")


@contextmanager
def target(place: str, data_dir: Path, registry: str) -> Iterator[Target]:
    """What a backup is made in: a `.tar` file, standard output for `-`, or else a folder."""
    path = Path(place)
    if data_dir.resolve() in path.resolve().parents:
        raise InvalidInput(
            f"{place} is in the data directory, and would be lost with it: choose another folder"
        )
    if path.suffix in COMPRESSED and not path.is_dir():
        raise InvalidInput(
            f"{place} would be compressed, which this command does not do: "
            f"acrux backup - | gzip > FILE"
        )
    with failures_of(place):
        if place == PIPE:
            with archive_in_pipe(sys.stdout.fileno()) as made:
                yield made
        elif path.suffix == ARCHIVE and not path.is_dir():
            with archive_in_file(path) as made:
                yield made
        elif path.exists() and not path.is_dir():
            raise InvalidInput(
                f"{place} is neither a folder nor the name of a file that ends in .tar"
            )
        else:
            with closing(FolderTarget(path, registry)) as folder:
                yield folder


@contextmanager
def source(place: str) -> Iterator[Source]:
    """What a backup is read from: a folder, a file, or standard input for `-`."""
    path = Path(place)
    with failures_of(place):
        if place == PIPE:
            with closing(ArchiveSource(sys.stdin.buffer, "standard input")) as read:
                yield read
        elif path.is_dir():
            with closing(FolderSource(path)) as folder:
                yield folder
        else:
            with path.open("rb") as file, closing(ArchiveSource(file, place)) as read:
                yield read
