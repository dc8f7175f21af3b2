"""The pepper of the password hashes, and whether it fits the database."""

import hmac
from secrets import token_bytes
from typing import Final

from acrux.adapters.keys.kept import KEY_BYTES, kept
from acrux.adapters.sql.database import Database, Statement
from acrux.adapters.sql.facts import SqlFacts
from acrux.errors import InvalidSettings, RegistryError
from acrux.ports.secrets import Secrets

NAME: Final = "pepper"

_FACT: Final = "pepper"  # the name of its fingerprint in the database
_PURPOSE: Final = b"acrux: whether this pepper is the one of this database"

_HOLDS_PASSWORDS: Final = Statement("SELECT 1 FROM passwords LIMIT 1", {})


class Pepper:
    """The secret `pepper`, for one database; call it for the key once it is open.

    With another pepper no password is right. So a missing pepper is created only if there are no
    passwords yet, or if `is_renewed` says that every password will be renewed.
    """

    def __init__(self, secrets: Secrets, database: Database, *, is_renewed: bool) -> None:
        self._secrets = secrets
        self._database = database
        self._facts = SqlFacts(database)
        self._is_renewed = is_renewed
        self._key: bytes | None = None

    def __call__(self) -> bytes:
        """The pepper. Raises RuntimeError before it is open."""
        if self._key is None:
            raise RuntimeError("the registry is not open")
        return self._key

    async def open(self) -> None:
        """Read the pepper, or create it, and compare it with its fingerprint in the database.

        Raises InvalidSettings if the database was used with another pepper, and as `Secrets` does.
        """
        found = await self._secrets.read(NAME)
        if found is None and not self._is_renewed and await self._database.read(_HOLDS_PASSWORDS):
            raise self._refused("is missing")
        self._key = found or await kept(self._secrets, NAME, lambda: token_bytes(KEY_BYTES))
        await self._check(hmac.digest(self._key, _PURPOSE, "sha256").hex())

    async def _check(self, fingerprint: str) -> None:
        stored = await self._facts.find(_FACT)
        if stored == fingerprint:
            return
        if stored is not None and not self._is_renewed:
            raise self._refused("is not the one that this database was used with")
        try:
            await self._facts.keep(_FACT, fingerprint)
        except RegistryError:
            if stored is not None:  # a first fingerprint that a full disk refuses is stored later
                raise

    def _refused(self, fault: str) -> InvalidSettings:
        return InvalidSettings(
            f"data_dir: {self._secrets.place(NAME)} {fault}, so no password would be right: "
            "restore it from the same backup as the database; if it is lost for good, start once "
            "with --renew-pepper, and renew every password"
        )
