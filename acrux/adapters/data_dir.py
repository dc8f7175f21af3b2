"""The folder that holds a registry."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from acrux.adapters.blobs.folders import make_folders
from acrux.adapters.failures import UNWRITABLE
from acrux.errors import InvalidSettings

# Where a restore keeps what is not complete yet.
RESTORING: Final = "restoring"


def make_data_dir(folder: Path) -> Path:
    """Make the data directory. Raises InvalidSettings if it cannot be made or written to.

    Also if a restore into it has not ended, so that no registry starts on a part of another. A
    directory that already holds a registry may be read-only.
    """
    if (folder / RESTORING).exists():
        raise InvalidSettings(
            f"data_dir: a restore into {folder} is running or was interrupted: wait for it, or run "
            "the same acrux restore again, which goes on; to give it up, empty the directory"
        )
    try:
        make_folders(folder)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        if error.errno in UNWRITABLE and os.access(folder / "registry.sqlite", os.R_OK):
            return folder
        raise InvalidSettings(
            f"data_dir: {folder} cannot be written to ({error.strerror}): "
            "choose another with --data-dir, or change its owner"
        ) from error
    return folder


def open_to_all(folder: Path) -> str:
    """The mode of a data directory that other users of the machine may enter; otherwise empty.

    They cannot read its keys and its database, but can see names, sizes and blobs.
    """
    mode = stat.S_IMODE(folder.stat().st_mode)
    return f"{mode:04o}" if mode & stat.S_IRWXO else ""


def open_to_group(folder: Path) -> Path | None:
    """A secret that the group of the data directory may use, or a folder that it may change.

    None if the group may not enter the data directory.
    """
    if not folder.stat().st_mode & stat.S_IXGRP:
        return None
    holders = (folder / "secrets", folder / "tls")
    within = (path for holder in holders for path in sorted(holder.rglob("*")))
    for path in (folder, *holders, *within):
        with suppress(FileNotFoundError):  # there is no certificate, or a key was just removed
            mode = path.stat().st_mode
            if mode & (stat.S_IWGRP if stat.S_ISDIR(mode) else stat.S_IRWXG):
                return path
    return None
