"""A webhook: which events are sent, in which form, to where."""

import re
from enum import StrEnum
from typing import Final, Self

import msgspec
from msgspec import Struct

from acrux.domain.content.policies.definition import check_name
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.signing import SigningSecret, key_of
from acrux.domain.webhooks.uri import Uri
from acrux.errors import InvalidInput

MAX_WEBHOOKS: Final = 500  # as ACR has at most (container-registry-skus)
MAX_HEADERS: Final = 20
MAX_HEADER_BYTES: Final = 4096  # of all names and values together

# token ::= 1*tchar (RFC 9110 §5.6.2); a value is printable ASCII, and does not begin or end blank.
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")

# What the connection, the body or the signature decides.
_OURS: Final = frozenset(
    {"connection", "content-length", "content-encoding", "expect", "host", "keep-alive",
     "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}
)  # fmt: skip


class Format(StrEnum):
    """The form of the body."""

    ACR = "acr"
    CLOUD_EVENTS = "cloudevents"


class Webhook(Struct, frozen=True, kw_only=True):
    """A webhook as it is stored.

    `receiver` is the origin of its URI. `sealed` holds the rest of the URI, its headers and its
    signing secrets, which only the registry's key opens: a `Callback`.
    """

    name: str
    actions: tuple[Action, ...]
    scope: EventScope = EventScope()
    format: Format = Format.ACR
    is_enabled: bool = True
    receiver: str = ""
    sealed: str = ""

    def check(self) -> None:
        """Raise InvalidInput if its name is invalid, or it is told of nothing."""
        check_name(self.name, "webhook")
        if not self.actions:
            raise InvalidInput("a webhook has at least one action: push, delete or both")
        if Action.PING in self.actions:
            raise InvalidInput("ping is sent on request only: the actions are push and delete")

    def wants(self, action: Action) -> bool:
        """Whether it is told of this action."""
        return action in self.actions


class Callback(Struct, frozen=True):
    """What is secret of a webhook: its URI, its headers, and what signs, the newest first."""

    uri: str
    headers: tuple[tuple[str, str], ...]
    secrets: tuple[SigningSecret, ...]

    @classmethod
    def of(
        cls,
        uri: str,
        headers: tuple[tuple[str, str], ...],
        secrets: tuple[SigningSecret, ...],
    ) -> Self:
        """A callback that can be used. Raises InvalidInput, which repeats no value."""
        Uri.parse(uri)
        check_headers(headers)
        for secret in secrets:
            key_of(secret.text)
        return cls(uri, headers, secrets)

    @classmethod
    def read(cls, text: str) -> Self:
        """The callback that `write` wrote."""
        return msgspec.json.decode(text, type=cls)

    def write(self) -> str:
        """The callback as text, with all that is secret."""
        return msgspec.json.encode(self).decode()

    def __repr__(self) -> str:
        return "Callback(***)"


def check_headers(headers: tuple[tuple[str, str], ...]) -> None:
    """Raise InvalidInput if a header cannot be sent, or is not the sender's to choose."""
    if len(headers) > MAX_HEADERS:
        raise InvalidInput(f"a webhook has at most {MAX_HEADERS} headers of its own")
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        raise InvalidInput(f"the headers of a webhook take at most {MAX_HEADER_BYTES} bytes")
    names = [name.lower() for name, _ in headers]
    for name, (_, value) in zip(names, headers, strict=True):
        shown = name[:60]
        if _TOKEN.fullmatch(name) is None:
            raise InvalidInput("this is not the name of a header", header=shown)
        if name in _OURS or name.startswith("webhook-"):
            raise InvalidInput("acrux itself sets this header", header=shown)
        if _VALUE.fullmatch(value) is None:
            raise InvalidInput("the value of a header is printable ASCII", header=shown)
        if names.count(name) > 1:
            raise InvalidInput("a header can be given once", header=shown)
