"""Handlers of /management/v1/webhooks."""

from msgspec.structs import replace

from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.standing import State
from acrux.domain.webhooks.webhook import Webhook
from acrux.errors import InvalidRequest
from acrux.http import paging, parsing, responses
from acrux.http.management.bodies import given, read
from acrux.http.management.webhooks import bodies, shapes
from acrux.http.messages import Request, Response
from acrux.services.webhooks.webhooks import Receiver, Webhooks

WEBHOOKS = "/management/v1/webhooks"


class WebhookManagement:
    """What `acrux webhook` does, over HTTP. `source` is how the registry names itself in events."""

    def __init__(self, webhooks: Webhooks, source: Source) -> None:
        self._webhooks = webhooks
        self._source = source

    async def list(self, request: Request) -> Response:
        """GET: a page of the webhooks."""
        return responses.listed(
            request,
            WEBHOOKS,
            await self._webhooks.list(),
            lambda one: one.webhook.name,
            lambda page: shapes.WebhookList([shapes.webhook(one) for one in page]),
        )

    async def create(self, request: Request) -> Response:
        """POST: a webhook; its secret is shown once."""
        wanted = await read(request, bodies.CreateWebhook)
        receiver = Receiver(wanted.service_uri, tuple(wanted.custom_headers.items()))
        created, secret = await self._webhooks.create(
            Webhook(**bodies.fields(wanted)), receiver, bodies.secret(wanted.secret)
        )
        shown = shapes.webhook(created, secret)
        return responses.created(f"{WEBHOOKS}/{shown.name}", shown)

    async def show(self, request: Request) -> Response:
        """GET: a webhook, and how its deliveries go."""
        found = await self._webhooks.show(parsing.name(request))
        return responses.json(shapes.webhook(found))

    async def change(self, request: Request) -> Response:
        """PATCH: change a webhook; what waits is delivered at once."""
        name, change = parsing.name(request), await read(request, bodies.ChangeWebhook)
        changes, headers = bodies.fields(change), given(change.custom_headers)
        changed = await self._webhooks.change(
            name,
            lambda old: replace(old, **changes),
            uri=given(change.service_uri),
            headers=None if headers is None else tuple(headers.items()),
        )
        return responses.json(shapes.webhook(changed))

    async def delete(self, request: Request) -> Response:
        """DELETE: a webhook and its events, also those that wait."""
        await self._webhooks.delete(parsing.name(request))
        return responses.empty(204)

    async def get_callback_config(self, request: Request) -> Response:
        """POST: where the events of a webhook go, without the values of its headers."""
        callback = await self._webhooks.callback(parsing.name(request))
        return responses.secret(shapes.callback_config(callback))

    async def renew_secret(self, request: Request) -> Response:
        """POST: a new secret, shown once; the old one signs for another day."""
        name, wanted = parsing.name(request), await read(request, bodies.RenewSecret)
        secret = await self._webhooks.renew_secret(name, bodies.secret(wanted.secret))
        return responses.secret(shapes.SigningSecret(secret.reveal()))

    async def ping(self, request: Request) -> Response:
        """POST: have the receiver sent a ping."""
        return responses.json(
            shapes.EventInfo(await self._webhooks.ping(parsing.name(request))), 202
        )

    async def list_events(self, request: Request) -> Response:
        """GET: the newest events of a webhook, and what became of them."""
        name, state = parsing.name(request), _state(request)
        receiver = (await self._webhooks.show(name)).webhook.receiver
        found = await self._webhooks.events(name, state, paging.page(request).items)
        shown = [shapes.event(one, receiver, self._source) for one in found]
        return responses.json(shapes.WebhookEventList(shown))

    async def replay(self, request: Request) -> Response:
        """POST: deliver dead events after all."""
        name, wanted = parsing.name(request), await read(request, bodies.Replay)
        return responses.json(shapes.Replayed(await self._webhooks.replay(name, wanted.id)), 202)


def _state(request: Request) -> State | None:
    text = parsing.first(request, "state")
    if text is None or text in set(State):
        return None if text is None else State(text)
    raise InvalidRequest(f"state must be one of: {', '.join(State)}", state=text[:40])
