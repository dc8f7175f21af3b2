"""Write-once tags and quotas, obeyed by pushes and deletions."""

from collections.abc import Iterable

from acrux.adapters.sql.content.keys import KEY
from acrux.adapters.sql.content.repositories import condition
from acrux.adapters.sql.database import Row, SqlValue, Statement, Steps
from acrux.adapters.sql.policies import of_kind
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.quota import Quota, covering
from acrux.domain.content.policies.write_once import WriteOncePolicy, check_movable

TAGS_AT_ONCE = 1000


def check_moves(repository: RepositoryName, tags: Iterable[str], digest: str) -> Steps[None]:
    """Raise TagIsWriteOnce if one of the tags exists on another manifest and may not move."""
    policies = yield from of_kind(WriteOncePolicy)
    for tag in tags if policies else ():
        elsewhere = yield Statement(
            f"""
            SELECT 1 FROM tags
            WHERE repository = {KEY} AND name = :tag AND digest <> :digest
            """,  # noqa: S608 -- our own subquery
            {"repository": repository.value, "tag": tag, "digest": digest},
        )
        if elsewhere:
            check_movable(policies, repository.value, tag)


def check_deletion(repository: RepositoryName, tags: Iterable[str]) -> Steps[None]:
    """Raise TagIsWriteOnce if one of these existing tags may not be deleted."""
    policies = yield from of_kind(WriteOncePolicy)
    for tag in tags if policies else ():
        check_movable(policies, repository.value, tag)


def check_deletion_on(repository: RepositoryName, digest: str) -> Steps[None]:
    """Raise TagIsWriteOnce if a tag on the manifest may not be deleted."""
    yield from _check_pages(repository, "AND digest = :digest", {"digest": digest})


def check_deletion_of_all(repository: RepositoryName) -> Steps[None]:
    """Raise TagIsWriteOnce if a tag of the repository may not be deleted."""
    yield from _check_pages(repository, "", {})


def _check_pages(
    repository: RepositoryName, which: str, parameters: dict[str, SqlValue]
) -> Steps[None]:
    policies = yield from of_kind(WriteOncePolicy)
    rows: list[Row] = [("",)] if policies else []
    while rows:
        rows = yield Statement(
            f"""
            SELECT name FROM tags
            WHERE repository = {KEY} {which} AND name > :last ORDER BY name LIMIT :count
            """,  # noqa: S608 -- our own text
            {
                "repository": repository.value,
                "last": str(rows[-1][0]),
                "count": TAGS_AT_ONCE,
                **parameters,
            },
        )
        for (tag,) in rows:
            check_movable(policies, repository.value, str(tag))


def check_room(repository: RepositoryName, added: int, *, counted: int = 0) -> Steps[None]:
    """Raise QuotaExceeded if a quota has no room for so many bytes more in the repository.

    So many of them as `counted` says are counted as used already.
    """
    quotas = (yield from of_kind(Quota)) if added > 0 else ()
    for quota in covering(quotas, repository.value):
        [(used,)] = yield find_use(quota.repositories)
        quota.check_room(int(used) - counted, added)


def find_use(pattern: str) -> Statement:
    """How many bytes the repositories of the pattern hold, each by itself."""
    among, parameters = condition("repositories.name", [RepositoryPattern(pattern)])
    return Statement(
        f"""
        SELECT COALESCE(SUM(usage.blob_bytes + usage.manifest_bytes), 0)
        FROM repositories JOIN usage ON usage.repository = repositories.key
        WHERE {among}
        """,  # noqa: S608 -- a condition of parameters
        parameters,
    )
