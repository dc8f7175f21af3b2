"""Webhooks are created, changed and deleted, and keep their secrets."""

from datetime import timedelta
from ipaddress import ip_network

import pytest
from msgspec.structs import replace

from acrux.adapters.keys.vault import KeyedVault
from acrux.adapters.sql.webhooks.store import SqlWebhooks
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.access.credential import Secret
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.signing import written
from acrux.domain.webhooks.standing import State, StoredWebhook
from acrux.domain.webhooks.webhook import MAX_WEBHOOKS, Webhook
from acrux.errors import InvalidInput, NameTaken, NotYet, UnknownName
from acrux.services.webhooks.webhooks import OLD_SECRET_SIGNS, Receiver, Webhooks
from tests.services.webhooks.conftest import RECEIVER, World

WANTED = Webhook(name="deploy", actions=(Action.PUSH,))
KEY = (("X-Key", "s3cret-of-mine"),)


async def test_a_webhook_is_created_shown_listed_and_deleted(world: World) -> None:
    """The life of a webhook."""
    created, secret = await world.webhooks.create(WANTED, RECEIVER)

    assert (created.webhook.name, created.webhook.receiver) == ("deploy", "https://example.com")
    assert secret.reveal().startswith("whsec_")
    assert await world.webhooks.show("deploy") == created
    assert await world.webhooks.list() == (created,)
    await world.webhooks.delete("deploy")
    assert await world.webhooks.list() == ()


async def test_what_is_stored_holds_no_secret(world: World) -> None:
    """A copy of the database must not open the receivers."""
    given = Secret(written(b"k" * 32))
    receiver = Receiver("https://example.com/s3cret-path", KEY)
    created, secret = await world.webhooks.create(WANTED, receiver, given)
    callback = await world.webhooks.callback("deploy")

    assert secret.reveal() == given.reveal()
    for text in ("s3cret", given.reveal(), "X-Key"):
        assert text not in str(created)
    assert (callback.uri, callback.headers) == (receiver.uri, KEY)
    assert [one.text for one in callback.secrets] == [given.reveal()]


@pytest.mark.parametrize(
    ("webhook", "receiver", "secret"),
    [
        (replace(WANTED, name="no"), RECEIVER, None),
        (replace(WANTED, actions=()), RECEIVER, None),
        (WANTED, Receiver("https://a:b@example.com"), None),
        (WANTED, Receiver("http://example.com"), None),
        (WANTED, Receiver("https://10.0.0.7"), None),
        (WANTED, Receiver("https://[::1]:8443/hook"), None),
        (WANTED, Receiver("https://example.com", (("Host", "x"),)), None),
        (WANTED, RECEIVER, Secret("weak")),
    ],
)
async def test_a_bad_webhook_is_refused_and_nothing_is_stored(
    world: World, webhook: Webhook, receiver: Receiver, secret: Secret | None
) -> None:
    """It would be found out only when the first event is lost."""
    with pytest.raises(InvalidInput):
        await world.webhooks.create(webhook, receiver, secret)

    assert await world.webhooks.list() == ()


@pytest.mark.parametrize("host", ["10.0.0.7", "receiver.example.com"])
async def test_http_is_let_in_where_the_setting_allows_it(world: World, host: str) -> None:
    """Receivers in the same cluster often have no certificate, and often a name."""
    created, _ = await allowing(world).create(WANTED, Receiver(f"http://{host}/hook"))

    assert created.webhook.receiver == f"http://{host}"


@pytest.mark.parametrize("uri", ["http://10.1.0.7", "https://192.168.0.1", "http://1.1.1.1"])
async def test_an_address_that_the_setting_leaves_out_is_refused_at_once(
    world: World, uri: str
) -> None:
    """Nothing would ever be delivered, which is found out only when the first event is lost."""
    with pytest.raises(InvalidInput, match="webhook_networks"):
        await allowing(world).create(WANTED, Receiver(uri))


def allowing(world: World) -> Webhooks:
    """Webhooks that may be sent to one private network."""
    networks = [ip_network("10.0.0.0/24")]
    return Webhooks(world.stored, world.outbox, world.vault, world.clock, networks)


async def test_a_name_is_given_once_and_there_are_only_so_many(world: World) -> None:
    """A second webhook of the name would replace the first unnoticed."""
    await world.create()
    with pytest.raises(NameTaken):
        await world.create()
    for number in range(MAX_WEBHOOKS - 1):
        await world.stored.create(replace(WANTED, name=f"hook-{number}"), world.clock(), 10**6)
    with pytest.raises(InvalidInput, match="at most"):
        await world.create("another")


async def test_a_change_keeps_what_it_does_not_name(world: World) -> None:
    """To disable a webhook nobody wants to look up its headers, which are never shown."""
    await world.create(receiver=Receiver("https://example.com/hook", KEY))
    before = await world.webhooks.callback("deploy")
    disabled = await world.webhooks.change("deploy", lambda old: replace(old, is_enabled=False))
    kept = await world.webhooks.callback("deploy")
    moved = await world.webhooks.change("deploy", lambda old: old, uri="https://other.example/x")
    cleared = await world.webhooks.change("deploy", lambda old: old, headers=())

    assert not disabled.webhook.is_enabled
    assert kept == before
    assert moved.webhook.receiver == cleared.webhook.receiver == "https://other.example"
    after = await world.webhooks.callback("deploy")
    assert (after.uri, after.headers) == ("https://other.example/x", ())
    assert after.secrets == before.secrets


async def test_a_change_to_something_bad_is_refused(world: World) -> None:
    """The webhook goes on as it was."""
    before = await world.create()
    with pytest.raises(InvalidInput):
        await world.webhooks.change("deploy", lambda old: replace(old, actions=()))
    with pytest.raises(InvalidInput):
        await world.webhooks.change("deploy", lambda old: old, uri="http://example.com")

    assert await world.webhooks.show("deploy") == before


async def test_two_changes_at_once_do_not_undo_each_other(world: World) -> None:
    """Somebody who disables a webhook must not be overruled unnoticed."""
    before = await world.create()
    scope = EventScope.parse("a:*")
    await world.stored.replace(replace(before.webhook, scope=scope), before.webhook, world.clock())
    stale = Stale(world.database, before)
    late = Webhooks(stale, world.outbox, world.vault, world.clock, ())

    with pytest.raises(InvalidInput, match="somebody else"):
        await late.change("deploy", lambda one: replace(one, is_enabled=False))


async def test_a_secret_is_renewed_and_the_old_one_signs_for_a_day(world: World) -> None:
    """The receiver learns the new one meanwhile."""
    _, first = await world.webhooks.create(WANTED, RECEIVER)
    second = await world.webhooks.renew_secret("deploy")
    third = await world.webhooks.renew_secret("deploy", Secret(written(b"k" * 32)))
    secrets = (await world.webhooks.callback("deploy")).secrets

    assert len({first.reveal(), second.reveal(), third.reveal()}) == 3
    assert [(one.text, one.until) for one in secrets] == [
        (written(b"k" * 32), None),
        (second.reveal(), world.clock() + OLD_SECRET_SIGNS),
    ]


async def test_without_the_key_of_the_secrets_it_says_what_to_do(world: World) -> None:
    """A registry may be restored without its secrets."""
    await world.create()
    other = Webhooks(world.stored, world.outbox, KeyedVault(lambda: b"x" * 32), world.clock, ())

    with pytest.raises(InvalidInput, match="secrets/webhooks was lost"):
        await other.callback("deploy")
    off = await other.change("deploy", lambda old: replace(old, is_enabled=False))
    assert not off.webhook.is_enabled


async def test_what_is_not_there_is_not_found(world: World) -> None:
    """A typo must not look like success."""
    for act in (
        world.webhooks.show("nothing"),
        world.webhooks.delete("nothing"),
        world.webhooks.callback("nothing"),
        world.webhooks.ping("nothing"),
        world.webhooks.events("nothing"),
        world.webhooks.replay("nothing"),
        world.webhooks.renew_secret("nothing"),
        world.webhooks.change("nothing", lambda old: old),
    ):
        with pytest.raises(UnknownName):
            await act


async def test_a_disabled_webhook_is_not_pinged(world: World) -> None:
    """The ping would wait until somebody enables it."""
    await world.create(is_enabled=False)

    with pytest.raises(NotYet):
        await world.webhooks.ping("deploy")


async def test_events_are_listed_and_dead_ones_replayed(world: World) -> None:
    """What a receiver missed for a day can be sent after all."""
    await world.create()
    await world.push("v1")
    world.receivers.answers["example.com"] = "down"
    world.clock.forward(days=1)
    await world.deliver()
    [dead] = await world.webhooks.events("deploy", State.DEAD)
    with pytest.raises(UnknownName, match="no dead event"):
        await world.webhooks.replay("deploy", "another-id")
    count = await world.webhooks.replay("deploy", dead.event.id)
    world.receivers.answers.clear()
    await world.deliver()

    assert count == 1
    assert [one.state for one in await world.webhooks.events("deploy")] == [State.DELIVERED]
    assert await world.webhooks.replay("deploy") == 0


async def test_old_events_are_forgotten(world: World) -> None:
    """They name accounts and programs."""
    await world.create()
    await world.push("v1")
    await world.deliver()
    await world.deliveries.tidy()
    before = len(await world.webhooks.events("deploy"))
    world.clock.now += timedelta(days=31)
    await world.deliveries.tidy()

    assert (before, len(await world.webhooks.events("deploy"))) == (1, 0)


class Stale(SqlWebhooks):
    """The webhooks as somebody read them before they changed."""

    def __init__(self, database: SqliteDatabase, found: StoredWebhook) -> None:
        super().__init__(database)
        self._found = found

    async def find(self, name: str) -> StoredWebhook | None:
        """What was found then."""
        return self._found
