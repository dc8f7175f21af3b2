"""What is shown of webhooks, which the commands also print."""

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from acrux.domain.access.credential import Secret
from acrux.domain.webhooks import payload
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.standing import Answer, Attempt, RecordedEvent, State, StoredWebhook
from acrux.domain.webhooks.webhook import Callback, Format
from acrux.http.management.bodies import Status


class Webhook(Struct, rename="camel", kw_only=True):
    """A webhook, and how its deliveries go. The secret is shown only when it is generated."""

    name: str
    status: Status
    actions: list[Action]
    scope: str
    format: Format
    receiver: str
    creation_date: datetime
    last_updated_time: datetime
    waiting_events: int
    dead_events: int
    dropped_events: int
    last_success: datetime | None
    failing_since: datetime | None
    problem: str
    secret: str | UnsetType = UNSET


class WebhookList(Struct):
    """A page of webhooks."""

    value: list[Webhook]


class SigningSecret(Struct):
    """A new secret of a webhook, shown only once."""

    secret: str


class CallbackConfig(Struct, rename="camel", kw_only=True):
    """Where the events of a webhook go; the values of its headers are never shown."""

    service_uri: str
    custom_headers: dict[str, str]


class EventInfo(Struct):
    """The id of an event."""

    id: str


class Replayed(Struct):
    """How many dead events wait again."""

    events: int


class RequestMessage(Struct, rename="camel", kw_only=True):
    """What was sent, or will be: the body in ACR's form, whatever the webhook's form is."""

    content: dict[str, Any]
    headers: dict[str, str]
    method: str = "POST"
    request_uri: str
    version: str = "1.1"


class ResponseMessage(Struct, rename="camel", kw_only=True):
    """What the receiver answered last; only its beginning is kept."""

    content: str
    headers: dict[str, str]
    reason_phrase: str
    status_code: str
    version: str


class WebhookEvent(Struct, rename="camel", kw_only=True):
    """An event of a webhook, and what became of it."""

    id: str
    state: State
    attempts: int
    last_attempt: datetime | None
    problem: str
    event_request_message: RequestMessage
    event_response_message: ResponseMessage | None


class WebhookEventList(Struct):
    """The newest events of a webhook, the last one first."""

    value: list[WebhookEvent]


def webhook(stored: StoredWebhook, secret: Secret | None = None) -> Webhook:
    """A webhook; its secret, if it is new."""
    one, standing = stored.webhook, stored.standing
    return Webhook(
        name=one.name,
        status="enabled" if one.is_enabled else "disabled",
        actions=list(one.actions),
        scope=str(one.scope),
        format=one.format,
        receiver=one.receiver,
        creation_date=stored.created_at,
        last_updated_time=stored.changed_at,
        waiting_events=standing.waiting,
        dead_events=standing.dead,
        dropped_events=standing.dropped,
        last_success=standing.succeeded_at,
        failing_since=standing.failing_since,
        problem=standing.problem,
        secret=UNSET if secret is None else secret.reveal(),
    )


def callback_config(callback: Callback) -> CallbackConfig:
    """Where the events of a webhook go."""
    headers = {name: "***" for name, _ in callback.headers}
    return CallbackConfig(service_uri=callback.uri, custom_headers=headers)


def event(recorded: RecordedEvent, receiver: str, source: Source) -> WebhookEvent:
    """An event of the webhook with this receiver."""
    attempt = recorded.last_attempt
    return WebhookEvent(
        id=recorded.event.id,
        state=recorded.state,
        attempts=recorded.attempts,
        last_attempt=attempt.at if attempt else None,
        problem=attempt.problem if attempt else "",
        event_request_message=RequestMessage(
            content=payload.acr(recorded.event, source),
            headers=dict(attempt.headers) if attempt else {},
            request_uri=receiver,
        ),
        event_response_message=_response(attempt),
    )


def _response(attempt: Attempt | None) -> ResponseMessage | None:
    answer: Answer | None = attempt.answer if attempt else None
    if answer is None:
        return None
    return ResponseMessage(
        content=answer.body,
        headers=dict(answer.headers),
        reason_phrase=answer.reason,
        status_code=str(answer.status),
        version=answer.version,
    )
