"""A registry that moves: all of it arrives, also if the move is interrupted anywhere."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from acrux.adapters.migration.migrate import Migrated, Place, migrate
from acrux.adapters.migration.tables import LEFT_OUT, TABLES
from acrux.adapters.sql.database import Statement, did
from acrux.adapters.sql.schema import migrations
from acrux.bootstrap.adapters import build_adapters
from acrux.bootstrap.application import Registry, build
from acrux.bootstrap.migration import migrate_registry
from acrux.clocks import by_hand
from acrux.domain.content.digest import Digest
from acrux.errors import DamagedBlob, InvalidInput, InvalidMigration, InvalidSettings
from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock, Lines
from tests.images import image
from tests.tools import blob_file

LAYER = b"layer of app" * 1000
IMAGES = {"app": image(LAYER, b"shared"), "team/tool": image(b"tool", b"shared", b"")}

BLOBS = "SELECT digest, size, stored_at FROM blobs ORDER BY digest"
COPIES = Statement("SELECT digest, copy FROM blobs ORDER BY digest", {})

Tell = Callable[[str, int, int, int], None]


class Stopped(Exception):
    """The command was interrupted."""


def silently(*_: object) -> None:
    """Show nothing."""


@pytest.fixture
def source(tmp_path: Path) -> Settings:
    """Where the registry is."""
    return Settings(data_dir=tmp_path / "old", login_servers=(HOST,))


@pytest.fixture
def target(tmp_path: Path) -> Settings:
    """Where it is to be: in another directory, with its secrets under a master key."""
    key = tmp_path / "master-key"
    key.write_text("0f" * 32)
    key.chmod(0o600)
    return Settings(data_dir=tmp_path / "new", login_servers=(HOST,), master_key_file=key)


@asynccontextmanager
async def opened(settings: Settings, clock: HandClock) -> AsyncIterator[Registry]:
    """The registry, while the block runs."""
    registry = build(settings, clock, Lines())
    await registry.lifespan.open()
    try:
        yield registry
    finally:
        await registry.lifespan.close()


@pytest.fixture
async def password(source: Settings, clock: HandClock) -> str:
    """The administrator's password, of a registry that holds images, an account and more."""
    async with opened(source, clock) as registry:
        created = await registry.services.accounts.create_administrator("acrux")
        assert created is not None
        secret = created.passwords[0].value
        assert secret is not None
        admin = await Caller(registry, "acrux", secret.reveal()).login("repository:*:*")
        for repository, pushed in IMAGES.items():
            assert (await admin.push(repository, "latest", pushed)).status == 201
        await registry.services.accounts.create("ci-team", "_repositories_pull")
        await admin.call("DELETE", f"/v2/team/tool/manifests/{IMAGES['team/tool'].digest}")
        await registry.services.keys.rotate()
        await registry.services.keys.certificate()
    return secret.reveal()


async def migrated(
    source: Settings, target: Settings, tell: Tell = silently, *, allow_damaged: bool = False
) -> Migrated:
    """Migrate it."""
    return await migrate_registry(source, target, tell, allow_damaged=allow_damaged)


def rows(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row that belongs to a registry, by table, without the names of copies."""
    with closing(sqlite3.connect(data_dir / "registry.sqlite")) as database:
        found = {
            table.name: sorted(
                database.execute(
                    f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE {table.rows}"  # noqa: S608 -- our own text
                ),
                key=repr,
            )
            for table in TABLES
        }
        found["blobs"] = database.execute(BLOBS).fetchall()
    return found


async def assert_complete(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """Every row is there, and everything can be pulled with the password that was known before."""
    assert rows(target.data_dir) == rows(source.data_dir)
    async with opened(target, clock) as registry:
        caller = await Caller(registry, "acrux", password).login("repository:*:*")
        pushed = IMAGES["app"]
        assert (await caller.pull("app", "latest")).body == pushed.manifest
        for blob in pushed.blobs:
            answer = await caller.call("GET", f"/v2/app/blobs/{Digest.of(blob)}")
            assert answer.body == blob


async def test_all_of_a_registry_arrives(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """A team changes its database and its store, and nobody notices."""
    seen: list[str] = []
    before = rows(source.data_dir)

    made = await migrated(source, target, lambda what, *_: seen.append(what))

    assert rows(source.data_dir) == before
    assert (made.blobs, made.damaged) == (len(before["blobs"]), ())
    assert made.rows == sum(map(len, before.values())) - made.blobs
    assert {"copying blobs", "copying tags", "comparing tags"} <= set(seen)
    assert not (target.data_dir / "secrets").exists()
    await assert_complete(source, target, password, clock)


async def test_tokens_stay_valid_and_no_key_changes(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """A client in the middle of a push goes on at the new place."""
    async with opened(source, clock) as old:
        keys = old.services.tokens.public_keys()
        principal = await old.services.authentication.find("acrux")
        token = old.services.tokens.issue(principal, HOST, ()).text
        own = (old.adapters.keys.pepper(), old.adapters.keys.webhooks())
    await migrated(source, target)

    async with opened(target, clock) as new:
        assert new.services.tokens.verify(token).principal == "acrux"
        assert new.services.tokens.public_keys() == keys
        assert (new.adapters.keys.pepper(), new.adapters.keys.webhooks()) == own


async def test_a_registry_comes_back_from_where_it_was_moved(
    source: Settings, target: Settings, password: str, clock: HandClock, tmp_path: Path
) -> None:
    """A step that cannot be undone is not taken."""
    await migrated(source, target)
    back = source.replace(data_dir=tmp_path / "back")
    await migrated(target, back)

    assert (tmp_path / "back" / "secrets" / "pepper").read_bytes() == (
        source.data_dir / "secrets" / "pepper"
    ).read_bytes()
    await assert_complete(source, back, password, clock)


async def test_a_migration_that_was_interrupted_anywhere_goes_on(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """A connection breaks, a terminal is closed, and terabytes need not be copied again."""
    steps: list[str] = []
    await migrated(source, target, lambda what, *_: steps.append(what))
    whole = rows(target.data_dir)

    for last in range(len(steps)):
        shutil.rmtree(target.data_dir)
        left = iter(range(last))

        def stop(*_: object, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Stopped

        with pytest.raises(Stopped):
            await migrated(source, target, stop)
        with pytest.raises(InvalidSettings, match="run the same acrux migrate again"):
            async with opened(target, clock):
                pass
        made = await migrated(source, target)

        assert rows(target.data_dir) == whole, steps[last]
        assert made.copied_bytes == 0 or steps[last] == "copying blobs"
    await assert_complete(source, target, password, clock)


async def test_a_registry_in_use_is_not_migrated(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """What is pushed meanwhile would be missing at the new place."""
    async with opened(source, clock):
        with pytest.raises(InvalidInput, match="stop acrux serve"):
            await migrated(source, target)

    assert not target.data_dir.exists()


async def test_a_registry_that_is_started_during_its_migration_is_not_complete(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """Somebody else restarts it, and pushes."""
    started = build(source, clock, Lines())

    def start(what: str, *_: object) -> None:
        if what == "comparing facts":
            started.adapters.database.open()

    with pytest.raises(InvalidInput, match="stop acrux serve"):
        await migrated(source, target, start)
    started.adapters.database.close()

    with pytest.raises(InvalidSettings, match="migration"):
        async with opened(target, clock):
            pass


async def test_what_was_pushed_between_two_attempts_is_noticed(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """The first attempt copied what has changed since."""

    def stop(what: str, *_: object) -> None:
        if what == "comparing blobs":
            raise Stopped

    with pytest.raises(Stopped):
        await migrated(source, target, stop)
    with closing(sqlite3.connect(source.data_dir / "registry.sqlite")) as database:
        database.execute("UPDATE tags SET digest = digest, updated_at = updated_at + 1")
        database.commit()

    with pytest.raises(InvalidMigration, match="the table tags of the target is not as"):
        await migrated(source, target)
    with pytest.raises(InvalidSettings):
        async with opened(target, clock):
            pass


async def test_a_row_that_only_the_target_has_is_noticed(
    source: Settings, target: Settings, password: str
) -> None:
    """A revoked account would be back."""

    def stop(what: str, *_: object) -> None:
        if what == "comparing blobs":
            raise Stopped

    with pytest.raises(Stopped):
        await migrated(source, target, stop)
    with closing(sqlite3.connect(source.data_dir / "registry.sqlite")) as database:
        database.execute("DELETE FROM accounts WHERE name = 'ci-team'")
        database.commit()

    with pytest.raises(InvalidMigration, match="accounts"):
        await migrated(source, target)


async def test_a_target_that_holds_a_registry_is_not_touched(
    source: Settings, target: Settings, password: str, clock: HandClock
) -> None:
    """A typo must not mix two registries."""
    async with opened(target, clock) as other:
        await other.services.accounts.create_administrator("acrux")
    before = rows(target.data_dir)

    with pytest.raises(InvalidInput, match="holds a registry already"):
        await migrated(source, target)
    with pytest.raises(InvalidInput, match="the target is the source"):
        await migrated(source, source)

    assert rows(target.data_dir) == before


async def test_an_interrupted_migration_of_another_registry_is_not_continued(
    source: Settings, target: Settings, password: str, clock: HandClock, tmp_path: Path
) -> None:
    """Half of one registry and half of another would pass for one."""
    other = source.replace(data_dir=tmp_path / "other")
    async with opened(other, clock) as registry:
        await registry.services.accounts.create_administrator("acrux")

    def stop(*_: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await migrated(source, target, stop)

    with pytest.raises(InvalidInput, match="of another registry"):
        await migrated(other, target)


async def test_secrets_of_another_registry_in_the_target_are_not_mixed_in(
    source: Settings, password: str, tmp_path: Path
) -> None:
    """Every password would be wrong."""
    secrets = tmp_path / "new" / "secrets"
    secrets.mkdir(parents=True, mode=0o700)
    (secrets / "pepper").write_bytes(b"x" * 32)
    (secrets / "pepper").chmod(0o600)

    with pytest.raises(InvalidMigration, match="pepper is not the one of the source"):
        await migrated(source, source.replace(data_dir=tmp_path / "new"))


def remove(path: Path) -> None:
    """Lose the file."""
    path.unlink()


def alter(path: Path) -> None:
    """Change a byte."""
    path.write_bytes(b"X" + path.read_bytes()[1:])


def cut(path: Path) -> None:
    """Lose the end."""
    path.write_bytes(path.read_bytes()[:-1])


def mark(path: Path) -> None:
    """Mark it as damaged, as a check does."""
    path.chmod(0o1600)


@pytest.mark.parametrize("damage", [remove, alter, cut, mark])
async def test_a_damaged_blob_is_named_and_goes_on_only_if_that_is_allowed(
    source: Settings,
    target: Settings,
    password: str,
    clock: HandClock,
    damage: Callable[[Path], None],
) -> None:
    """An operator who moves must know what is lost already, and be able to move all the same."""
    digest = Digest.of(LAYER)
    damage(blob_file(source.data_dir, digest))

    for _ in range(2):
        with pytest.raises(DamagedBlob, match=f"{digest} .*--allow-damaged"):
            await migrated(source, target)
    made = await migrated(source, target, allow_damaged=True)

    assert made.damaged == (str(digest),)
    assert rows(target.data_dir) == rows(source.data_dir)
    async with opened(target, clock) as registry:
        caller = await Caller(registry, "acrux", password).login("repository:*:*")
        assert (await caller.call("GET", f"/v2/app/blobs/{digest}")).status == 404


async def test_a_registry_that_still_counts_is_refused(
    source: Settings, target: Settings, password: str
) -> None:
    """What it has not counted yet is not among the blobs to copy."""
    with closing(sqlite3.connect(source.data_dir / "registry.sqlite")) as database:
        database.execute("UPDATE usage SET blobs_to = ''")
        database.commit()

    with pytest.raises(InvalidInput, match="still counts"):
        await migrated(source, target)


async def test_where_there_is_no_registry_nothing_is_migrated(
    source: Settings, target: Settings, clock: HandClock, password: str
) -> None:
    """A typo in the path of the source must not make an empty registry."""
    with pytest.raises(InvalidSettings, match="there is no registry in"):
        await migrated(source.replace(data_dir=source.data_dir / "nowhere"), target)
    (source.data_dir / "secrets" / "pepper").unlink()
    with pytest.raises(InvalidInput, match="never started"):
        await migrated(source, target)


async def test_blobs_stay_where_they_are_if_only_the_database_moves(
    source: Settings, target: Settings, password: str
) -> None:
    """A bucket of terabytes need not be copied into itself; digests are checked."""
    clocks = by_hand(HandClock())
    old, new = build_adapters(source, clocks), build_adapters(target, clocks)
    digest = Digest.of(LAYER)
    with closing(old.database), closing(new.database):
        old.database.open()
        new.database.open()
        here = Place(old.database, old.store, old.keys.secrets.kept)
        there = Place(new.database, old.store, new.keys.secrets.kept)
        made = await migrate(here, there, silently)
        names = await old.database.read(COPIES), await new.database.read(COPIES)
        await new.database.write(did(Statement("DELETE FROM blobs", {})))
        alter(blob_file(source.data_dir, digest))

        with pytest.raises(DamagedBlob, match=f"{digest} does not match"):
            await migrate(here, there, silently)

    assert made.blobs == len(names[0])
    assert names[0] == names[1]
    assert not list((target.data_dir / "blobs").rglob("*.*"))


def test_every_table_of_the_schema_is_copied_or_left_out_on_purpose() -> None:
    """Whoever adds a table must decide it, or what it holds is lost at the next migration."""
    with closing(sqlite3.connect(":memory:")) as database:
        for script in migrations():
            database.executescript(script)
        names = database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        found = {}
        for (name,) in names:
            columns = database.execute(f"PRAGMA table_info({name})").fetchall()
            key = [column[1] for column in sorted(columns, key=lambda one: one[5]) if column[5]]
            found[name] = key, [column[1] for column in columns if not column[5]]

    listed = {table.name: ([*table.key], [*table.others]) for table in TABLES}
    listed["blobs"] = (["digest"], ["copy", "size", "stored_at"])  # made anew, see BlobCopying
    assert {**found} == {**listed, **{name: found[name] for name in LEFT_OUT}}
    assert not LEFT_OUT & set(listed)
