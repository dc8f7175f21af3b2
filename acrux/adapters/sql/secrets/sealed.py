"""Secrets as rows, each sealed under the master key."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from acrux.adapters.sql.database import Database, Result, Row, Statement, Steps
from acrux.adapters.sql.secrets.master_key import MasterKey
from acrux.errors import InvalidSettings
from acrux.ports.secrets import Listing, Secrets

_AFTER_SLASH: Final = "0"  # the next character
_AFTER_ALL: Final = "~"

_FINGERPRINTS: Final = Statement("SELECT DISTINCT sealed_under FROM secrets", {})


class SealedSecrets:
    """The port Secrets on a database that every node opens; each method is described there.

    All secrets are sealed under one master key, which `read_key` reads. If that is no longer the
    one that they are sealed under, it is read again: its file may have been replaced.
    """

    def __init__(self, database: Database, read_key: Callable[[], MasterKey]) -> None:
        self._database = database
        self._read_key = read_key
        self._key = read_key()

    async def begin(self, former: Secrets) -> None:
        """Take over all former secrets, if the database holds none yet.

        Raises InvalidSettings if those that it holds are sealed under another master key.
        """
        if not await self._database.read(_FINGERPRINTS) and (found := await _contents(former)):
            await self._database.write(_adopt(self._key, found))
        await self._fit(await self._database.read(_FINGERPRINTS))

    async def read(self, name: str) -> bytes | None:
        """See ports.Secrets."""
        rows = await self._database.find(_reading(name), tuple)
        for sealed_under, sealed in rows:
            await self._fit([(sealed_under,)])
            return _opened(self._key, name, sealed)
        return None

    async def create(self, name: str, content: bytes) -> bool:
        """See ports.Secrets."""
        return await self._write(lambda key: _create(key, name, content))

    async def replace(self, name: str, content: bytes) -> None:
        """See ports.Secrets."""
        await self._write(lambda key: _replace(key, name, content))

    async def remove(self, name: str) -> None:
        """See ports.Secrets."""
        await self._database.write(_remove(name))

    async def list(self, folder: str = "") -> Listing:
        """See ports.Secrets."""
        rows = await self._database.find(_listing(folder), tuple)
        await self._fit([(sealed_under,) for _, sealed_under, _ in rows])
        return frozenset((name, sealed) for name, _, sealed in rows)

    def place(self, name: str) -> str:
        """See ports.Secrets."""
        return place(name)

    async def rekey(self, key: MasterKey) -> int:
        """Seal all secrets under another master key, all or none; return how many there are."""
        return await self._write(lambda old: _rekey(old, key))

    async def _write(self, steps: Callable[[MasterKey], Steps[Result]]) -> Result:
        await self._fit(await self._database.read(_FINGERPRINTS))
        return await self._database.write(steps(self._key))

    async def _fit(self, fingerprints: Sequence[Row]) -> None:
        if _others(self._key, fingerprints):
            self._key = self._read_key()
        _check(self._key, fingerprints)


async def refuse_sealed(database: Database) -> None:
    """Raise InvalidSettings if the database holds secrets: there is no master key to open them."""
    if found := await database.read(_FINGERPRINTS):
        raise InvalidSettings(
            "master_key_file: the secrets of this registry are in its database, sealed under the "
            f"master key {found[0][0]}: give its file, as to the process that sealed them"
        )


def place(name: str) -> str:
    """Where a secret is, in words."""
    return f"the secret {name} of the database"


async def _contents(secrets: Secrets) -> dict[str, bytes]:
    read = {name: await secrets.read(name) for name, _ in await secrets.list()}
    return {name: content for name, content in read.items() if content is not None}


def _others(key: MasterKey, fingerprints: Sequence[Row]) -> list[str]:
    return [found for (found,) in fingerprints if found != key.fingerprint]


def _check(key: MasterKey, fingerprints: Sequence[Row]) -> None:
    if others := _others(key, fingerprints):
        raise InvalidSettings(
            "master_key_file: the secrets in the database are sealed under the master key "
            f"{others[0]}, and {key.place} holds {key.fingerprint}: put the former into this file; "
            "acrux key rekey may have replaced the latter, and then each node needs the new file"
        )


def _opened(key: MasterKey, name: str, sealed: bytes) -> bytes:
    content = key.open(name, sealed)
    if content is None:
        raise InvalidSettings(
            f"{place(name)} is damaged, or was stored under another name: restore the database "
            "from a backup"
        )
    return content


# Each of these checks the key once more: it may have been replaced since it was compared.


def _adopt(key: MasterKey, secrets: Mapping[str, bytes]) -> Steps[None]:
    if not (yield _FINGERPRINTS):
        for name, content in secrets.items():
            yield _inserting(key, name, content)


def _create(key: MasterKey, name: str, content: bytes) -> Steps[bool]:
    _check(key, (yield _FINGERPRINTS))
    return bool((yield _inserting(key, name, content)))


def _replace(key: MasterKey, name: str, content: bytes) -> Steps[None]:
    _check(key, (yield _FINGERPRINTS))
    yield _updating(key, name, content)


def _remove(name: str) -> Steps[None]:
    yield Statement("DELETE FROM secrets WHERE name = :name", {"name": name})


def _rekey(old: MasterKey, new: MasterKey) -> Steps[int]:
    _check(old, (yield _FINGERPRINTS))
    rows = yield _listing("")
    for name, _, sealed in rows:
        yield _updating(new, name, _opened(old, name, sealed))
    return len(rows)


def _reading(name: str) -> Statement:
    return Statement("SELECT sealed_under, sealed FROM secrets WHERE name = :name", {"name": name})


def _listing(folder: str) -> Statement:
    end = folder[:-1] + _AFTER_SLASH if folder else _AFTER_ALL
    return Statement(
        "SELECT name, sealed_under, sealed FROM secrets WHERE name >= :folder AND name < :end",
        {"folder": folder, "end": end},
    )


def _inserting(key: MasterKey, name: str, content: bytes) -> Statement:
    return Statement(
        """
        INSERT INTO secrets (name, sealed_under, sealed) VALUES (:name, :under, :sealed)
        ON CONFLICT (name) DO NOTHING RETURNING name
        """,
        {"name": name, "under": key.fingerprint, "sealed": key.seal(name, content)},
    )


def _updating(key: MasterKey, name: str, content: bytes) -> Statement:
    return Statement(
        "UPDATE secrets SET sealed_under = :under, sealed = :sealed WHERE name = :name",
        {"name": name, "under": key.fingerprint, "sealed": key.seal(name, content)},
    )
