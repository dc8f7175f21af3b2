"""Webhooks on a database, and a receiver that does as it is told."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from acrux.adapters.keys.vault import KeyedVault
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.webhooks.outbox import SqlOutbox
from acrux.adapters.sql.webhooks.store import SqlWebhooks
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.domain.content.names import RepositoryName
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.standing import Answer, StoredWebhook
from acrux.domain.webhooks.uri import Uri
from acrux.domain.webhooks.webhook import Webhook
from acrux.services.webhooks.deliveries import Deliveries
from acrux.services.webhooks.webhooks import Receiver, Webhooks
from tests.contracts.content import index, tags
from tests.http.conftest import HandClock

TAKEN = Answer(204, "No Content", {}, "", "1.1")
RECEIVER = Receiver("https://example.com/hook")


class Receivers:
    """The port Sender: keeps what it is sent. `answers` are those of each host, else TAKEN.

    While a host is in `held`, it does not answer.
    """

    def __init__(self) -> None:
        self.sent: list[tuple[Uri, Mapping[str, str], bytes]] = []
        self.answers: dict[str, Answer | str] = {}
        self.held: dict[str, asyncio.Event] = {}
        self.breaks = False

    async def send(self, uri: Uri, headers: Mapping[str, str], body: bytes) -> Answer | str:
        """See ports.Sender."""
        if self.breaks:
            raise ZeroDivisionError
        self.sent.append((uri, headers, body))
        if uri.host in self.held:
            await self.held[uri.host].wait()
        return self.answers.get(uri.host, TAKEN)

    async def reached(self, count: int) -> None:
        """Return once so many messages were sent."""
        while len(self.sent) < count:  # noqa: ASYNC110 -- it takes turns with what it waits for
            await asyncio.sleep(0)

    def tags(self, host: str = "example.com") -> list[str]:
        """The tags that this host was told of, in order."""
        bodies: list[dict[str, Any]] = [
            json.loads(body) for uri, _, body in self.sent if uri.host == host
        ]
        return [body.get("target", {}).get("tag", "") for body in bodies]


class World:
    """A registry with webhooks; each process that delivers has its own `deliveries`."""

    def __init__(self, database: SqliteDatabase, metadata: SqlMetadata, clock: HandClock) -> None:
        self.clock = clock
        self.database = database
        self.metadata = metadata
        self.stored = SqlWebhooks(database)
        self.outbox = SqlOutbox(database)
        self.leases = SqlLeases(database)
        self.vault = KeyedVault(lambda: bytes(32))
        self.receivers = Receivers()
        self.webhooks = Webhooks(self.stored, self.outbox, self.vault, clock, ())
        self.deliveries = self.process("first")

    def process(self, holder: str, vault: KeyedVault | None = None) -> Deliveries:
        """What delivers in another process."""
        return Deliveries(
            self.stored,
            self.outbox,
            vault or self.vault,
            self.receivers,
            self.leases,
            self.clock,
            holder,
            Source("acrux", "registry.test"),
            "acrux/1",
            lambda: 0.5,
        )

    async def create(
        self, name: str = "deploy", receiver: Receiver = RECEIVER, **fields: Any
    ) -> StoredWebhook:
        """A webhook that is told of pushes and deletions."""
        wanted = Webhook(name=name, actions=(Action.PUSH, Action.DELETE), **fields)
        created, _ = await self.webhooks.create(wanted, receiver)
        return created

    async def push(self, *names: str, to: str = "team/app") -> None:
        """Push these tags, one after another."""
        for name in names:
            await self.metadata.put_manifest(
                RepositoryName.parse(to), index(), tags(name), self.clock()
            )

    async def deliver(self, deliveries: Deliveries | None = None) -> None:
        """A run, and all that it began."""
        deliveries = deliveries or self.deliveries
        await deliveries.run()
        await deliveries.settle()


@pytest.fixture
def world(database: SqliteDatabase, metadata: SqlMetadata, clock: HandClock) -> World:
    """A registry without webhooks."""
    return World(database, metadata, clock)
