"""Create, change and delete webhooks, and look at their events."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from secrets import token_bytes
from typing import Final
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from acrux.domain.access.credential import Secret
from acrux.domain.webhooks.destinations import Network, address_in, is_allowed, is_within
from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.signing import SECRET_BYTES, SigningSecret, written
from acrux.domain.webhooks.standing import RecordedEvent, State, StoredWebhook
from acrux.domain.webhooks.uri import Uri
from acrux.domain.webhooks.webhook import MAX_WEBHOOKS, Callback, Webhook
from acrux.errors import InvalidInput, NameTaken, NotYet, UnknownName
from acrux.ports.clock import Clock
from acrux.ports.webhooks import Outbox, Vault
from acrux.ports.webhooks import Webhooks as StoredWebhooks

# How long a secret still signs after it was replaced: receivers learn the new one meanwhile.
OLD_SECRET_SIGNS: Final = timedelta(days=1)
MAX_EVENTS: Final = 1000  # of a list


class Receiver(Struct, frozen=True):
    """Where a webhook's events go, with its own headers, as an administrator says it."""

    uri: str
    headers: tuple[tuple[str, str], ...] = ()


class Webhooks:
    """The registry's webhooks.

    Only the addresses of `networks` may be private, and be reached without TLS. A change takes
    effect with the next push or deletion, and with the next attempt to deliver.
    """

    def __init__(
        self,
        webhooks: StoredWebhooks,
        outbox: Outbox,
        vault: Vault,
        clock: Clock,
        networks: Sequence[Network],
    ) -> None:
        self._webhooks = webhooks
        self._outbox = outbox
        self._vault = vault
        self._clock = clock
        self._networks = networks

    async def create(
        self, webhook: Webhook, receiver: Receiver, secret: Secret | None = None
    ) -> tuple[StoredWebhook, Secret]:
        """Create a webhook, and return the secret that signs: a generated one if none is given.

        Raises InvalidInput if anything about it is invalid, and NameTaken.
        """
        webhook.check()
        signing = _given_or_new(secret)
        callback = self._callback(receiver.uri, receiver.headers, (SigningSecret(signing),))
        sealed = self._sealed(webhook, callback)
        if not await self._webhooks.create(sealed, self._clock(), MAX_WEBHOOKS):
            if await self._webhooks.find(webhook.name):
                raise NameTaken(f"there is a webhook {webhook.name!r} already: update or delete it")
            raise InvalidInput(f"a registry has at most {MAX_WEBHOOKS} webhooks: delete one first")
        return await self.show(webhook.name), Secret(signing)

    async def show(self, name: str) -> StoredWebhook:
        """The webhook of this name. Raises UnknownName."""
        found = await self._webhooks.find(name)
        if found is None:
            raise _unknown(name)
        return found

    async def list(self) -> tuple[StoredWebhook, ...]:
        """All webhooks by name, at most MAX_WEBHOOKS."""
        return await self._webhooks.list()

    async def change(
        self,
        name: str,
        change: Callable[[Webhook], Webhook],
        *,
        uri: str | None = None,
        headers: tuple[tuple[str, str], ...] | None = None,
    ) -> StoredWebhook:
        """Replace the webhook by what `change` returns, which keeps its name.

        `uri` and `headers` replace the old ones. What waits is delivered at once. Raises
        UnknownName, and InvalidInput as `create` does, also if somebody else changes it meanwhile.
        """
        old = (await self.show(name)).webhook
        new = change(old)
        new.check()
        if uri is not None or headers is not None:
            was = self._open(old)
            new = self._sealed(
                new,
                self._callback(
                    was.uri if uri is None else uri,
                    was.headers if headers is None else headers,
                    was.secrets,
                ),
            )
        return await self._replace(old, new)

    async def renew_secret(self, name: str, secret: Secret | None = None) -> Secret:
        """Sign with a new secret from now on, a generated one if none is given; it is returned.

        The one before signs too for OLD_SECRET_SIGNS, unless it was replaced already. Raises as
        `change` does.
        """
        old = (await self.show(name)).webhook
        was = self._open(old)
        until = self._clock() + OLD_SECRET_SIGNS
        signing = _given_or_new(secret)
        secrets = (SigningSecret(signing), replace(was.secrets[0], until=until))
        await self._replace(old, self._sealed(old, self._callback(was.uri, was.headers, secrets)))
        return Secret(signing)

    async def delete(self, name: str) -> None:
        """Remove the webhook and its events, also those that wait. Raises UnknownName."""
        if not await self._webhooks.delete(name):
            raise _unknown(name)

    async def callback(self, name: str) -> Callback:
        """Where its events go: the whole URI, and the headers. Raises UnknownName, InvalidInput."""
        return self._open((await self.show(name)).webhook)

    async def ping(self, name: str) -> str:
        """Have the receiver sent a ping; the id of the event, by which its fate can be found.

        It is sent by the running registry, once. Raises UnknownName, and NotYet if the webhook is
        disabled.
        """
        if not (await self.show(name)).webhook.is_enabled:
            raise NotYet(f"the webhook {name!r} is disabled: enable it first")
        event = Event(str(uuid4()), self._clock(), Action.PING)
        await self._outbox.add(name, event)
        return event.id

    async def events(
        self, name: str, state: State | None = None, most: int = MAX_EVENTS
    ) -> Sequence[RecordedEvent]:
        """Its newest events, the last one first. Raises UnknownName."""
        await self.show(name)
        return await self._outbox.events(name, state, min(most, MAX_EVENTS))

    async def replay(self, name: str, event_id: str | None = None) -> int:
        """Have dead events delivered after all: the one of this id, or all; returns how many.

        They go before what waits of the same repository. Raises UnknownName, also if no dead event
        has this id.
        """
        await self.show(name)
        count = await self._outbox.replay(name, event_id, self._clock())
        if event_id and not count:
            raise UnknownName(
                f"no dead event of the webhook {name!r} has this id: list them with "
                "acrux webhook list-events --state dead"
            )
        return count

    async def _replace(self, old: Webhook, new: Webhook) -> StoredWebhook:
        if not await self._webhooks.replace(new, old, self._clock()):
            raise InvalidInput(
                f"somebody else changed the webhook {old.name!r} meanwhile: check it, and try again"
            )
        return await self.show(old.name)

    def _callback(
        self, uri: str, headers: tuple[tuple[str, str], ...], secrets: tuple[SigningSecret, ...]
    ) -> Callback:
        callback = Callback.of(uri, headers, secrets)
        parsed = Uri.parse(uri)
        address = address_in(parsed.host)
        if address and not is_allowed(address, self._networks):
            raise InvalidInput(
                "a webhook is not sent to a private address, unless the registry's setting "
                "webhook_networks names its network"
            )
        is_named = is_within(address, self._networks) if address else bool(self._networks)
        if not (is_named or parsed.is_encrypted):
            raise InvalidInput(
                "a webhook's URI is https: http is for networks that the registry's setting "
                "webhook_networks names"
            )
        return callback

    def _sealed(self, webhook: Webhook, callback: Callback) -> Webhook:
        sealed = self._vault.seal(callback.write(), webhook.name)
        return replace(webhook, receiver=Uri.parse(callback.uri).origin, sealed=sealed)

    def _open(self, webhook: Webhook) -> Callback:
        text = self._vault.open(webhook.sealed, webhook.name)
        if text is None:
            raise InvalidInput(
                f"the URI and the secret of the webhook {webhook.name!r} cannot be read, since "
                "secrets/webhooks was lost: restore it, or delete the webhook and create it again"
            )
        return Callback.read(text)


def _unknown(name: str) -> UnknownName:
    return UnknownName(f"there is no webhook {name!r}: see acrux webhook list")


def _given_or_new(secret: Secret | None) -> str:
    return secret.reveal() if secret else written(token_bytes(SECRET_BYTES))
