"""The contract of ports.Pulls, on every database."""

from datetime import datetime

import pytest

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Statement
from acrux.adapters.sql.many_rows import ROWS_PER_STATEMENT
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.pulls import SqlPulls
from acrux.domain.content.names import Reference, RepositoryName, Tag
from acrux.domain.content.page import Order, Page
from acrux.ports.content.pulls import Pull
from tests.contracts.content import AT, HELLO, LATEST, OTHER, index, later, tags
from tests.contracts.databases import Databases, OpenDatabase

APP = index("app")
OLD = Tag.parse("old")
MINUTE = 60


@pytest.fixture
def pulls(database: OpenDatabase) -> SqlPulls:
    """Nothing was pulled yet."""
    return SqlPulls(database)


@pytest.fixture(autouse=True)
async def pushed(metadata: SqlMetadata) -> None:
    """A manifest with two tags, and one in another repository."""
    await metadata.put_manifest(HELLO, APP, (LATEST, OLD), AT)
    await metadata.put_manifest(OTHER, APP, (LATEST,), AT)


def pull(reference: Reference, at: datetime, repository: RepositoryName = HELLO) -> Pull:
    """A pull of the tag or manifest."""
    return Pull(repository, reference, at)


async def rows(database: OpenDatabase) -> list[tuple[str, str]]:
    """The references that have a last pull, with their repositories."""
    statement = "SELECT repository, reference FROM pulls WHERE reference <> '*'"
    return await database.read(Statement(statement, {}))


async def test_the_last_pull_is_a_property_of_tag_and_manifest(
    pulls: SqlPulls, properties: SqlProperties
) -> None:
    """Nobody could see what is still in use."""
    await pulls.record([pull(LATEST, later(1)), pull(APP.digest, later(2))])

    assert (await properties.tag(HELLO, LATEST)).pulled_at == later(1)
    assert (await properties.tag(HELLO, OLD)).pulled_at is None
    assert (await properties.manifest(HELLO, APP.digest)).pulled_at == later(2)
    assert (await properties.tag(OTHER, LATEST)).pulled_at is None
    assert (await properties.manifest(OTHER, APP.digest)).pulled_at is None


async def test_the_last_pull_of_anything_is_a_property_of_the_repository(
    pulls: SqlPulls, properties: SqlProperties
) -> None:
    """Whoever tidies up begins with the repositories that nobody uses."""
    assert (await properties.repository(HELLO)).pulled_at is None

    await pulls.record([pull(LATEST, later(1)), pull(OLD, later(5)), pull(APP.digest, later(2))])
    await pulls.record([pull(LATEST, later(3))])

    assert (await properties.repository(HELLO)).pulled_at == later(5)
    assert (await properties.repository(OTHER)).pulled_at is None


@pytest.mark.parametrize("order", Order)
async def test_listings_show_it_too(
    pulls: SqlPulls, properties: SqlProperties, order: Order
) -> None:
    """Whoever looks for what is unused would ask once for each tag."""
    await pulls.record([pull(LATEST, later(1)), pull(APP.digest, later(2))])

    listed = await properties.tags(HELLO, Page(10), order, None)
    of_one = await properties.tags(HELLO, Page(10), order, APP.digest)
    manifests = await properties.manifests(HELLO, Page(10), order)

    expected = {"latest": later(1), "old": None}
    assert {tag.name: tag.pulled_at for tag in listed.items} == expected
    assert {tag.name: tag.pulled_at for tag in of_one.items} == expected
    assert [one.pulled_at for one in manifests.items] == [later(2)]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_the_later_time_stays_whoever_writes_last(
    databases: Databases, properties: SqlProperties, order: tuple[int, int]
) -> None:
    """A worker that was slow to write would make a tag look unused."""
    for minutes in order:
        worker = SqlPulls(databases.open())
        await worker.record([pull(LATEST, later(minutes * MINUTE))])

    assert (await properties.tag(HELLO, LATEST)).pulled_at == later(2 * MINUTE)


async def test_a_pull_of_what_is_gone_writes_nothing(
    pulls: SqlPulls, metadata: SqlMetadata, database: OpenDatabase
) -> None:
    """Rows that nothing removes would grow for ever."""
    await metadata.delete_tag(HELLO, OLD)
    await metadata.delete_repository(OTHER)
    await pulls.record(
        [
            pull(OLD, AT),
            pull(Tag.parse("never"), AT),
            pull(index("never").digest, AT),
            pull(LATEST, AT, OTHER),
            pull(APP.digest, AT, OTHER),
            pull(LATEST, AT, RepositoryName.parse("never")),
            pull(APP.digest, AT),
        ]
    )

    assert await rows(database) == [("library/hello", str(APP.digest))]


async def test_a_new_repository_has_no_pulls_of_a_deleted_one(
    pulls: SqlPulls, metadata: SqlMetadata, properties: SqlProperties
) -> None:
    """What was just pushed would look as if it had been in use."""
    await pulls.record([pull(LATEST, AT), pull(APP.digest, AT)])
    await metadata.delete_repository(HELLO)
    await metadata.put_manifest(HELLO, APP, (LATEST,), later(1))
    assert (await properties.tag(HELLO, LATEST)).pulled_at is None

    await pulls.record([pull(LATEST, later(2))])
    assert (await properties.tag(HELLO, LATEST)).pulled_at == later(2)
    assert (await properties.manifest(HELLO, APP.digest)).pulled_at is None


async def test_what_is_removed_takes_its_last_pull_along(
    pulls: SqlPulls, metadata: SqlMetadata, database: OpenDatabase
) -> None:
    """A tag that is created again would look as if it had been in use."""
    await pulls.record([pull(LATEST, AT), pull(OLD, AT), pull(APP.digest, AT)])
    await metadata.delete_tag(HELLO, OLD)
    assert len(await rows(database)) == 2
    await metadata.delete_manifest(HELLO, APP.digest)
    assert await rows(database) == []


async def test_a_moved_tag_keeps_its_last_pull(
    pulls: SqlPulls, metadata: SqlMetadata, properties: SqlProperties
) -> None:
    """Who pulls `latest` every day uses the tag, whatever it points at."""
    await pulls.record([pull(LATEST, later(MINUTE))])
    await metadata.put_manifest(HELLO, index("newer"), (LATEST,), later(2 * MINUTE))

    assert (await properties.tag(HELLO, LATEST)).pulled_at == later(MINUTE)


async def test_pulls_of_many_repositories_and_minutes_are_one_transaction(
    databases: Databases, metadata: SqlMetadata, properties: SqlProperties
) -> None:
    """A sync for each tag that was pulled would be a write for each pull."""
    names = tags(*(f"t{number:03}" for number in range(ROWS_PER_STATEMENT + 10)))
    await metadata.put_manifest(HELLO, APP, names, AT)
    noted = [pull(name, later(number)) for number, name in enumerate(names[:2])]
    noted += [pull(name, later(MINUTE)) for name in names[2:]]
    pulls = SqlPulls(databases.open())

    with databases.watched() as statements:
        await pulls.record([*noted, pull(LATEST, AT, OTHER), pull(APP.digest, AT, OTHER)])

    assert sum(statement.sql == "COMMIT" for statement in statements) == 1
    assert len(statements) == 12  # for each repository a key and its own pull, one for each minute
    for one in (noted[0], noted[1], noted[2], noted[-1]):
        assert isinstance(one.reference, Tag)
        assert (await properties.tag(HELLO, one.reference)).pulled_at == one.at
    assert (await properties.tag(OTHER, LATEST)).pulled_at == AT


async def test_since_when_pulls_are_recorded_is_noted_once(databases: Databases) -> None:
    """After an upgrade, everything would look as if nobody had pulled it for years."""
    first, second = SqlPulls(databases.open()), SqlPulls(databases.open())
    assert await first.since() is None

    await first.begin(AT)
    await second.begin(later(MINUTE))

    assert [await one.since() for one in (first, second)] == [AT, AT]
