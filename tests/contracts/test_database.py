"""The contract of sql.database.Database: transactions, groups, crashes."""

import asyncio
import fcntl
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import acrux
from acrux.adapters.sql.database import Statement, Steps
from acrux.adapters.sql.schema import migrations
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.database import MAX_GROUP, SqliteDatabase
from acrux.adapters.sqlite.schema import check, migrate
from acrux.domain.instants import from_microseconds, to_microseconds
from acrux.errors import InvalidSettings, StorageExhausted, UnknownBlob
from tests.contracts.databases import Databases, Hold, OpenDatabase, only_sqlite
from tests.postgresql import PATIENCE


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a new SQLite file."""
    return tmp_path / "a.sqlite"


# A tag that points to nothing.
DANGLING = (
    "INSERT INTO tags (repository, name, digest, created_at, updated_at)"
    " VALUES ('r', 't', 'd', 0, 0)"
)


def insert(name: str) -> Statement:
    """Insert a name; inserting it again is an error."""
    return Statement("INSERT INTO accounts (name) VALUES (:name)", {"name": name})


def inserted(*names: str) -> Steps[str]:
    """Insert names, and return the last."""
    for name in names:
        yield insert(name)
    return names[-1]


def inserted_and_refused(name: str) -> Steps[None]:
    """Insert a name, then raise a refusal."""
    yield insert(name)
    raise UnknownBlob(digest=name)


def large(name: str) -> Statement:
    """Insert a megabyte under this name."""
    return Statement(
        "INSERT INTO known_places (subject, seen_at) VALUES (:subject, 0)",
        {"subject": name + "x" * 2**20},
    )


def once(statement: Statement) -> Steps[None]:
    """A transaction of one statement."""
    yield statement


async def names(database: OpenDatabase) -> list[str]:
    """The names that were inserted."""
    rows = await database.read(Statement("SELECT name FROM accounts ORDER BY name", {}))
    return [name for (name,) in rows]


@asynccontextmanager
async def held(database: OpenDatabase, *statements: Statement) -> AsyncIterator[None]:
    """Keep the writer busy inside the block, after it executed the statements."""
    hold = Hold()
    writing = asyncio.create_task(database.write(hold.steps(*statements)))
    try:
        assert await asyncio.to_thread(hold.begun.wait, PATIENCE)
        yield
    finally:
        hold.go_on.set()
        await writing


def start(script: str, *arguments: object) -> "subprocess.Popen[str]":
    """Start another process that runs the script."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(acrux.__file__).parents[1],
    )


class TestTransactions:
    """All or nothing, and durable once acknowledged."""

    async def test_a_transaction_returns_what_its_steps_return(
        self, database: OpenDatabase
    ) -> None:
        """Otherwise no write could return its result."""
        assert await database.write(inserted("a", "b")) == "b"
        assert await names(database) == ["a", "b"]

    async def test_steps_are_sent_the_rows_of_each_statement(self, database: OpenDatabase) -> None:
        """A check within a transaction would check nothing."""

        def steps() -> Steps[list[object]]:
            before = yield Statement("SELECT name FROM accounts", {})
            returned = yield Statement(
                "INSERT INTO accounts (name) VALUES ('a') RETURNING name", {}
            )
            return [before, returned]

        assert await database.write(steps()) == [[], [("a",)]]

    async def test_what_the_steps_raise_undoes_them_and_passes_through(
        self, database: OpenDatabase
    ) -> None:
        """Half of a refused request would remain."""
        with pytest.raises(UnknownBlob) as refused:
            await database.write(inserted_and_refused("a"))

        assert refused.value.detail == {"digest": "a"}
        assert await names(database) == []

    async def test_a_statement_that_fails_undoes_its_transaction(
        self, database: OpenDatabase
    ) -> None:
        """Half of a failed request would remain."""
        await database.write(inserted("a"))
        with pytest.raises(Exception, match=r"(?i)unique"):
            await database.write(inserted("b", "a"))

        assert await names(database) == ["a"]

    async def test_a_reader_never_sees_half_a_transaction(
        self, database: OpenDatabase, databases: Databases
    ) -> None:
        """A pull during a push could find the tag and not the manifest."""
        reader = databases.open()
        async with held(database, insert("a"), insert("b")):
            assert await names(reader) == []

        assert await names(reader) == ["a", "b"]

    @only_sqlite
    async def test_a_read_cannot_write(self, database: OpenDatabase) -> None:
        """A change could bypass the writer, unsynced and ungrouped."""
        with pytest.raises(Exception, match="readonly"):
            await database.read(insert("a"))

        assert await names(database) == []

    async def test_references_are_enforced(self, database: OpenDatabase) -> None:
        """A tag could point to a missing manifest."""
        dangling = Statement(DANGLING, {})
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            await database.write(once(dangling))

    @only_sqlite
    async def test_every_commit_is_synced(self, database: OpenDatabase) -> None:
        """An acknowledged push would be lost in a power loss."""
        modes: list[object] = []

        def steps() -> Steps[None]:
            for pragma in ("synchronous", "journal_mode", "foreign_keys", "mmap_size"):
                modes.extend((yield Statement(f"PRAGMA {pragma}", {})))

        await database.write(steps())

        assert modes == [(2,), ("wal",), (1,), (0,)]  # 2 is FULL


class TestGroups:
    """Writes that wait while the writer is busy are committed together."""

    async def test_writes_that_wait_share_one_commit(
        self, database: OpenDatabase, databases: Databases
    ) -> None:
        """Many concurrent pushes would each wait for a separate sync."""
        commits = databases.count("COMMIT")
        async with held(database):
            writes = [asyncio.create_task(database.write(inserted(name))) for name in "abcde"]
            await asyncio.sleep(0)  # let each of them reach the queue
        results = await asyncio.gather(*writes)

        assert results == [*"abcde"]
        assert databases.count("COMMIT") - commits == 2  # one for the hold, one for the group

    async def test_a_group_is_bounded(self, database: OpenDatabase, databases: Databases) -> None:
        """Under load, no write would ever be acknowledged."""
        commits = databases.count("COMMIT")
        async with held(database):
            writes = [
                asyncio.create_task(database.write(inserted(str(number))))
                for number in range(MAX_GROUP + 1)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*writes)

        assert databases.count("COMMIT") - commits == 3

    async def test_a_write_that_fails_fails_alone(
        self, database: OpenDatabase, databases: Databases
    ) -> None:
        """One client's bad push would undo the pushes of others."""
        commits = databases.count("COMMIT")
        async with held(database):
            writes = [
                asyncio.create_task(database.write(steps))
                for steps in (inserted("a"), inserted_and_refused("b"), inserted("c"))
            ]
            await asyncio.sleep(0)
        first, refused, third = await asyncio.gather(*writes, return_exceptions=True)

        assert (first, third) == ("a", "c")
        assert isinstance(refused, UnknownBlob)
        assert await names(database) == ["a", "c"]
        assert databases.count("COMMIT") - commits == 2

    async def test_a_group_sees_what_its_earlier_writes_did(self, database: OpenDatabase) -> None:
        """Two concurrent pushes would both believe to be the first."""
        async with held(database):
            writes = [asyncio.create_task(database.write(inserted("a"))) for _ in range(2)]
            await asyncio.sleep(0)
        first, second = await asyncio.gather(*writes, return_exceptions=True)

        assert first == "a"
        assert "unique" in str(second).lower()

    @only_sqlite
    async def test_the_whole_group_fails_if_the_commit_fails(self, database: OpenDatabase) -> None:
        """A push would be acknowledged although it was never stored."""
        # COMMIT checks a deferred reference: the only failure of a commit that a test can cause.
        deferred = Statement("PRAGMA defer_foreign_keys = ON", {})
        dangling = Statement(DANGLING, {})

        def steps() -> Steps[None]:
            yield deferred
            yield dangling

        async with held(database):
            writes = [
                asyncio.create_task(database.write(inserted("a"))),
                asyncio.create_task(database.write(steps())),
            ]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*writes, return_exceptions=True)

        assert ["FOREIGN KEY" in str(outcome) for outcome in outcomes] == [True, True]
        assert await names(database) == []
        assert await database.write(inserted("a")) == "a"

    async def test_a_caller_that_goes_away_disturbs_nobody(self, database: OpenDatabase) -> None:
        """One client that disconnects would stop every write of its worker."""
        errors: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        async with held(database):
            gone = asyncio.create_task(database.write(inserted("gone")))
            failing = asyncio.create_task(database.write(inserted_and_refused("failing")))
            stays = asyncio.create_task(database.write(inserted("stays")))
            await asyncio.sleep(0)
            gone.cancel()
            failing.cancel()
        cancelled = await asyncio.gather(gone, failing, return_exceptions=True)

        assert [type(outcome) for outcome in cancelled] == [asyncio.CancelledError] * 2
        assert await stays == "stays"
        assert await database.write(inserted("after")) == "after"
        assert errors == []

    async def test_an_event_loop_that_has_ended_disturbs_nobody(
        self, database: OpenDatabase
    ) -> None:
        """A worker that was stopped hard would leave its writer broken."""
        hold = Hold()

        async def leave() -> None:
            task = asyncio.ensure_future(database.write(hold.steps(insert("left"))))
            assert await asyncio.to_thread(hold.begun.wait, PATIENCE)
            task.cancel()

        with ThreadPoolExecutor() as threads:
            threads.submit(asyncio.run, leave()).result(PATIENCE)
        hold.go_on.set()

        async with asyncio.timeout(PATIENCE):
            assert await database.write(inserted("after")) == "after"


class TestLife:
    """Opening and closing."""

    async def test_closing_finishes_what_waits(
        self, database: OpenDatabase, databases: Databases
    ) -> None:
        """A graceful stop would lose the last pushes."""
        writes = [asyncio.create_task(database.write(inserted(name))) for name in "abc"]
        await asyncio.sleep(0)
        database.close()

        async with asyncio.timeout(PATIENCE):
            assert await asyncio.gather(*writes) == [*"abc"]
        assert await names(databases.open()) == ["a", "b", "c"]

    async def test_a_closed_database_refuses_at_once(self, database: OpenDatabase) -> None:
        """A request during the stop would hang forever."""
        database.close()
        database.close()

        with pytest.raises(RuntimeError, match="not open"):
            await names(database)
        with pytest.raises(RuntimeError, match="not open"):
            await database.write(inserted("a"))

    async def test_a_database_can_be_opened_again(self, database: OpenDatabase) -> None:
        """A registry that was stopped in process could not be started again."""
        await database.write(inserted("a"))
        database.close()
        database.open()

        assert await names(database) == ["a"]

    def test_nothing_is_made_before_the_database_is_opened(self, path: Path) -> None:
        """Workers would share a connection opened before the fork, and corrupt it."""
        SqliteDatabase(path)

        assert not path.exists()

    def test_only_its_owner_may_read_the_file(self, path: Path) -> None:
        """Anyone with an account on the machine could read the hashes of passwords."""
        database = SqliteDatabase(path)
        database.open()
        modes = [file.stat().st_mode & 0o777 for file in path.parent.glob("a.sqlite*")]
        database.close()

        assert modes == [0o600] * 3

    def test_a_file_that_is_not_a_database_is_refused_by_name(self, path: Path) -> None:
        """The start would fail with a traceback."""
        path.write_text("this is a letter and no database, and it is longer than a header" * 9)

        with pytest.raises(InvalidSettings, match=r"a\.sqlite cannot be opened as a database"):
            SqliteDatabase(path).open()
        assert path.read_text().startswith("this is a letter")

    def test_a_missing_folder_is_refused_by_name(self, path: Path) -> None:
        """The start would fail with a traceback."""
        with pytest.raises(InvalidSettings, match="cannot be opened as a database"):
            SqliteDatabase(path.parent / "missing" / "a.sqlite").open()


class TestWorkers:
    """Several processes share one file."""

    async def test_processes_that_write_at_once_lose_nothing(
        self, path: Path, tmp_path: Path
    ) -> None:
        """A push would be acknowledged, then overwritten by another worker."""
        processes = [start(COUNT, path, 100) for _ in range(3)]
        codes = [process.wait(PATIENCE) for process in processes]
        for process in processes:
            process.communicate()

        assert codes == [0, 0, 0]
        with closing(sqlite3.connect(path)) as reading:
            assert reading.execute("SELECT size FROM blob_links").fetchone() == (300,)

    def test_what_was_acknowledged_survives_a_kill(self, path: Path) -> None:
        """An acknowledged push would be gone after a crash."""
        process = start(ACKNOWLEDGE, path)
        assert process.stdout is not None
        acknowledged = {process.stdout.readline().strip() for _ in range(50)}
        process.kill()
        acknowledged |= {
            line.strip()
            for line in process.stdout.read().splitlines(keepends=True)
            if line.endswith("\n")
        }
        process.communicate()

        database = SqliteDatabase(path)
        database.open()
        found = asyncio.run(names(database))
        database.close()
        assert len(acknowledged) >= 50
        assert acknowledged <= set(found)

    def test_workers_that_start_at_once_all_start(self, path: Path) -> None:
        """Some workers of a new registry would die with "database is locked"."""
        for number in range(5):
            processes = [start(OPEN, path.with_name(f"{number}.sqlite")) for _ in range(4)]
            for process in processes:
                process.communicate(timeout=PATIENCE)

            assert [process.returncode for process in processes] == [0] * 4

    def test_one_worker_opens_the_file_at_a_time(self, path: Path) -> None:
        """Two that create a new file at once get "database is locked", and no timeout applies."""
        alone: list[bool] = []
        database = SqliteDatabase(path, lambda _: alone.append(is_locked(path.parent)))
        database.open()
        database.close()

        assert alone
        assert all(alone)
        assert not is_locked(path.parent)


def is_locked(folder: Path) -> bool:
    """Whether a process has locked the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


# Adds to one number, so that a lost update shows.
COUNT = """
import asyncio, sys
from pathlib import Path
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.adapters.sql.database import Statement

def add():
    yield Statement("INSERT INTO repositories (key, created_at) VALUES ('r', 0)"
                    " ON CONFLICT DO NOTHING", {})
    rows = yield Statement("SELECT size FROM blob_links", {})
    size = rows[0][0] + 1 if rows else 1
    yield Statement(
        "INSERT INTO blob_links VALUES ('r', 'd', :size, 0)"
        " ON CONFLICT (repository, digest) DO UPDATE SET size = excluded.size", {"size": size})

async def run(times):
    await asyncio.gather(*(database.write(add()) for _ in range(times)))

database = SqliteDatabase(Path(sys.argv[1]))
database.open()
asyncio.run(run(int(sys.argv[2])))
database.close()
"""

# Prints each name as soon as its insertion was acknowledged, until it is killed.
ACKNOWLEDGE = """
import asyncio, itertools, sys
from pathlib import Path
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.adapters.sql.database import Statement

def put(name):
    yield Statement("INSERT INTO accounts (name) VALUES (:name)", {"name": name})

async def run():
    for number in itertools.count():
        await database.write(put(str(number)))
        print(number, flush=True)

database = SqliteDatabase(Path(sys.argv[1]))
database.open()
asyncio.run(run())
"""

OPEN = """
import sys
from pathlib import Path
from acrux.adapters.sqlite.database import SqliteDatabase

database = SqliteDatabase(Path(sys.argv[1]))
database.open()
database.close()
"""

# Writes until the operating system refuses to let the file grow (the limit stands for a quota).
FILL = """
import asyncio, resource, signal, sys
from pathlib import Path
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.adapters.sql.database import Statement
from acrux.errors import StorageExhausted

def put(name):
    yield Statement("INSERT INTO accounts (name) VALUES (:name)", {"name": name * 100_000})

async def run():
    for number in range(1000):
        await database.write(put(str(number)))

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
database = SqliteDatabase(Path(sys.argv[1]))
database.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    asyncio.run(run())
except StorageExhausted:
    print("exhausted")
"""


class TestFullDisk:
    """Nothing is acknowledged that did not fit, and nothing that did is lost."""

    @only_sqlite
    async def test_a_write_that_does_not_fit_is_refused(self, database: OpenDatabase) -> None:
        """A full disk would be an internal error, or a silent loss."""
        await database.write(inserted("before"))
        await database.write(once(Statement("PRAGMA max_page_count = 80", {})))
        with pytest.raises(StorageExhausted):
            await database.write(once(large("a")))

        assert await names(database) == ["before"]

    @only_sqlite
    async def test_writes_go_on_once_there_is_room(self, database: OpenDatabase) -> None:
        """The registry would have to be restarted after disk space was freed."""
        await database.write(once(Statement("PRAGMA max_page_count = 80", {})))
        with pytest.raises(StorageExhausted):
            await database.write(once(large("a")))
        await database.write(once(Statement("PRAGMA max_page_count = 100000", {})))
        await database.write(once(large("a")))

        assert await database.read(
            Statement("SELECT substr(subject, 1, 1) FROM known_places", {})
        ) == [("a",)]

    @only_sqlite
    async def test_nobody_of_the_group_is_acknowledged_in_vain(
        self, database: OpenDatabase
    ) -> None:
        """A push that shared a commit with one that did not fit would be lost."""
        await database.write(once(Statement("PRAGMA max_page_count = 80", {})))
        async with held(database):
            writes = [
                asyncio.create_task(database.write(steps))
                for steps in (inserted("a"), once(large("b")), inserted("c"))
            ]
            await asyncio.sleep(0)
        outcomes = await asyncio.gather(*writes, return_exceptions=True)

        assert isinstance(outcomes[1], StorageExhausted)
        kept = [name for name, outcome in zip("abc", outcomes, strict=True) if outcome == name]
        assert await names(database) == kept

    def test_a_quota_is_a_full_disk(self, path: Path) -> None:
        """A client over its quota would be told of an internal error."""
        said, _ = start(FILL, path).communicate(timeout=PATIENCE)

        assert said == "exhausted\n"

    @pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to find the open file")
    def test_another_failure_of_the_disk_is_not_a_full_one(self, path: Path) -> None:
        """A broken disk would look as if it were only full."""
        with closing(Connection(path)) as connection:
            connection.execute(Statement("CREATE TABLE t AS SELECT zeroblob(100000) AS x", {}))
        with closing(Connection(path)) as connection, path.open("ab") as unreadable:
            os.dup2(unreadable.fileno(), descriptor_of(path, other_than=unreadable.fileno()))

            with pytest.raises(Exception, match="disk I/O") as refused:
                connection.execute(Statement("SELECT sum(length(x)) FROM t", {}))
        assert not isinstance(refused.value, StorageExhausted)


def descriptor_of(path: Path, other_than: int) -> int:
    """The descriptor with which SQLite has the file open."""
    for entry in Path("/proc/self/fd").iterdir():
        if entry.is_symlink() and entry.readlink() == path and int(entry.name) != other_than:
            return int(entry.name)
    raise LookupError(path)


class TestMigrations:
    """The schema is brought up to date step by step."""

    def test_migrations_are_numbered_without_a_gap(self) -> None:
        """One version of a database could mean two things."""
        folder = Path(acrux.__file__).parent / "adapters" / "sql" / "migrations"
        numbers = sorted(int(script.name[:4]) for script in folder.glob("*.sql"))

        assert numbers == [*range(1, len(migrations()) + 1)]

    def test_a_migration_is_carried_out_once(self, path: Path) -> None:
        """The second start would fail, or apply everything twice."""
        scripts = ("CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('first')",)
        with closing(Connection(path)) as connection:
            migrate(connection, scripts, path)
            migrate(connection, scripts, path)
            migrate(connection, (*scripts, "INSERT INTO t VALUES ('second')"), path)

            rows = connection.execute(Statement("SELECT x FROM t", {}))
        assert rows == [("first",), ("second",)]

    def test_a_migration_that_fails_leaves_the_database_as_it_was(self, path: Path) -> None:
        """A failed upgrade could be neither repeated nor rolled back."""
        with closing(Connection(path)) as connection:
            migrate(connection, ("CREATE TABLE t (x TEXT)",), path)
            with pytest.raises(Exception, match="no such table: missing"):
                migrate(
                    connection,
                    (
                        "CREATE TABLE t (x TEXT)",
                        "CREATE TABLE u (x TEXT)",
                        "INSERT INTO missing VALUES (1)",
                    ),
                    path,
                )

            tables = connection.execute(Statement("SELECT name FROM sqlite_schema", {}))
            version = connection.execute(Statement("PRAGMA user_version", {}))
            assert not connection.in_transaction
        assert (tables, version) == ([("t",)], [(1,)])

    def test_a_database_of_a_newer_acrux_is_refused(self, path: Path) -> None:
        """An older acrux would damage data that it does not understand."""
        with closing(Connection(path)) as connection:
            connection.execute(Statement("PRAGMA user_version = 99", {}))

        with pytest.raises(InvalidSettings, match=r"version 99 .* knows versions up to"):
            SqliteDatabase(path).open()

    @pytest.mark.parametrize(
        ("first", "second", "refused"),
        [
            ("-- expands: 1\n", "-- expands: 1\n", []),
            ("-- expands: 1\n", "-- expands: 2\n", [1]),
            ("-- expands: 1\n", "-- contracts: a reason\n", [1, 2]),
            ("-- contracts: a reason\n", "-- expands: 1\n", [1]),
            ("", "", [1, 2]),
        ],
    )
    def test_a_program_uses_what_was_expanded_and_refuses_what_was_contracted(
        self, path: Path, first: str, second: str, refused: list[int]
    ) -> None:
        """Old and new workers run side by side, or the old ones would fail at each statement."""
        scripts = (
            "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
            f"{first}CREATE TABLE t (x TEXT)",
            f"{second}CREATE TABLE u (x TEXT)",
        )
        with closing(Connection(path)) as connection:
            for known in (1, 2, 3):  # one upgrade after another
                migrate(connection, scripts[:known], path)

            assert [known for known in (1, 2, 3) if is_refused(connection, known)] == refused

    def test_a_database_from_before_says_nothing_and_is_expanded_all_the_same(
        self, path: Path
    ) -> None:
        """The first version that expands finds databases without a note."""
        scripts = ("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)",)
        with closing(Connection(path)) as connection:
            migrate(connection, scripts, path)
            connection.execute(Statement("DELETE FROM facts", {}))
            migrate(connection, (*scripts, "-- expands: 1\nCREATE TABLE t (x TEXT)"), path)

            assert not is_refused(connection, 1)


def is_refused(connection: Connection, known: int) -> bool:
    """Whether a program that knows this version refuses the database."""
    try:
        check(connection, known, Path("registry.sqlite"))
    except InvalidSettings:
        return True
    return False


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_survives_the_database_exactly(instant: datetime) -> None:
    """Rounding would shift times, and a listing by time would be out of order."""
    assert from_microseconds(to_microseconds(instant)) == instant
    assert to_microseconds(instant + timedelta(0)) == to_microseconds(instant)
