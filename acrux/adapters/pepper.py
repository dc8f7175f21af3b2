"""The pepper of the password hashes, and whether it fits the database."""

import hmac
from contextlib import closing
from pathlib import Path
from secrets import token_bytes
from typing import Final

import apsw

from acrux.adapters.failures import is_read_only
from acrux.adapters.keys import secrets
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sqlite.read_only import open_read_only
from acrux.errors import InvalidSettings, RegistryError

KEY_BYTES: Final = 32

_FACT: Final = "pepper"  # the name of its fingerprint in the database
_PURPOSE: Final = b"acrux: whether this pepper is the one of this database"


class Pepper:
    """The pepper in the file `path`, for the database in the file `database`, if it is a file.

    With another pepper no password is right. So a missing pepper is created only if there are no
    passwords yet, or if `is_renewed` says that every password will be renewed.
    """

    def __init__(self, path: Path, database: Path | None, *, is_renewed: bool) -> None:
        self._path = path
        self._is_renewed = is_renewed
        if not path.exists() and not is_renewed and _holds_passwords(database):
            raise self._refused("is missing")
        self.key = secrets.read_or_create(path, lambda: token_bytes(KEY_BYTES))

    async def check(self, facts: SqlFacts) -> None:
        """Compare it with the fingerprint in the database, or store its fingerprint there.

        Raises InvalidSettings if the database was used with another pepper.
        """
        fingerprint = hmac.digest(self.key, _PURPOSE, "sha256").hex()
        kept = await facts.find(_FACT)
        if kept == fingerprint:
            return
        if kept is not None and not self._is_renewed:
            raise self._refused("is not the one that this database was used with")
        try:
            await facts.keep(_FACT, fingerprint)
        except RegistryError:
            if kept is not None:  # a first fingerprint that a full disk refuses is stored later
                raise

    def _refused(self, fault: str) -> InvalidSettings:
        return InvalidSettings(
            f"data_dir: {self._path} {fault}, so no password would be right: restore it from the "
            "same backup as the database; if it is lost for good, start once with "
            "--renew-pepper, and renew every password"
        )


def _holds_passwords(database: Path | None) -> bool:
    # What a server holds is known once it is open: then `check` refuses another pepper.
    if database is None or not database.exists():
        return False
    try:
        with closing(_opened(database)) as opened:
            return bool(opened.execute("SELECT EXISTS (SELECT 1 FROM passwords)").get)
    except apsw.SQLError:  # it has no such table yet
        return False
    except apsw.Error as failed:
        raise InvalidSettings(
            f"data_dir: {database} cannot be read as a database ({failed}): restore it, and the "
            "folder secrets, from a backup"
        ) from failed


def _opened(database: Path) -> apsw.Connection:
    if is_read_only(database.parent):
        return open_read_only(database)
    return apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
