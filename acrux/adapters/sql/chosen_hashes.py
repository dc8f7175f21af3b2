"""Which schemes and costs chosen passwords are kept with, in SQL."""

from typing import Final

from acrux.adapters.keys.slow_hashes import ARGON2, BCRYPT, last_like
from acrux.adapters.sql.statements import Database, Row, Statement

# Of costs of a scheme. There are nine at most, and each damaged hash is a kind of its own.
MAX_KINDS: Final = 100


async def chosen_hashes(database: Database) -> tuple[str, ...]:
    """At least one hash of each scheme and cost, of damaged ones MAX_KINDS at most."""
    return (*await _of_scheme(database, ARGON2), *await _of_scheme(database, BCRYPT))


async def _of_scheme(database: Database, scheme: str) -> tuple[str, ...]:
    # From kind to kind along the index, however many there are of each.
    found: list[str] = []
    after, end = f"{scheme}:", f"{scheme};"
    while len(found) < MAX_KINDS and (kept := await database.find(_next(after, end), _read)):
        found.append(kept)
        after = last_like(kept)
    return tuple(found)


def _next(after: str, end: str) -> Statement:
    return Statement(
        "SELECT MIN(hash) FROM passwords WHERE hash > :after AND hash < :end",
        {"after": after, "end": end},
    )


def _read(rows: list[Row]) -> str | None:
    kept: str | None = rows[0][0]
    return kept
