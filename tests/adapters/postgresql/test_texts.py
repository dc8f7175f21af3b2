"""Statements of both databases, as PostgreSQL reads them."""

import pytest

from acrux.adapters.postgresql.texts import numbered
from acrux.adapters.sql.database import Statement


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1"),
        ("SELECT ':a', ':a''s', :a -- as :a\n, :b", "SELECT ':a', ':a''s', $1 -- as :a\n, $2"),
        ("SELECT :a::text || :b", "SELECT $1::text || $2"),
    ],
)
def test_names_become_numbers(sql: str, text: str) -> None:
    """A literal or a cast would be taken for a parameter."""
    statement = Statement(sql, {"b": 2, "a": 1})

    found, values = numbered(statement)

    assert (found, values) == (text, [1, 2][: len(values)])


def test_question_marks_become_numbers_in_their_order() -> None:
    """The values of one row would be stored in another."""
    statement = Statement("VALUES (?, '?'), (?, ?)", {}, ["x", "y", None])

    assert numbered(statement) == ("VALUES ($1, '?'), ($2, $3)", ["x", "y", None])


def test_a_text_with_a_nul_can_be_sent() -> None:
    """Anybody could cause internal errors with a user name that only SQLite can look for."""
    statement = Statement("SELECT :name, :bytes", {"name": "a\0b", "bytes": b"\0"})

    assert numbered(statement)[1] == ["a\ufffdb", b"\0"]
