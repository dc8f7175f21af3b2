"""The file with the first password of the admin user."""

import os
from pathlib import Path

from acrux.domain.access.credential import Secret
from acrux.errors import InvalidSettings


class PasswordFile:
    """The first line of a file. Implements acrux.ports.accounts.InitialPassword.

    Everybody may be able to read it: Kubernetes mounts secrets so, within the pod.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Secret | None:
        """The password in the file; None if there is no file, or an empty one.

        Makes an empty one if there is none, so that what cannot be written is found before an
        account depends on it. Raises InvalidSettings if it can be neither read nor written.
        """
        try:
            os.close(os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o600))
            first, *_ = self._path.read_text(encoding="utf-8").splitlines() or [""]
        except (OSError, UnicodeDecodeError) as failed:
            why = failed.strerror if isinstance(failed, OSError) else "it is not UTF-8"
            raise InvalidSettings(
                f"admin_password_file: {self._path} can be neither read nor created ({why})"
            ) from failed
        return Secret(first) if first else None

    def keep(self, password: Secret) -> None:
        """Write the password to the empty file, durably. Raises InvalidSettings."""
        try:
            with self._path.open("w", encoding="utf-8") as file:
                file.write(f"{password.reveal()}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as failed:
            raise InvalidSettings(
                f"admin_password_file: {self._path} cannot be written ({failed.strerror}): make "
                "the password again with acrux credential renew"
            ) from failed
