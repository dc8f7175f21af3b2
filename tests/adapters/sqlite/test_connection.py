"""What a connection keeps between its statements."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from acrux.adapters.sql.database import Statement
from acrux.adapters.sqlite.connection import KEPT_VALUES, Connection

BLOBS = 50  # of one image: each is linked by nine statements


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """An open file with nothing in it."""
    with closing(Connection(tmp_path / "registry.sqlite")) as opened:
        yield opened


def _prepared(connection: Connection) -> int:
    return int(connection._sqlite.cache_stats()["misses"])  # noqa: SLF001 -- only apsw knows


def _push(connection: Connection) -> None:
    for _ in range(BLOBS):
        for step in range(9):
            connection.execute(Statement(f"SELECT 'link', {step}", {}))
    for step in range(14):
        connection.execute(Statement(f"SELECT 'manifest', {step}", {}))


def test_the_second_push_of_an_image_prepares_no_statement(connection: Connection) -> None:
    """With apsw's usual cache, eleven blobs made it prepare each statement of a manifest anew."""
    _push(connection)
    before = _prepared(connection)

    _push(connection)

    assert _prepared(connection) == before


@pytest.mark.parametrize(("values", "times"), [(KEPT_VALUES, 1), (KEPT_VALUES + 1, 3)])
def test_only_a_statement_of_few_values_is_kept(
    connection: Connection, values: int, times: int
) -> None:
    """Callers choose their number, and a statement of a thousand takes a megabyte."""
    before = _prepared(connection)

    for _ in range(3):
        text = f"SELECT 1 IN ({', '.join('?' * values)})"
        connection.execute(Statement(text, {}, [1] * values))

    assert _prepared(connection) - before == times


def test_a_statement_without_an_end_is_interrupted_and_the_connection_goes_on(
    connection: Connection,
) -> None:
    """Its caller has left, and it would take a processor for ever."""
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"
    connection.end_when(lambda: True)

    with pytest.raises(apsw.InterruptError):
        connection.execute(Statement(endless, {}))

    assert connection.execute(Statement("SELECT 1", {})) == [(1,)]
