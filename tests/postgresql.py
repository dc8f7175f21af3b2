"""A private PostgreSQL server: databases with our schema, plans for our statements."""

import asyncio
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.database import PostgresDatabase
from acrux.adapters.sql.database import Observer, Result, Row, SqlValue, Statement, Steps, nobody
from tests.processes import children, is_alive
from tests.running import until
from tests.tools import require_tool

DEBIAN = Path("/usr/lib/postgresql")  # where Debian installs the programs of each version
ACCOUNT = "postgres"  # created by Debian's package; the programs refuse to run as root

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


PATIENCE = 30.0  # seconds after which a test that waits in vain fails

TEMPLATE = "made"  # the database with our schema and no rows


class PostgreSql:
    """A private server, reached through a socket in its own folder."""

    def __init__(self, folder: Path, programs: dict[str, str]) -> None:
        self._folder = folder
        self._programs = programs
        self._numbers = count(1)

    def create(self) -> None:
        """Create the server and start it, with the schema in the database TEMPLATE.

        By itself it compares texts as English does, as most servers have it.
        """
        self._run(
            "initdb", "-D", self._data, "-U", "acrux", "--no-sync", "-E", "UTF8",
            "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en",
        )  # fmt: skip
        self.start()
        self.execute(f"CREATE DATABASE {TEMPLATE}")
        database = ThreadedDatabase(self.url(TEMPLATE))
        database.open()
        database.close()

    def start(self, *options: str) -> None:
        """Start it. The `options` are `name=value`, as its configuration has them."""
        every = ("listen_addresses=", "fsync=off", "max_connections=200", *options)
        given = " ".join(f"-c {option}" for option in every)
        self._run(
            "pg_ctl", "-D", self._data, "-w", "-s", "-l", f"{self._data}/log",
            "-o", f"{given} -k {self._folder}", "start",
        )  # fmt: skip

    def stop(self, mode: str = "immediate") -> None:
        """Stop it, as pg_ctl has it: immediately nothing is written, as after a crash."""
        self._run("pg_ctl", "-D", self._data, "-s", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill it with SIGKILL; the processes of its connections end by themselves."""
        locks = (Path(self._data) / "postmaster.pid", self._folder / ".s.PGSQL.5432.lock")
        first, *_ = locks[0].read_text().splitlines()
        pids = [int(first), *children(int(first))]
        os.kill(int(first), signal.SIGKILL)
        until(lambda: not any(map(is_alive, pids)))
        for lock in locks:  # a machine without an init process has its remains for ever
            lock.unlink()

    def url(self, database: str, user: str = "acrux") -> str:
        """The URL of a database."""
        return f"postgresql://{user}@/{database}?host={self._folder}"

    @property
    def folder(self) -> Path:
        """Where its socket is, and where other programs of its user may write."""
        return self._folder

    def new_database(self) -> str:
        """The name of a new database with our schema."""
        name = f"d{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def execute(self, script: str, database: str = "postgres") -> str:
        """The output of the statements; stops at the first that fails."""
        return self._run(
            "psql", "-h", str(self._folder), "-U", "acrux", "-d", database,
            "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", script=script,
        )  # fmt: skip

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def plans(self, statements: list[Statement], database: str) -> list[dict[str, Any]]:
        """The plan of each statement with its values."""
        script = "".join(
            f"EXPLAIN (FORMAT JSON) {_literal_text(statement)};\n\\echo ----\n"
            for statement in statements
        )
        plans = self.execute(script, database).split("----\n")[:-1]
        return [json.loads(plan)[0]["Plan"] for plan in plans]

    def prepare(self, statements: list[Statement], database: str) -> None:
        """Prepare each statement as a driver sends it: values come later, without types."""
        self.execute(
            "".join(
                f"PREPARE s{number} AS {_numbered_text(statement)};\n"
                for number, statement in enumerate(statements)
            ),
            database,
        )

    def _run(self, program: str, *arguments: str, script: str = "") -> str:
        finished: subprocess.CompletedProcess[str] = subprocess.run(
            [self._programs[program], *arguments],
            input=script, cwd=self._folder, capture_output=True, text=True, check=False,
            env={"PATH": os.defpath, "LC_ALL": "C"}, **unprivileged(),
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@contextmanager
def running() -> Iterator[PostgreSql]:
    """A server of our own. Skips, or fails if CI=true, if the programs are missing."""
    programs = _find_programs("initdb", "pg_ctl", "psql")
    # Not in pytest's own folder: only its owner may enter it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="acrux-postgresql-"))
    if is_root():
        shutil.chown(folder, ACCOUNT)
    cluster = PostgreSql(folder, programs)
    try:
        cluster.create()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSql]:
    """A PostgreSQL of this process's own; a conftest.py that needs it imports it."""
    with running() as server:
        yield server


class ThreadedDatabase:
    """A database on an event loop of its own, which runs in a thread, as another process's would.

    A test can hold it up within a transaction, and go on.
    """

    def __init__(self, url: str, observe: Observer = nobody) -> None:
        self._database = PostgresDatabase(Address.parse(url), observe)
        self._thread: Thread | None = None

    def open(self) -> None:
        """Open it."""
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._submit(self._database.open()).result(PATIENCE)

    def close(self) -> None:
        """Close it. Closing twice does no harm."""
        if self._thread is None:
            return
        self._submit(self._database.close()).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._thread = None
        self._loop.close()

    async def read(self, statement: Statement) -> list[Row]:
        """See sql.database.Database."""
        return await self._awaited(self._database.read(statement))

    async def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """See sql.database.Database."""
        return await self._awaited(self._database.find(statement, read))

    async def write(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database."""
        return await self._awaited(self._database.write(steps))

    async def snapshot(self, steps: Steps[Result]) -> Result:
        """See sql.database.Database."""
        return await self._awaited(self._database.snapshot(steps))

    async def verify(self, *, deep: bool) -> Sequence[str]:
        """See sql.database.Database."""
        return await self._awaited(self._database.verify(deep=deep))

    async def _awaited(self, call: Coroutine[Any, Any, Result]) -> Result:
        if self._thread is None:
            call.close()
            raise RuntimeError("the database is not open")
        has_ended = Event()

        async def whole() -> Result:
            try:
                return await call
            finally:
                has_ended.set()

        try:
            return await asyncio.wrap_future(self._submit(whole()))
        except asyncio.CancelledError:  # the other loop hears of it later
            await asyncio.to_thread(has_ended.wait, PATIENCE)
            raise

    def _submit(self, call: Coroutine[Any, Any, Result]) -> "Future[Result]":
        return asyncio.run_coroutine_threadsafe(call, self._loop)


def is_root() -> bool:
    """Whether this user is one whom PostgreSQL's programs refuse."""
    return os.geteuid() == 0


def unprivileged() -> dict[str, Any]:
    """Arguments of `subprocess` for a program that refuses to run as root."""
    if not is_root():
        return {}
    return {"user": ACCOUNT, "group": pwd.getpwnam(ACCOUNT).pw_gid, "extra_groups": []}


def _find_programs(*names: str) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        newest_first = sorted(DEBIAN.glob("*/bin"), key=str, reverse=True)
        patch.setenv("PATH", os.pathsep.join(map(str, newest_first)), prepend=os.pathsep)
        return {name: require_tool(name, "postgresql") for name in names}


def _literal_text(statement: Statement) -> str:
    if statement.values:
        values = iter(statement.values)
        return re.sub(r"\?", lambda _: _literal(next(values)), statement.sql)
    return _PARAMETER.sub(lambda match: _literal(statement.parameters[match[1]]), statement.sql)


def _literal(value: SqlValue) -> str:
    match value:
        case None:
            return "NULL"
        case int():
            return str(value)
        case bytes():
            return rf"'\x{value.hex()}'"
    return "'" + value.replace("'", "''") + "'"


def _numbered_text(statement: Statement) -> str:
    if statement.values:
        numbers = count(1)
        return re.sub(r"\?", lambda _: f"${next(numbers)}", statement.sql)
    names = list(dict.fromkeys(_PARAMETER.findall(statement.sql)))
    return _PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", statement.sql)
