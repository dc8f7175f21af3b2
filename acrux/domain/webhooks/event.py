"""An event: what changed in a repository, and what changed it."""

from datetime import datetime
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

MAX_CHARACTERS: Final = 256  # of a text that a client chooses


class Action(StrEnum):
    """What happened (acr-protocol.md §5.9)."""

    PUSH = "push"
    DELETE = "delete"
    PING = "ping"


class Cause(Struct, frozen=True, omit_defaults=True):
    """The request that made a change; without an id, a task or a command of the registry itself.

    `host` is the login server that the request was sent to, `actor` the principal.
    """

    method: str
    user_agent: str
    id: str = ""
    host: str = ""
    actor: str = ""

    def cut(self) -> Self:
        """The same, with texts of at most MAX_CHARACTERS."""
        return type(self)(
            *(getattr(self, name)[:MAX_CHARACTERS] for name in self.__struct_fields__)
        )


# What removes content without a request says so where a client would name itself.
COLLECTION: Final = Cause("DELETE", "acrux collection")
RETENTION: Final = Cause("DELETE", "acrux retention")
PURGE: Final = Cause("DELETE", "acrux purge")
UNKNOWN: Final = Cause("", "acrux")


class Subject(Struct, frozen=True, omit_defaults=True):
    """What an event is about: a manifest, or a whole repository, which has no digest.

    `tag` is the one that was pushed. `size` is that of the manifest, in bytes.
    """

    repository: str = ""
    digest: str = ""
    tag: str = ""
    media_type: str = ""
    size: int = 0


class Event(Struct, frozen=True):
    """Something that happened. The id is the same for every webhook that is told of it."""

    id: str
    at: datetime
    action: Action
    subject: Subject = Subject()
    cause: Cause = UNKNOWN
