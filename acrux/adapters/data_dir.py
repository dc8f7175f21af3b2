"""The folder that holds a registry."""

from pathlib import Path

from acrux.errors import InvalidSettings


def make_data_dir(folder: Path) -> Path:
    """Make the data directory; raise InvalidSettings where that, or writing there, is refused."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidSettings(
            f"data_dir: {folder} cannot be written to ({error.strerror}): "
            "choose another with --data-dir, or change its owner"
        ) from error
    return folder
