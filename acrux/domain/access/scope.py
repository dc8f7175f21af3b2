"""The scope grammar: resource type, name, actions."""

import re
from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct

from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidScope

REPOSITORY: Final = "repository"
REGISTRY: Final = "registry"
CATALOG: Final = "catalog"
DELETED_CATALOG: Final = "deleted_catalog"
MANAGEMENT: Final = "management"
METRICS: Final = "metrics"

PULL: Final = "pull"
PUSH: Final = "push"
DELETE: Final = "delete"
METADATA_READ: Final = "metadata_read"
METADATA_WRITE: Final = "metadata_write"
DELETED_READ: Final = "deleted_read"
DELETED_RESTORE: Final = "deleted_restore"
READ: Final = "read"
WRITE: Final = "write"
EVERYTHING: Final = "*"

# The order in which actions are written; any other action follows, sorted.
ACTIONS: Final = (
    PULL, PUSH, DELETE, METADATA_READ, METADATA_WRITE, DELETED_READ, DELETED_RESTORE,
)  # fmt: skip

MAX_SCOPE_CHARACTERS: Final = 1024

# resourcetype ::= value [ "(" value ")" ] (distribution, spec/auth/scope.md)
_CLASS: Final = re.compile(r"(?<=[a-z0-9])\([a-z0-9]+\)$")


def _written_order(action: str) -> tuple[int, str]:
    return (ACTIONS.index(action) if action in ACTIONS else len(ACTIONS), action)


class Scope(Struct, frozen=True):
    """Some actions on one resource, as a challenge requests and a token holds them.

    The specified grammar (distribution, spec/auth/scope.md) is narrower than practice: `*`, ACR's
    `metadata_read` and `artifact-repository` fall outside it. So parsing is liberal, and what is
    not understood grants nothing.
    """

    type: str
    name: str
    actions: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `type:name:action,action`; raise InvalidScope for anything else.

        A name may contain a colon (`host:5000/x`): the first colon ends the type, the last one
        starts the actions.
        """
        kind, _, rest = text.partition(":")
        name, _, actions = rest.rpartition(":")
        if not (kind and name and text.isprintable() and len(text) <= MAX_SCOPE_CHARACTERS):
            raise InvalidScope(
                "a scope is type:name:action,action such as repository:hello-world:pull",
                scope=text[:160],
            )
        return cls(kind, name, frozenset(filter(None, actions.split(","))))

    @property
    def without_class(self) -> Self:
        """The same on the plain type: a class, as in `repository(plugin)`, changes no right."""
        if "(" not in self.type:
            return self
        return type(self)(_CLASS.sub("", self.type), self.name, self.actions)

    @property
    def ordered_actions(self) -> tuple[str, ...]:
        """The actions in the order in which they are written."""
        return tuple(sorted(self.actions, key=_written_order))

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.ordered_actions)}"


def on_repository(name: RepositoryName, *actions: str) -> Scope:
    """The scope of some actions on one repository."""
    return Scope(REPOSITORY, name.value, frozenset(actions))


def on_catalog() -> Scope:
    """The scope that lists repositories: `registry:catalog:*`."""
    return Scope(REGISTRY, CATALOG, frozenset({EVERYTHING}))


def on_deleted_catalog() -> Scope:
    """The scope that lists repositories of which something can be restored, as az requests it."""
    return Scope(REGISTRY, DELETED_CATALOG, frozenset({EVERYTHING}))


def on_management(action: str) -> Scope:
    """The scope to manage accounts and all that belongs to them: READ or WRITE. It is our own."""
    return Scope(REGISTRY, MANAGEMENT, frozenset({action}))


def on_metrics() -> Scope:
    """The scope that reads the metrics: `registry:metrics:read`. It is our own."""
    return Scope(REGISTRY, METRICS, frozenset({READ}))


def render(scopes: Iterable[Scope]) -> str:
    """Write scopes as a challenge does, separated by spaces."""
    return " ".join(map(str, scopes))


def parse_all(texts: Iterable[str]) -> tuple[Scope, ...]:
    """Read scopes as a token request sends them: repeated, space-separated, or both.

    What is not a scope is ignored: it requests nothing (acr-protocol.md §2.3).
    """
    scopes = []
    for text in texts:
        for part in text.split():
            try:
                scopes.append(Scope.parse(part))
            except InvalidScope:
                continue
    return merge(scopes)


def parse_text(text: str) -> tuple[Scope, ...]:
    """As `parse_all`, for a single text."""
    return parse_all((text,))


def merge(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """One scope per resource, with all the actions requested on it, in the order of first request.

    Clients request one repository in several scopes (acr-protocol.md §0.3, rule 40).
    """
    scopes = tuple(scopes)
    if len(scopes) < 2:  # the usual case
        return scopes
    merged: dict[tuple[str, str], frozenset[str]] = {}
    for scope in scopes:
        resource = (scope.type, scope.name)
        merged[resource] = merged.get(resource, frozenset()) | scope.actions
    return tuple(Scope(kind, name, actions) for (kind, name), actions in merged.items())
