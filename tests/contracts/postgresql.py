"""A private PostgreSQL: our schema, many rows, plans for our statements."""

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from acrux.adapters.sql.database import SqlValue, Statement
from acrux.adapters.sql.schema import migrations
from tests.tools import require_tool

DEBIAN = Path("/usr/lib/postgresql")  # where Debian installs the programs of each version
ACCOUNT = "postgres"  # created by Debian's package; the programs refuse to run as root

_PARAMETER = re.compile(r"(?<!:):([a-z_][a-z0-9_]*)")


class PostgreSql:
    """A private cluster, reached through a socket in its own folder."""

    def __init__(self, folder: Path, programs: dict[str, str]) -> None:
        self._folder = folder
        self._programs = programs

    def create(self) -> None:
        """Create the cluster and start it; text is compared byte by byte, as Statement requires."""
        data = str(self._folder / "data")
        self._run("initdb", "-D", data, "-U", "acrux", "--no-sync", "--locale=C", "-E", "UTF8")
        options = f"-c listen_addresses= -c fsync=off -k {self._folder}"
        self._run("pg_ctl", "-D", data, "-w", "-s", "-l", f"{data}/log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it immediately: nobody needs its data."""
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-s", "-m", "immediate", "stop")

    def execute(self, script: str) -> str:
        """The output of the statements; stops at the first that fails."""
        return self._run(
            "psql", "-h", str(self._folder), "-U", "acrux", "-d", "postgres",
            "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-", script=script,
        )  # fmt: skip

    def plans(self, statements: list[Statement]) -> list[dict[str, Any]]:
        """The plan of each statement with its values."""
        script = "".join(
            f"EXPLAIN (FORMAT JSON) {_literal_text(statement)};\n\\echo ----\n"
            for statement in statements
        )
        plans = self.execute(script).split("----\n")[:-1]
        return [json.loads(plan)[0]["Plan"] for plan in plans]

    def prepare(self, statements: list[Statement]) -> None:
        """Prepare each statement as a driver sends it: values come later, without types."""
        self.execute(
            "".join(
                f"PREPARE s{number} AS {_numbered_text(statement)};\n"
                for number, statement in enumerate(statements)
            )
        )

    def _run(self, program: str, *arguments: str, script: str = "") -> str:
        finished: subprocess.CompletedProcess[str] = subprocess.run(
            [self._programs[program], *arguments],
            input=script, cwd=self._folder, capture_output=True, text=True, check=False,
            env={"PATH": os.defpath, "LC_ALL": "C"}, **_unprivileged(),
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


@contextmanager
def running() -> Iterator[PostgreSql]:
    """A cluster with our schema. Skips, or fails if CI=true, if the programs are missing."""
    programs = _find_programs("initdb", "pg_ctl", "psql")
    # Not in pytest's own folder: only its owner may enter it, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="acrux-postgresql-"))
    if os.geteuid() == 0:
        shutil.chown(folder, ACCOUNT)
    cluster = PostgreSql(folder, programs)
    try:
        cluster.create()
        try:
            cluster.execute("\n".join(migrations()))
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
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
