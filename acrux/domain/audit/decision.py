"""Who asked for what, what was decided, and why."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from acrux.domain.access.scope import MAX_SCOPE_CHARACTERS, REPOSITORY, Scope
from acrux.domain.instants import from_microseconds, to_microseconds

# Names that no account can have.
ANONYMOUS_CALLER: Final = "(anonymous)"
UNKNOWN_CALLER: Final = "(unknown)"  # what was typed may be a password, so it is not recorded
LOCAL_CALLER: Final = "(local)"  # anybody who can open the data directory
REGISTRY_ITSELF: Final = "(acrux)"

# Stands for the repository if a token was requested for several at once.
SEVERAL: Final = "(several)"

# For the scopes of one request, as text: a stranger may ask for very many, again and again.
MAX_ASKED_CHARACTERS: Final = 4096

_TIME_DIGITS: Final = 14  # of microseconds since 1970, in hexadecimal: enough until 4253


class Outcome(StrEnum):
    """The outcome of a request."""

    GRANTED = "granted"
    REFUSED = "refused"
    LOST = "lost"  # records for which there was no room: only their number is known


class Decision(Struct, frozen=True):
    """One request to the registry, and what was decided.

    `request` is a method with a path, or a command; `authentication_method` is how the caller was
    authenticated, such as `password1`. `asked` is what was requested of a token, or what the
    request needed; `granted` is what the caller got, or held when they were refused. `facts` are
    names and instants that belong to the reason. Nothing in it is secret.
    """

    request: str
    outcome: Outcome
    account: str
    authentication_method: str = ""
    peer: str = ""
    repository: str = ""
    asked: tuple[Scope, ...] = ()
    granted: tuple[Scope, ...] = ()
    status: int = 0
    reason: str = ""
    message: str = ""
    facts: Mapping[str, str] = MappingProxyType({})
    correlation: str = ""
    case: str = ""
    is_proven: bool = True  # whether the caller proved who they are


class Record(Struct, frozen=True):
    """A decision in the audit log.

    Ids sort by time, and within one process in the order of recording, unless its clock was set
    back by more than a minute.
    """

    id: str
    decision: Decision

    @property
    def at(self) -> datetime:
        """When it was recorded."""
        return from_microseconds(int(self.id[:_TIME_DIGITS], 16))


class Search(Struct, frozen=True):
    """Which records to find: the newest `limit` of those that match every field that is not None.

    `since` is inclusive, `until` exclusive. So are the ids `after` and `before`, which mark where
    another page ended. With `oldest_first`, the oldest `limit` are found instead.
    """

    account: str | None = None
    repository: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    after: str | None = None
    before: str | None = None
    oldest_first: bool = False


def within_bounds(scopes: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """The first of the scopes, as many as fit into MAX_ASKED_CHARACTERS."""
    if len(scopes) * MAX_SCOPE_CHARACTERS <= MAX_ASKED_CHARACTERS:
        return scopes
    ends = accumulate(len(str(scope)) for scope in scopes)
    return tuple(
        scope for scope, end in zip(scopes, ends, strict=True) if end <= MAX_ASKED_CHARACTERS
    )


def record_id(microseconds: int, writer: str) -> str:
    """The id of a record that the process `writer` made at this instant."""
    return f"{microseconds:0{_TIME_DIGITS}x}{writer}"


def first_id(at: datetime) -> str:
    """The lower bound of all ids from this instant on."""
    return record_id(max(to_microseconds(at), 0), "")


def repository_of(scopes: Iterable[Scope]) -> str:
    """The one repository that the scopes name; SEVERAL for more than one, empty for none."""
    names = {scope.name for scope in scopes if scope.type == REPOSITORY}
    return names.pop() if len(names) == 1 else SEVERAL if names else ""
