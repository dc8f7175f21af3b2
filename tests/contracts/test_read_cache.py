"""Cached reads are used only while the database has not changed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from acrux.adapters.sql.database import Row, Statement
from acrux.adapters.sql.results import MAX_RESULT_BYTES, ROW_BYTES
from acrux.adapters.sqlite.connection import Connection
from acrux.adapters.sqlite.read_cache import ReadCache

ALL = Statement("SELECT name FROM things ORDER BY name", {})


class Reading:
    """Counted, cached reads of a real file, and another connection that writes to it."""

    def __init__(self, folder: Path) -> None:
        self.writer = Connection(folder / "things.sqlite")
        self.reader = Connection(folder / "things.sqlite")
        self.asked: list[Statement] = []
        self.between: list[Statement] = []  # committed after the version was checked
        self.writer.execute(Statement("CREATE TABLE things (name TEXT PRIMARY KEY)", {}))
        self.reads = ReadCache(self._execute, self._version, max_bytes=100 * ROW_BYTES)

    def _execute(self, statement: Statement) -> list[Row]:
        self.asked.append(statement)
        return self.reader.execute(statement)

    def _version(self) -> int:
        version = self.reader.version()
        while self.between:
            self.writer.execute(self.between.pop())
        return version

    def add(self, name: str) -> None:
        """Commit a row."""
        self.writer.execute(add(name))

    def names(self) -> list[str]:
        """All names, as the cached reads return them."""
        return [name for (name,) in self.reads.rows(ALL)]


def add(name: str) -> Statement:
    """Insert one more row."""
    return Statement("INSERT INTO things VALUES (:name)", {"name": name})


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    """An empty table."""
    reading = Reading(tmp_path)
    with closing(reading.writer), closing(reading.reader):
        yield reading


def test_unchanged_rows_are_queried_once(reading: Reading) -> None:
    """Every pull of one image would query it again."""
    reading.add("a")

    assert [reading.names(), reading.names()] == [["a"], ["a"]]
    assert len(reading.asked) == 1


def test_a_result_answers_for_its_own_values_only(reading: Reading) -> None:
    """Values without a name belong to the question too: another manifest would be read."""
    reading.add("a")
    named = [Statement("SELECT name FROM things WHERE name = :name", {"name": n}) for n in "ab"]
    unnamed = [Statement("SELECT name FROM things WHERE name = ?", {}, [name]) for name in "ab"]

    for first, second in (named, unnamed):
        assert [reading.reads.rows(first), reading.reads.rows(second)] == [[("a",)], []]


def test_a_commit_of_another_connection_is_seen_by_the_next_read(reading: Reading) -> None:
    """A deleted manifest, or a revoked right, would still be served."""
    reading.add("a")
    assert reading.names() == ["a"]

    reading.add("b")

    assert reading.names() == ["a", "b"]


def test_a_commit_between_the_check_and_the_read_does_no_harm(reading: Reading) -> None:
    """The rows are newer than the version they are cached under: the next check drops them."""
    reading.add("a")
    reading.between.append(add("b"))

    assert reading.names() == ["a", "b"]
    reading.add("c")
    assert reading.names() == ["a", "b", "c"]


def test_the_same_text_with_other_values_is_another_query(reading: Reading) -> None:
    """One repository would get the answer of another."""
    reading.add("a")
    find = "SELECT name FROM things WHERE name = :name"

    assert reading.reads.rows(Statement(find, {"name": "a"})) == [("a",)]
    assert reading.reads.rows(Statement(find, {"name": "b"})) == []
    assert reading.reads.rows(Statement(find, {"name": "a"})) == [("a",)]
    assert len(reading.asked) == 2


def test_a_caller_that_changes_its_rows_changes_nobody_elses(reading: Reading) -> None:
    """A listing removes its last row: the next listing would lack it."""
    reading.add("a")
    reading.reads.rows(ALL).clear()

    assert reading.names() == ["a"]


def test_a_long_result_is_not_cached(reading: Reading) -> None:
    """One listing would evict everything else."""
    reading.add("x" * MAX_RESULT_BYTES)

    assert reading.names() == reading.names()
    assert len(reading.asked) == 2


def test_a_long_query_is_not_cached(reading: Reading) -> None:
    """Anyone without an account may ask for an account with a very long name."""
    find = Statement("SELECT name FROM things WHERE name = :name", {"name": "x" * MAX_RESULT_BYTES})

    reading.reads.rows(find)
    reading.reads.rows(find)

    assert len(reading.asked) == 2


def test_no_more_is_cached_than_fits(reading: Reading) -> None:
    """A caller who asks for ever new names would fill the memory."""
    find = "SELECT name FROM things WHERE name = :name"
    for number in range(101):
        reading.reads.rows(Statement(find, {"name": str(number)}))

    reading.reads.rows(Statement(find, {"name": "100"}))
    assert len(reading.asked) == 101  # the last one is still cached
    reading.reads.rows(Statement(find, {"name": "0"}))
    assert len(reading.asked) == 102  # the first ones were evicted


def test_a_value_made_from_rows_is_cached_instead_of_them(reading: Reading) -> None:
    """Otherwise every pull of one image would parse its digest again."""
    reading.add("a")
    made: list[int] = []

    def read(rows: list[Row]) -> None:
        made.append(len(rows))  # and None is a result like any other

    assert [reading.reads.find(ALL, read), reading.reads.find(ALL, read)] == [None, None]
    assert made == [1]
    reading.add("b")
    assert reading.reads.find(ALL, read) is None
    assert made == [1, 2]


def test_the_value_of_one_reader_is_not_used_for_another(reading: Reading) -> None:
    """A size would be returned as a manifest."""
    reading.add("a")

    assert reading.reads.find(ALL, len) == 1
    assert reading.reads.find(ALL, str) == "[('a',)]"
    assert reading.names() == ["a"]


def test_a_refusal_to_read_is_not_cached(reading: Reading) -> None:
    """Content that is locked now may be readable a moment later."""

    def refuse(_: list[Row]) -> None:
        raise PermissionError

    for _ in range(2):
        with pytest.raises(PermissionError):
            reading.reads.find(ALL, refuse)
    assert len(reading.asked) == 2


def test_a_row_of_many_empty_values_has_a_weight(reading: Reading) -> None:
    """Each value is an object, however short it is."""
    wide = Statement(f"SELECT {', '.join(['NULL'] * 250)}", {})

    reading.reads.rows(wide)
    reading.reads.rows(wide)

    assert reading.asked == [wide, wide]
