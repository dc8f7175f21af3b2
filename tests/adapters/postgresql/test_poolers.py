"""Behind a pooler that shares connections between transactions, all works, too."""

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from acrux.adapters.postgresql.address import Address
from acrux.adapters.postgresql.database import PostgresDatabase
from acrux.adapters.sql.database import Statement, Steps
from tests.postgresql import PostgreSql, unprivileged
from tests.running import until
from tests.tools import require_tool

CONFIGURATION = """
[databases]
* = host={folder} user=acrux
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""

NAMES = Statement("SELECT name FROM accounts WHERE name <> :none ORDER BY name", {"none": "none"})


@pytest.fixture
def pooler(server: PostgreSql) -> Iterator[str]:
    """The port of a pgbouncer in front of the server, in the same folder."""
    program = require_tool("pgbouncer", "pgbouncer")
    configuration = server.folder / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(folder=server.folder))
    process = subprocess.Popen(
        [program, "-q", str(configuration)], cwd=server.folder, **unprivileged()
    )
    try:
        until((server.folder / ".s.PGSQL.6432").exists)
        yield "6432"
    finally:
        process.terminate()
        process.wait(30)


def inserted(name: str) -> Steps[None]:
    """Insert an account, and see it."""
    yield Statement("INSERT INTO accounts (name) VALUES (:name)", {"name": name})
    rows = yield NAMES
    assert (name,) in rows


async def test_nodes_share_two_connections_of_a_pooler(server: PostgreSql, pooler: str) -> None:
    """Statements would be sent to a connection that was never told of them, now and then."""
    url = f"{server.url(server.new_database())}&port={pooler}"
    nodes = [PostgresDatabase(Address.parse(url), prepares=False) for _ in range(3)]
    for node in nodes:
        await node.open()

    async def work(node: PostgresDatabase, number: int) -> None:
        await node.write(inserted(f"{number:03}"))
        assert (f"{number:03}",) in await node.read(NAMES)

    await asyncio.gather(*(work(nodes[number % 3], number) for number in range(60)))
    await nodes[0].snapshot(iter_names())
    for node in nodes:
        await node.close()


def iter_names() -> Steps[None]:
    """Read the accounts."""
    yield NAMES
