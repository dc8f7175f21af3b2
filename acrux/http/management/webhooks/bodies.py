"""The bodies of requests about webhooks."""

from typing import Annotated, Any, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from acrux.domain.access.credential import Secret
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.webhook import Format
from acrux.http.management.bodies import Status

Uri: TypeAlias = Annotated[
    str, Meta(description="Where events are sent, such as https://example.com/hook.")
]
Headers: TypeAlias = Annotated[
    dict[str, str], Meta(description="Sent with each event, and never shown again.")
]
Actions: TypeAlias = Annotated[list[Action], Meta(description="push, delete or both.")]
Scope: TypeAlias = Annotated[
    str,
    Meta(description="Empty for all events, or REPOSITORY:*, or REPOSITORY:TAG."),
]
SigningSecret: TypeAlias = Annotated[
    str, Meta(description="whsec_ and 24 to 64 bytes in base64; generated, if it is left out.")
]

_NOT_OF_A_WEBHOOK: Final = frozenset({"service_uri", "custom_headers", "secret"})


class CreateWebhook(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A webhook to create."""

    name: str
    service_uri: Uri
    actions: Actions
    custom_headers: Headers = {}
    scope: Scope = ""
    status: Status = "enabled"
    format: Format = Format.ACR
    secret: SigningSecret | None = None


class ChangeWebhook(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a webhook. Omitted fields keep their values; others replace the old ones."""

    service_uri: Uri | UnsetType = UNSET
    actions: Actions | UnsetType = UNSET
    custom_headers: Headers | UnsetType = UNSET
    scope: Scope | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    format: Format | UnsetType = UNSET


class RenewSecret(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The new secret of a webhook."""

    secret: SigningSecret | None = None


class Replay(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which dead event to deliver after all; all of them, if none is named."""

    id: str | None = None


def fields(body: CreateWebhook | ChangeWebhook) -> dict[str, Any]:
    """The fields of a webhook that were sent, by their names in the domain. Raises InvalidInput."""
    sent = {
        name: value
        for name, value in asdict(body).items()
        if value is not UNSET and name not in _NOT_OF_A_WEBHOOK
    }
    if "actions" in sent:
        sent["actions"] = tuple(dict.fromkeys(sent["actions"]))
    if "scope" in sent:
        sent["scope"] = EventScope.parse(sent["scope"])
    if "status" in sent:
        sent["is_enabled"] = sent.pop("status") == "enabled"
    return sent


def secret(text: str | None) -> Secret | None:
    """The secret that was sent, if any."""
    return None if text is None else Secret(text)
