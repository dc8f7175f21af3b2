"""Secrets in the database: another master key, changed rows, races with a new key."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.sql.database import Result, Statement, Steps
from acrux.adapters.sql.secrets.master_key import MasterKey
from acrux.adapters.sql.secrets.sealed import SealedSecrets, refuse_sealed
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.errors import InvalidSettings

OLD, NEW = MasterKey(b"o" * 32, "the-old-file"), MasterKey(b"n" * 32, "the-new-file")
CONTENT = b"a secret of the registry"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    """An open database without secrets."""
    database = SqliteDatabase(tmp_path / "registry.sqlite")
    database.open()
    with closing(database):
        yield database


@pytest.fixture
async def secrets(database: SqliteDatabase) -> SealedSecrets:
    """One secret, sealed under OLD."""
    secrets = SealedSecrets(database, lambda: OLD)
    await secrets.create("pepper", CONTENT)
    return secrets


async def rows(database: SqliteDatabase) -> list[tuple[str, str, bytes]]:
    """What is stored."""
    found = await database.read(Statement("SELECT name, sealed_under, sealed FROM secrets", {}))
    return [(name, under, sealed) for name, under, sealed in found]


async def files(folder: Path, contents: dict[str, bytes]) -> FileSecrets:
    """Secrets in files."""
    secrets = FileSecrets(folder)
    for name, content in contents.items():
        await secrets.create(name, content)
    return secrets


async def run(database: SqliteDatabase, sql: str) -> None:
    """Change the database by hand."""

    def steps() -> Steps[None]:
        yield Statement(sql, {})

    await database.write(steps())


async def test_a_copy_of_the_database_holds_no_secret_in_clear(
    database: SqliteDatabase, secrets: SealedSecrets
) -> None:
    """Dumps of databases are passed around."""
    [(name, under, sealed)] = await rows(database)

    assert await secrets.read("pepper") == CONTENT
    assert (name, under) == ("pepper", OLD.fingerprint)
    assert CONTENT not in sealed


async def test_another_master_key_is_refused_with_the_fingerprint_that_is_needed(
    database: SqliteDatabase, secrets: SealedSecrets, tmp_path: Path
) -> None:
    """The operator has several files, and must know which one to give."""
    other = SealedSecrets(database, lambda: NEW)
    for refused in (
        other.begin(FileSecrets(tmp_path / "none")),
        other.read("pepper"),
        other.list(),
        other.create("uploads", CONTENT),
        other.replace("pepper", CONTENT),
        other.rekey(OLD),
    ):
        with pytest.raises(InvalidSettings, match=f"{OLD.fingerprint}.*the-new-file") as told:
            await refused
        assert NEW.fingerprint in str(told.value)

    assert await secrets.read("pepper") == CONTENT


async def test_without_a_master_key_a_database_with_secrets_is_refused(
    database: SqliteDatabase, secrets: SealedSecrets
) -> None:
    """Files of new secrets would make every password wrong."""
    with pytest.raises(InvalidSettings, match=f"master_key_file.*{OLD.fingerprint}"):
        await refuse_sealed(database)

    await secrets.remove("pepper")
    await refuse_sealed(database)


async def test_a_changed_secret_and_one_under_another_name_are_refused(
    database: SqliteDatabase, secrets: SealedSecrets
) -> None:
    """Who can write to the database must not choose the key that signs tokens."""
    await run(database, "UPDATE secrets SET name = 'uploads'")
    with pytest.raises(InvalidSettings, match="secret uploads of the database is damaged"):
        await secrets.read("uploads")
    with pytest.raises(InvalidSettings, match="damaged"):
        await secrets.rekey(NEW)

    await run(database, "UPDATE secrets SET name = 'pepper', sealed = x'00'")
    with pytest.raises(InvalidSettings, match="secret pepper of the database is damaged"):
        await secrets.read("pepper")


async def test_all_secrets_are_sealed_under_a_new_master_key_and_stay_the_same(
    database: SqliteDatabase, secrets: SealedSecrets
) -> None:
    """A master key that somebody saw must be replaced, without any login or token being lost."""
    await secrets.create("signing/ES256-0001.pem", CONTENT * 9)

    assert await secrets.rekey(NEW) == 2

    assert {under for _, under, _ in await rows(database)} == {NEW.fingerprint}
    after = SealedSecrets(database, lambda: NEW)
    assert await after.read("pepper") == CONTENT
    assert await after.read("signing/ES256-0001.pem") == CONTENT * 9


async def test_a_node_goes_on_once_its_file_holds_the_new_master_key(
    database: SqliteDatabase, secrets: SealedSecrets
) -> None:
    """Nodes are given the new file one after another, and none has to be restarted."""
    in_file = [OLD]
    node = SealedSecrets(database, lambda: in_file[0])
    await node.read("pepper")
    await secrets.rekey(NEW)
    with pytest.raises(InvalidSettings, match="each node needs the new file"):
        await node.list()

    in_file[0] = NEW

    assert len(await node.list()) == 1
    assert await node.read("pepper") == CONTENT
    assert await node.create("uploads", CONTENT)


class Between:
    """A database in which somebody else seals all secrets anew just before a write."""

    def __init__(self, database: SqliteDatabase, others: SealedSecrets) -> None:
        self._database = database
        self._others = others
        self.read, self.find = database.read, database.find

    async def write(self, steps: Steps[Result]) -> Result:
        """As the database does, after the other."""
        await self._others.rekey(NEW)
        return await self._database.write(steps)


@pytest.mark.parametrize("act", ["create", "replace", "rekey"])
async def test_a_write_that_meets_a_new_master_key_changes_nothing(
    database: SqliteDatabase, secrets: SealedSecrets, act: str
) -> None:
    """One secret under an old key among others would stop every later start."""
    racing = SealedSecrets(Between(database, secrets), lambda: OLD)  # type: ignore[arg-type]  # writes
    acts: dict[str, Callable[[], Awaitable[object]]] = {
        "create": lambda: racing.create("uploads", CONTENT),
        "replace": lambda: racing.replace("pepper", b"other"),
        "rekey": lambda: racing.rekey(OLD),
    }
    with pytest.raises(InvalidSettings, match=NEW.fingerprint):
        await acts[act]()

    [(name, under, _)] = await rows(database)
    assert (name, under) == ("pepper", NEW.fingerprint)


async def test_former_secrets_are_taken_over_once(database: SqliteDatabase, tmp_path: Path) -> None:
    """A registry that is given a master key keeps its passwords and its tokens."""
    found = {"pepper": CONTENT * 2, "signing/ES256-0001.pem": CONTENT * 9}
    one, two = (SealedSecrets(database, lambda: OLD) for _ in range(2))
    await one.begin(await files(tmp_path / "one", found))
    other = {"pepper": b"of another registry" * 2, "webhooks": CONTENT * 2}
    await two.begin(await files(tmp_path / "two", other))

    assert await two.read("pepper") == CONTENT * 2
    assert await two.read("webhooks") is None
    assert {name for name, _ in await one.list()} == set(found)


async def test_one_of_those_that_bring_secrets_at_the_same_time_decides(
    database: SqliteDatabase, tmp_path: Path
) -> None:
    """Half of one registry's keys beside half of another's open nothing."""
    one = SealedSecrets(database, lambda: OLD)
    first = await files(tmp_path / "one", {"pepper": CONTENT * 2})

    class Late(Between):
        async def write(self, steps: Steps[Result]) -> Result:
            await one.begin(first)
            return await database.write(steps)

    late = SealedSecrets(Late(database, one), lambda: OLD)  # type: ignore[arg-type]  # writes
    await late.begin(
        await files(tmp_path / "two", {"pepper": b"other" * 9, "webhooks": b"other" * 9})
    )

    assert await late.read("pepper") == CONTENT * 2
    assert await late.read("webhooks") is None
