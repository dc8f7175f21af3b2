"""When what lost a reference is looked at again."""

from datetime import datetime, timedelta

from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from tests.contracts.content import AT, HELLO, LATEST, PUSHER, descriptor, index, later
from tests.contracts.databases import OpenDatabase

DAY = timedelta(days=1)


class HandClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        """The present."""
        return self.now


async def test_the_grace_begins_with_the_last_loss(database: OpenDatabase) -> None:
    """A tag that moves to and fro would leave its former image only the rest of the first grace."""
    clock = HandClock()
    grace = Grace(clock, unreferenced=DAY, held=timedelta(hours=2))
    metadata, garbage = SqlMetadata(database, grace), SqlGarbage(database, Rules(grace))
    first, second = index("first"), index("second")
    for hours, held in ((0, first), (1, second), (2, first), (20, second)):
        clock.now = later(hours * 3600)
        await metadata.put_manifest(HELLO, held, (LATEST,), clock.now)

    early = await garbage.review(later(20 * 3600) + DAY - timedelta(seconds=1), 10)
    due = await garbage.review(later(20 * 3600) + DAY, 10)

    assert (early.manifests, due.manifests) == (0, 1)


async def test_an_entry_that_is_pushed_again_waits_for_its_index(database: OpenDatabase) -> None:
    """The former index goes between the two pushes, and would take the entry with it."""
    clock = HandClock()
    grace = Grace(clock, unreferenced=DAY, held=timedelta(hours=2))
    metadata, garbage = SqlMetadata(database, grace), SqlGarbage(database, Rules(grace))
    entry = index("entry")
    former, following = (
        index(name, manifests=[descriptor(entry.digest)]) for name in ("former", "following")
    )
    await metadata.put_manifest(HELLO, entry, (), AT, principal=PUSHER)
    for held in (former, index("other")):
        await metadata.put_manifest(HELLO, held, (LATEST,), AT, principal=PUSHER)
    clock.now = AT + DAY

    await metadata.put_manifest(HELLO, entry, (), clock.now, principal=PUSHER)
    while (await garbage.review(clock.now, 10)).looked_at:
        pass
    await metadata.put_manifest(HELLO, following, (LATEST,), clock.now, principal=PUSHER)

    assert (await metadata.get_manifest(HELLO, entry.digest)).digest == entry.digest
