"""Facts about the registry itself, in SQL."""

from acrux.adapters.sql.database import Database, Statement, Steps


class SqlFacts:
    """A few named texts, shared by all processes that open the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, name: str) -> str | None:
        """The text of this name; None if there is none."""
        rows = await self._database.read(finding(name))
        return str(rows[0][0]) if rows else None

    async def keep(self, name: str, value: str) -> None:
        """Store the text under this name; it is durable when this returns."""
        await self._database.write(_keep(name, value))


def finding(name: str) -> Statement:
    """The statement that reads the text of this name."""
    return Statement("SELECT value FROM facts WHERE name = :name", {"name": name})


def keeping(name: str, value: str) -> Statement:
    """The statement that stores the text under this name."""
    return Statement(
        """
        INSERT INTO facts (name, value) VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value
        """,
        {"name": name, "value": value},
    )


def _keep(name: str, value: str) -> Steps[None]:
    yield keeping(name, value)
