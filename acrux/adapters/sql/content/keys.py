"""The keys of repositories: what the rows of other tables carry."""

from secrets import token_hex
from typing import Final

from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.names import RepositoryName

# The key of the live repository `:repository`. It is the name unless a repository of the same name
# was deleted whose rows are not all cleared yet.
KEY: Final = "(SELECT key FROM repositories WHERE name = :repository)"

RANDOM_BYTES: Final = 8


def find_key(repository: RepositoryName) -> Steps[str | None]:
    """The key of the repository; None if there is no such repository."""
    rows = yield Statement(
        "SELECT key FROM repositories WHERE name = :repository", {"repository": repository.value}
    )
    return str(rows[0][0]) if rows else None


def another_key(name: str) -> str:
    """A key for rows of the name beside those that have the name itself as their key."""
    return f"{name} {token_hex(RANDOM_BYTES)}"  # no name contains a space
