"""Marks what is not a whole registry yet, so that none starts on it."""

from typing import Final

from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.facts import SqlFacts
from acrux.errors import InvalidInput, InvalidSettings

_FACT: Final = "migrating"

# A registry has an administrator from its first start on.
_IN_USE: Final = Statement(
    "SELECT 1 FROM accounts UNION ALL SELECT 1 FROM repositories LIMIT 1", {}
)


async def refuse_unfinished(facts: SqlFacts) -> None:
    """Raise InvalidSettings if a migration to this registry has not ended."""
    if await facts.find(_FACT) is not None:
        raise InvalidSettings(
            "a migration to this registry is running or was interrupted: wait for it, or run the "
            "same acrux migrate again, which goes on; to give it up, empty the target"
        )


async def begin(target: Database, source: str) -> None:
    """Mark the target as a copy of this source. If it is one already, the migration goes on.

    Raises InvalidInput if it holds anything else.
    """
    facts = SqlFacts(target)
    found = await facts.find(_FACT)
    if found is None and await target.read(_IN_USE):
        raise InvalidInput(
            "the target holds a registry already: migrate to an empty database and an empty store, "
            "so that nothing is overwritten"
        )
    if found not in (None, source):
        raise InvalidInput(
            "the target holds an interrupted migration of another registry: empty it, or choose "
            "another target"
        )
    await facts.keep(_FACT, source)


async def end(target: Database) -> None:
    """Let a registry start on the target."""
    await target.write(_forget())


def _forget() -> Steps[None]:
    yield Statement("DELETE FROM facts WHERE name = :name", {"name": _FACT})
