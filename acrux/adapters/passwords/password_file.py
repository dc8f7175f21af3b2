"""The file with the first password of the admin user."""

import os
from pathlib import Path

from acrux.domain.access.credential import Secret
from acrux.errors import InvalidSettings


class PasswordFile:
    """The first line of a file. Implements acrux.ports.accounts.InitialPassword.

    Everybody may be able to read one that is there: Kubernetes mounts secrets so, within the pod.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def place(self) -> str:
        """See ports.InitialPassword."""
        return f"admin_password_file: {self._path}"

    def read(self) -> Secret | None:
        """The password in the file; None if there is no file, or an empty one.

        Raises InvalidSettings if it cannot be read, or if its first line is empty.
        """
        try:
            content = self._path.read_bytes().decode() if self._path.exists() else ""
        except (OSError, UnicodeDecodeError) as failed:
            why = failed.strerror if isinstance(failed, OSError) else "it is not UTF-8"
            raise InvalidSettings(f"{self.place} cannot be read ({why})") from failed
        if not content:
            return None
        first = content.split("\n", 1)[0].removesuffix("\r")
        if not first:
            raise InvalidSettings(f"{self.place}: its first line is empty")
        return Secret(first)

    def keep(self, password: Secret) -> None:
        """Write the password to a file that only its owner can read, durably.

        Raises InvalidSettings if that is impossible.
        """
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o600)  # an empty one may have been there
                file.write(f"{password.reveal()}\n".encode())
                file.flush()
                os.fsync(descriptor)
        except OSError as failed:
            raise InvalidSettings(
                f"{self.place} can be neither read nor written ({failed.strerror})"
            ) from failed
