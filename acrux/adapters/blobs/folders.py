"""Folders: make them, and make the names in them durable."""

import os
from contextlib import suppress
from pathlib import Path

from acrux.errors import InvalidSettings


def make_folders(folder: Path) -> None:
    """Make the folder and its missing parents, durably."""
    made = [path for path in folder.parents if not path.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The folder itself always: a process may have made it and been killed before the sync.
    for path in (folder, *made):
        with suppress(PermissionError):  # a parent that may be entered but not read
            sync_folder(path.parent)


def make_folder(folder: str) -> bool:
    """Make the folder, and return whether it was missing."""
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
        return True
    return False


def sync_folder(folder: str | Path) -> None:
    """Make the names in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_writable(folder: Path) -> None:
    """Raise InvalidSettings unless files can be made in the folder."""
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise InvalidSettings(
            f"data_dir: {folder} is not readable and writable: choose another data directory, or "
            "change the folder's owner"
        )
