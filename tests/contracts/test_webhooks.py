"""Webhooks are stored, and told of what happens by the transaction that does it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.inventory import SqlInventory
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.policies import SqlPolicies
from acrux.domain.content.policies.retention import UntaggedFact
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.webhooks.event import COLLECTION, PURGE, Action, Cause, Subject
from acrux.domain.webhooks.standing import Standing, StoredWebhook
from acrux.errors import MissingReferences, UnknownManifest
from acrux.ports.content.collection import Terms
from acrux.ports.webhooks import Lane
from tests.contracts.content import AT, BLOB, HELLO, OTHER, descriptor, image, index, tags
from tests.contracts.databases import Databases, OpenDatabase
from tests.contracts.webhooks import Told, webhook

CAUSE = Cause("PUT", "docker/27", "a-request", "registry.test", "ci-team")
ALL = webhook("everything")


@pytest.fixture
def told(database: OpenDatabase) -> Told:
    """A registry without webhooks."""
    return Told(database)


async def test_a_webhook_is_found_as_it_was_stored(told: Told) -> None:
    """The life of a webhook."""
    one, other = webhook("b-hook", "team/app:*"), webhook("a-hook")
    await told.create(one, other)
    taken = await told.webhooks.create(replace(one, sealed="x"), AT, 500)
    later = AT + timedelta(days=1)
    changed = replace(one, is_enabled=False)
    replaced = await told.webhooks.replace(changed, one, later)
    again = await told.webhooks.replace(one, one, later)

    assert (taken, replaced, again) == (False, True, False)
    assert await told.webhooks.find("b-hook") == StoredWebhook(changed, AT, later, Standing())
    assert [each.webhook.name for each in await told.webhooks.list()] == ["a-hook", "b-hook"]
    assert await told.webhooks.delete("b-hook")
    assert not await told.webhooks.delete("b-hook")
    assert await told.webhooks.find("b-hook") is None


async def test_there_are_only_so_many(told: Told) -> None:
    """All that match are read in the transaction of a push."""
    assert await told.webhooks.create(ALL, AT, 1)
    assert not await told.webhooks.create(webhook("another"), AT, 1)


async def test_a_push_is_told_once_for_each_tag(told: Told) -> None:
    """A deployment waits for a tag, and tags can be pushed together."""
    await told.create(ALL)
    manifest = index("one")
    await told.metadata.put_manifest(HELLO, manifest, tags("v1", "latest"), AT, cause=CAUSE)
    await told.metadata.put_manifest(HELLO, manifest, (), AT, cause=CAUSE)

    events = await told.events("everything")
    pushed = Subject(
        str(HELLO), str(manifest.digest), "v1", manifest.media_type, len(manifest.content)
    )
    assert [event.subject for event in events] == [
        replace(pushed, tag=tag) for tag in ("v1", "latest", "")
    ]
    assert {event.action for event in events} == {Action.PUSH}
    assert {(event.at, event.cause) for event in events} == {(AT, CAUSE)}
    assert len({event.id for event in events}) == 3


async def test_only_what_was_asked_for_is_told(told: Told) -> None:
    """Others would wake a receiver for nothing."""
    await told.create(
        ALL,
        webhook("pushes", actions=[Action.PUSH]),
        webhook("deletions", actions=[Action.DELETE]),
        webhook("one-repository", "library/hello:*"),
        webhook("one-tag", "library/hello:v1"),
        webhook("another", "library/other:*"),
        replace(webhook("disabled"), is_enabled=False),
    )
    await told.metadata.put_manifest(HELLO, index("one"), tags("v1"), AT)
    await told.metadata.put_manifest(HELLO, index("two"), tags("v2"), AT)
    await told.metadata.delete_manifest(HELLO, index("one").digest)
    await told.metadata.delete_manifest(HELLO, index("two").digest)

    heard = {
        stored.webhook.name: [
            (event.action.value, event.subject.tag)
            for event in await told.events(stored.webhook.name)
        ]
        for stored in await told.webhooks.list()
    }
    pushes, deletions = [("push", "v1"), ("push", "v2")], [("delete", "")] * 2
    assert heard == {
        "everything": pushes + deletions,
        "pushes": pushes,
        "deletions": deletions,
        "one-repository": pushes + deletions,
        "one-tag": [("push", "v1"), ("delete", "")],  # of the manifest that it was on
        "another": [],
        "disabled": [],
    }


async def test_all_webhooks_are_told_of_the_same_event(told: Told) -> None:
    """A receiver of two webhooks can see that it happened once."""
    await told.create(ALL, webhook("another"))
    await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)

    assert await told.events("everything") == await told.events("another")


async def test_without_a_webhook_a_push_asks_only_whether_there_is_one(
    databases: Databases,
) -> None:
    """Who has no webhook does not pay for those of others."""
    told = Told(databases.open())
    with databases.watched() as statements:
        await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)

    asked = [statement.sql for statement in statements if "webhook" in statement.sql]
    assert asked == ["SELECT 1 FROM webhooks WHERE is_enabled = 1 LIMIT 1"]


async def test_what_failed_is_not_told(told: Told) -> None:
    """A deployment would pull an image that is not there."""
    await told.create(ALL)
    with pytest.raises(MissingReferences):
        await told.metadata.put_manifest(HELLO, image(BLOB), tags("v1"), AT)
    with pytest.raises(UnknownManifest):
        await told.metadata.delete_manifest(HELLO, index().digest)

    assert await told.events("everything") == []


async def test_removing_a_tag_is_not_told(told: Told) -> None:
    """ACR does not tell of it either: the manifest is still there."""
    await told.create(webhook("deletions", actions=[Action.DELETE]))
    await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)
    await told.metadata.delete_tag(HELLO, *tags("v1"))

    assert await told.events("deletions") == []


async def test_a_deleted_manifest_is_told_with_its_referrers(told: Told) -> None:
    """A mirror must forget the signatures too."""
    await told.create(webhook("deletions", actions=[Action.DELETE]))
    subject = index("one")
    signature = index("signature", subject=descriptor(subject.digest))
    await told.metadata.put_manifest(HELLO, subject, tags("v1"), AT)
    await told.metadata.put_manifest(HELLO, signature, (), AT)
    told.now += timedelta(hours=3)
    await told.metadata.delete_manifest(HELLO, subject.digest, CAUSE)

    events = await told.events("deletions")
    assert [event.subject for event in events] == [
        Subject(str(HELLO), str(one.digest), "", one.media_type) for one in (subject, signature)
    ]
    assert {event.cause for event in events} == {CAUSE}


async def test_a_deleted_repository_is_one_event(told: Told) -> None:
    """It may hold a million manifests."""
    await told.create(
        webhook("deletions", actions=[Action.DELETE]), webhook("one-tag", "library/hello:v1")
    )
    await told.metadata.put_manifest(HELLO, index("one"), tags("v2"), AT)
    await told.metadata.put_manifest(HELLO, index("two"), (), AT)
    await told.metadata.put_manifest(OTHER, index("one"), tags("v1"), AT)
    await told.metadata.delete_repository(HELLO, CAUSE)
    await told.metadata.delete_repository(OTHER, CAUSE)

    events = await told.events("deletions")
    assert [event.subject for event in events] == [Subject(str(HELLO)), Subject(str(OTHER))]
    # Whether it held the tag is not looked up.
    assert [event.subject for event in await told.events("one-tag")] == [Subject(str(HELLO))]


async def test_what_is_kept_for_a_restore_is_told_once(told: Told, database: OpenDatabase) -> None:
    """The removal of what was deleted already is not news."""
    await SqlPolicies(database).create(SoftDeletePolicy(repositories="*"), AT, 500)
    await told.create(webhook("deletions", actions=[Action.DELETE]))
    await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)
    await told.metadata.delete_manifest(HELLO, index().digest)
    garbage = SqlGarbage(database, Rules(Grace(lambda: AT, timedelta(0), timedelta(0))))
    far = AT + timedelta(days=400)
    await garbage.purge_expired(far, 100)
    await garbage.review(far, 100)

    assert len(await told.events("deletions")) == 1


async def test_what_the_collector_and_a_purge_remove_is_told(
    told: Told, database: OpenDatabase
) -> None:
    """Nobody asked for it with a request, and a mirror must know all the same."""
    await told.create(webhook("deletions", actions=[Action.DELETE]))
    grace = Grace(lambda: AT, timedelta(0), timedelta(0))
    await told.metadata.put_manifest(HELLO, index("one"), tags("v1"), AT)
    await told.metadata.put_manifest(HELLO, index("two"), tags("v1"), AT)
    await SqlGarbage(database, Rules(grace)).review(AT + timedelta(days=9), 100)
    await told.metadata.put_manifest(HELLO, index("three"), (), AT)
    later = Grace(lambda: AT + timedelta(days=9), timedelta(0), timedelta(0))
    inventory = SqlInventory(database, later)
    [facts] = [
        [one.fact for one in page if not one.is_needed]
        async for page in inventory.manifests(HELLO.value, 100)
    ]
    assert all(isinstance(fact, UntaggedFact) for fact in facts)
    await inventory.remove(HELLO.value, facts, Terms(include_reviewed=True))

    events = await told.events("deletions")
    assert [(event.subject.digest, event.cause) for event in events] == [
        (str(index("one").digest), COLLECTION),
        (str(index("three").digest), PURGE),
    ]


async def test_a_webhook_that_is_deleted_takes_its_events_along(told: Told) -> None:
    """One of the same name that is created later must not send them."""
    await told.create(ALL)
    await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)
    await told.webhooks.delete("everything")
    await told.create(ALL)

    assert await told.events("everything") == []
    assert await told.outbox.due(AT, 9) == ()
    assert await told.standing("everything") == Standing()


async def test_an_attempt_for_a_webhook_that_was_made_anew_changes_nothing(told: Told) -> None:
    """The first event of the new one would count as delivered."""
    await told.create(ALL)
    await told.metadata.put_manifest(HELLO, index(), tags("v1"), AT)
    lane = Lane("everything", str(HELLO))
    former = await told.first(lane)
    await told.webhooks.delete("everything")
    await told.create(ALL)
    await told.metadata.put_manifest(HELLO, index(), tags("v2"), AT)

    current = await told.first(lane)
    assert former.number == current.number
    await told.end_as(lane, former)

    assert (await told.first(lane)) == current
    assert (await told.standing("everything")).waiting == 1
