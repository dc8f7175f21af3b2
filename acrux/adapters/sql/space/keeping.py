"""What keeps a digest: the repositories that have it, and why."""

from typing import Final

from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.space import chains
from acrux.adapters.sql.space.counted import check_counted
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.storage.space import Keeper, Kept
from acrux.domain.instants import from_microseconds
from acrux.errors import UnknownBlob

REPOSITORIES: Final = 20  # that an answer names
PAGE: Final = 500  # repositories that one statement asks


def find(digest: Digest, repository: RepositoryName | None, rules: Rules) -> Steps[Kept]:
    """What keeps the digest.

    Raises UnknownBlob if nothing has it, and NotYet.
    """
    yield from check_counted()
    text, keepers, sizes = str(digest), [], []
    holders = yield from _find_holders(text, repository)
    for key, name, is_deleted, clear_at, size in holders[:REPOSITORIES]:
        # What is about to be cleared is kept by nothing in it.
        climb = chains.climb(str(key), text, rules)
        found, more = (yield from climb) if clear_at is None else ((), False)
        cleared_at = None if clear_at is None else from_microseconds(clear_at)
        keepers.append(Keeper(str(name), found, more, bool(is_deleted), cleared_at))
        sizes.append(int(size))
    removed = [] if keepers else (yield _find_removal(text))
    if not keepers and (repository is not None or not removed):
        where = f"the repository {repository}" if repository else "this registry"
        raise UnknownBlob(f"it is not in {where}", digest=text)
    for size, due_at in removed:
        return Kept(digest, int(size), (), more=False, removed_at=from_microseconds(due_at))
    return Kept(digest, sizes[0], tuple(keepers), more=len(holders) > REPOSITORIES)


def _find_holders(digest: str, repository: RepositoryName | None) -> Steps[list[Row]]:
    found: list[Row] = []
    after = ""
    while len(found) <= REPOSITORIES:
        # There is no index of manifests by digest: each repository is asked, many at once.
        keys = yield _find_keys(after, repository)
        if not keys:
            break
        last = str(keys[-1][0])
        found += yield _find_among(digest, after, last, repository)
        after = last
    return found


def _find_keys(after: str, repository: RepositoryName | None) -> Statement:
    named, parameters = _named(repository)
    return Statement(
        f"SELECT key FROM repositories WHERE key > :after {named} ORDER BY key LIMIT {PAGE}",  # noqa: S608 -- our own text
        {"after": after, **parameters},
    )


def _find_among(digest: str, after: str, last: str, repository: RepositoryName | None) -> Statement:
    named, parameters = _named(repository)
    return Statement(
        f"""
        SELECT repositories.key, COALESCE(name, former_name, key), name IS NULL, clear_at,
               COALESCE(blob_links.size, manifests.size)
        FROM repositories
        LEFT JOIN manifests
          ON manifests.repository = repositories.key AND manifests.digest = :digest
        LEFT JOIN blob_links
          ON blob_links.repository = repositories.key AND blob_links.digest = :digest
        WHERE key > :after AND key <= :last {named}
          AND (manifests.digest IS NOT NULL OR blob_links.digest IS NOT NULL)
        ORDER BY key
        """,  # noqa: S608 -- our own text
        {"digest": digest, "after": after, "last": last, **parameters},
    )


def _named(repository: RepositoryName | None) -> tuple[str, dict[str, SqlValue]]:
    if repository is None:
        return "", {}
    return "AND repositories.name = :repository", {"repository": repository.value}


def _find_removal(digest: str) -> Statement:
    """The size of the bytes that nobody refers to any more, and when the last copy of them goes."""
    return Statement(
        """
        SELECT size, due_at FROM removals WHERE digest = :digest ORDER BY due_at DESC LIMIT 1
        """,
        {"digest": digest},
    )
