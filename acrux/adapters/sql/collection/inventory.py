"""What repositories hold, in SQL: read in pages, removed in batches."""

from collections.abc import AsyncIterator, Sequence

from acrux.adapters.sql import policies
from acrux.adapters.sql.collection import holdings
from acrux.adapters.sql.collection.holdings import Place
from acrux.adapters.sql.content import manifests, repositories, tags
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.keys import find_key
from acrux.adapters.sql.database import Database, Row, Statement, Steps
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.policies.retention import (
    Fact,
    RetentionRule,
    TagFact,
    UntaggedFact,
)
from acrux.domain.content.policies.write_once import WriteOncePolicy
from acrux.domain.webhooks.event import PURGE, RETENTION, Cause
from acrux.ports.content.collection import ManifestFact, Terms


class SqlInventory:
    """The port Inventory on a database; each method is described there."""

    def __init__(self, database: Database, grace: Grace) -> None:
        self._database = database
        self._grace = grace

    async def repositories(self, after: str, count: int) -> Sequence[str]:
        """See ports.Inventory."""
        rows = await self._database.read(holdings.list_repositories(after, count))
        return [str(name) for (name,) in rows]

    async def tags(
        self, repository: str, count: int, *, include_locked: bool = False
    ) -> AsyncIterator[Sequence[TagFact]]:
        """See ports.Inventory."""
        find = holdings.list_tags(repository, None, count)
        while page := await self._tags(repository, find, include_locked=include_locked):
            yield page
            find = holdings.list_tags(repository, holdings.place_of(page[-1]), count)

    async def tags_on(
        self, repository: str, digest: str, after: str, count: int, *, include_locked: bool = False
    ) -> Sequence[TagFact]:
        """See ports.Inventory."""
        find = holdings.list_tags_on(repository, digest, after, count)
        return await self._tags(repository, find, include_locked=include_locked)

    async def manifests(
        self, repository: str, count: int, *, include_locked: bool = False, tagged: bool = False
    ) -> AsyncIterator[Sequence[ManifestFact]]:
        """See ports.Inventory."""
        find = holdings.list_manifests(repository, None, count)
        while rows := await self._database.read(find):
            wanted = [str(digest) for _, digest, is_tagged in rows if tagged or not is_tagged]
            yield await self._manifests(repository, wanted, include_locked=include_locked)
            find = holdings.list_manifests(repository, Place(*rows[-1][:2]), count)

    async def naming(
        self, repository: str, digest: str, count: int, *, include_locked: bool = False
    ) -> Sequence[ManifestFact]:
        """See ports.Inventory."""
        rows = await self._database.read(holdings.find_naming(repository, digest, count))
        digests = [str(digest) for (digest,) in rows]
        return await self._manifests(repository, digests, include_locked=include_locked)

    async def remove(
        self, repository: str, items: Sequence[Fact], terms: Terms
    ) -> tuple[bool, ...] | None:
        """See ports.Inventory."""
        return await self._database.write(_remove(repository, items, terms, self._grace))

    async def _tags(
        self, repository: str, find: Statement, *, include_locked: bool
    ) -> Sequence[TagFact]:
        rows = await self._database.read(find)
        write_once = await self._database.find(
            policies.select(WriteOncePolicy), policies.read_write_once
        )
        return [
            holdings.read_tag(row, repository, write_once, include_locked=include_locked)
            for row in rows
        ]

    async def _manifests(
        self, repository: str, digests: Sequence[str], *, include_locked: bool
    ) -> Sequence[ManifestFact]:
        if not digests:
            return ()
        rows = await self._database.read(
            holdings.find_manifests(repository, digests, self._grace.now())
        )
        found = (holdings.read_manifest(row, include_locked=include_locked) for row in rows)
        facts = {each.fact.digest: each for each in found}
        return [facts[digest] for digest in digests if digest in facts]


def _remove(
    repository: str, items: Sequence[Fact], terms: Terms, grace: Grace
) -> Steps[tuple[bool, ...] | None]:
    if not (yield from _hold(terms.rules)):
        return None
    key = yield from find_key(RepositoryName(repository))
    write_once = yield from policies.of_kind(WriteOncePolicy)
    removed: list[bool] = []
    for item in items:
        if isinstance(item, TagFact):
            rows = yield holdings.find_tag(repository, item.name)
            is_same = _is_same_tag(rows, item, repository, write_once, terms)
        else:
            rows = yield holdings.find_manifests(repository, [item.digest], grace.now())
            is_same = _is_still_untagged(rows, item, terms)
        if is_same and key is not None:
            yield from _take(key, item, grace, RETENTION if terms.rules else PURGE)
        removed.append(is_same)
    if key is not None:
        yield from repositories.tidy(key)
    return tuple(removed)


def _hold(rules: Sequence[RetentionRule]) -> Steps[bool]:
    """Whether each of these rules is in the database as it is here."""
    stored = (yield from policies.of_kind(RetentionRule)) if rules else ()
    return all(rule in stored for rule in rules)


def _is_same_tag(
    rows: Sequence[Row],
    item: TagFact,
    repository: str,
    write_once: Sequence[WriteOncePolicy],
    terms: Terms,
) -> bool:
    locked = terms.include_locked
    found = [holdings.read_tag(row, repository, write_once, include_locked=locked) for row in rows]
    return found == [item] and not item.is_protected


def _is_still_untagged(rows: Sequence[Row], item: UntaggedFact, terms: Terms) -> bool:
    found = [holdings.read_manifest(row, include_locked=terms.include_locked) for row in rows]
    return (
        [each.fact for each in found] == [item]
        and not item.is_protected
        and not any(each.is_needed for each in found)
        and (terms.include_reviewed or not found[0].is_reviewed)
    )


def _take(key: str, item: Fact, grace: Grace, cause: Cause) -> Steps[None]:
    if isinstance(item, TagFact):
        yield from tags.remove(key, item.name, grace.now(), grace.ends())
        return
    yield from manifests.remove(key, item.digest, grace.now(), grace.ends(), cause)
    if grace.referrers:
        yield from manifests.remove_referrers(key, item.digest, grace.ends(), grace, cause)
