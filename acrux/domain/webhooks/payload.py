"""What a receiver is sent of an event: ACR's form, or CloudEvents."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.webhook import Format

JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json; charset=utf-8"

# The types of Event Grid ("Azure Container Registry as an Event Grid source"), which has no ping.
_TYPES: Final = {
    Action.PUSH: "Microsoft.ContainerRegistry.ImagePushed",
    Action.DELETE: "Microsoft.ContainerRegistry.ImageDeleted",
    Action.PING: "Microsoft.ContainerRegistry.Ping",
}


class Source(Struct, frozen=True):
    """The registry that sends an event: its name and its first login server."""

    name: str
    host: str


def content_type(format_: Format) -> str:
    """The media type of the body."""
    return CLOUD_EVENT if format_ is Format.CLOUD_EVENTS else JSON


def body(event: Event, format_: Format, source: Source) -> bytes:
    """The body that a receiver is sent."""
    shown = acr(event, source)
    if format_ is Format.CLOUD_EVENTS:
        shown = _cloud_event(event, shown, source)
    return msgspec.json.encode(shown)


def acr(event: Event, source: Source) -> dict[str, Any]:
    """ACR's own form (container-registry-webhook-reference; acr-protocol.md §5.9)."""
    shown = {"id": event.id, "timestamp": _written(event.at), "action": event.action.value}
    if event.action is Action.PING:
        return shown
    cause = event.cause
    return {
        **shown,
        "target": _target(event),
        "request": {
            "id": cause.id or event.id,
            "host": cause.host or source.host,
            "method": cause.method,
            "useragent": cause.user_agent,
        },
        **({"actor": {"name": cause.actor}} if cause.actor else {}),
    }


def _target(event: Event) -> dict[str, Any]:
    subject = event.subject
    shown: dict[str, Any]
    if event.action is Action.DELETE:
        shown = {"mediaType": subject.media_type, "digest": subject.digest}
    else:
        shown = {
            "mediaType": subject.media_type,
            "size": subject.size,
            "digest": subject.digest,
            "length": subject.size,
        }
    shown |= {"repository": subject.repository, "tag": subject.tag}
    return {name: value for name, value in shown.items() if value != ""}


def _cloud_event(event: Event, data: dict[str, Any], source: Source) -> dict[str, Any]:
    """One event in the JSON format (CloudEvents 1.0), with the data of Event Grid."""
    subject = event.subject
    named = ":".join(filter(None, (subject.repository, subject.tag)))
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/registries/{source.name}",
        "type": _TYPES[event.action],
        **({"subject": named} if named else {}),
        "time": _written(event.at),
        "datacontenttype": JSON,
        "data": data,
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
