"""The passphrase of the secrets in a backup."""

from pathlib import Path

from acrux.adapters.backup import sealed
from acrux.adapters.backup.files import failures_of
from acrux.adapters.backup.read import Unseal
from acrux.errors import InvalidInput


def unsealing(passphrase_file: Path | None, *, is_excluded: bool) -> Unseal:
    """How to get the secrets of a backup: with the passphrase, or not at all.

    Raises InvalidInput if the file holds no passphrase; so does the result if the two do not fit.
    """
    passphrase = None
    if passphrase_file is not None:
        with failures_of(str(passphrase_file)):
            passphrase = sealed.read_passphrase(passphrase_file)

    def unseal(content: bytes | None) -> dict[str, bytes]:
        if content is None:
            if passphrase is not None:
                raise InvalidInput("this backup holds no secrets: leave out --passphrase-file")
            return {}
        if passphrase is not None:
            return sealed.unseal(content, passphrase)
        if is_excluded:
            return {}
        raise InvalidInput(
            "this backup holds encrypted secrets: give --passphrase-file, or leave them out with "
            "--secrets exclude, after which every password must be renewed"
        )

    return unseal
