"""A file with the public keys, for programs that read no URL."""

from contextlib import suppress
from pathlib import Path

import msgspec

from acrux.adapters.keys import secrets
from acrux.errors import InvalidSettings


class KeySetFile:
    """The JSON Web Key Set (RFC 7517 §5) in a file that all may read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, keys: dict[str, object]) -> None:
        """Replace the content of the file, at once and whole, unless it is this already.

        Raises InvalidSettings if that is impossible.
        """
        content = render(keys)
        try:
            if self._held() != content:
                secrets.replace(self._path, content, 0o644)
        except OSError as failed:
            raise InvalidSettings(
                f"key_set_file: {self._path} cannot be written ({failed.strerror}): its folder "
                "must exist, and the user who runs acrux must be allowed to write to it"
            ) from failed

    def _held(self) -> bytes | None:
        with suppress(FileNotFoundError):
            return self._path.read_bytes()
        return None


def render(keys: dict[str, object]) -> bytes:
    """A key set as the text of a file."""
    return msgspec.json.format(msgspec.json.encode(keys)) + b"\n"
