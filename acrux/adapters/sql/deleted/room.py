"""Whether the quotas have room for what is restored."""

from acrux.adapters.sql import policies
from acrux.adapters.sql.content import repositories
from acrux.adapters.sql.database import Statement, Steps
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies import quota
from acrux.domain.content.policies.quota import Quota


def bytes_of(key: str) -> Steps[int]:
    """The bytes of the repository's manifests and blobs."""
    rows = yield Statement(
        "SELECT manifest_bytes + blob_bytes FROM usage WHERE repository = :key", {"key": key}
    )
    return int(rows[0][0]) if rows else 0


def check_room(repository: RepositoryName, key: str, before: int) -> Steps[None]:
    """Raise QuotaExceeded if the repository, which had `before` bytes, has grown too large."""
    added = (yield from bytes_of(key)) - before
    if added <= 0:
        return
    quotas = yield from policies.of_kind(Quota)
    for one in quota.covering(quotas, repository.value):
        among, parameters = repositories.condition(
            "repositories.name", (RepositoryPattern(one.repositories),)
        )
        [(used,)] = yield Statement(
            f"""
            SELECT SUM(usage.manifest_bytes + usage.blob_bytes)
            FROM repositories JOIN usage ON usage.repository = repositories.key
            WHERE {among}
            """,  # noqa: S608 -- a condition of parameters
            parameters,
        )
        one.check_room(int(used) - added, added)
