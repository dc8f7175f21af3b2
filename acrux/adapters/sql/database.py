"""A transaction as a generator of statements, without I/O."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec import Struct

Result = TypeVar("Result")

SqlValue: TypeAlias = str | int | bytes | None

# The values of the columns, each a SqlValue; the statement determines which.
Row: TypeAlias = tuple[Any, ...]


class Statement(Struct, frozen=True):
    """One SQL statement and the values of its `:name` parameters, or of its `?`s in their order.

    For hundreds of values use `?`: SQLite looks up each name by a search from the first one.

    The dialect is what SQLite and PostgreSQL share: TEXT, BIGINT, INTEGER and BYTEA, instants as
    microseconds since 1970 in UTC, `ON CONFLICT`, `RETURNING`. Texts compare byte by byte, so a
    PostgreSQL database must have the collation C.
    """

    sql: str
    parameters: dict[str, SqlValue]
    values: Sequence[SqlValue] = ()


# A transaction: it yields statements, is sent the rows of each, and returns its result.
Steps: TypeAlias = Generator[Statement, list[Row], Result]


def did(statement: Statement) -> Steps[bool]:
    """A transaction of one statement: whether it returns a row."""
    return bool((yield statement))


# Is called with every statement before it runs.
Observer: TypeAlias = Callable[[Statement], None]


def nobody(_statement: Statement) -> None:
    """Watch nothing."""


class Database(Protocol):
    """What runs statements. All methods raise StorageExhausted on a full disk."""

    async def read(self, statement: Statement) -> list[Row]:
        """The rows of one statement that changes nothing; it sees only committed rows."""

    async def find(self, statement: Statement, read: Callable[[list[Row]], Result]) -> Result:
        """What `read` makes of the rows of the statement. The result may come from a cache.

        `read` must depend on nothing but the rows, and its result must not change. What it raises
        passes through.
        """

    async def write(self, steps: Steps[Result]) -> Result:
        """Run a transaction and return its result once it is durable.

        If the steps raise, the transaction is undone and the exception passes through. If the
        caller is cancelled meanwhile, the transaction may be committed all the same.
        """

    async def snapshot(self, steps: Steps[Result]) -> Result:
        """Run a transaction that only reads, and may read much; return its result.

        It sees what was committed when it began, and holds up neither the event loop nor writers.
        One runs at a time in each process. What the steps raise passes through.
        """

    async def verify(self, *, deep: bool) -> Sequence[str]:
        """What the database finds wrong with its own files; at most a few sentences, or none.

        `deep` also compares indexes with their tables, which takes longer.
        """
