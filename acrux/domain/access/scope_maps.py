"""What a scope map grants, and what makes it valid."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final, Self

from msgspec import Struct

from acrux.cache import memoize
from acrux.domain.access.scope import (
    DELETE,
    DELETED_READ,
    DELETED_RESTORE,
    EVERYTHING,
    MANAGEMENT,
    METADATA_READ,
    METADATA_WRITE,
    METRICS,
    PULL,
    PUSH,
    READ,
    WRITE,
)
from acrux.domain.content.patterns import ANY_REPOSITORY, RepositoryPattern
from acrux.errors import InvalidScope

# ACR has two vocabularies, the permissions of scope maps and the actions of tokens
# (acr-protocol.md §4.3). They meet here and nowhere else.
ACTION_OF_PERMISSION: Final = {
    "content/read": PULL,
    "content/write": PUSH,
    "content/delete": DELETE,
    "metadata/read": METADATA_READ,
    "metadata/write": METADATA_WRITE,
}

# What was deleted under a soft-delete policy. ACR has these as permissions of roles only
# (acr-protocol.md §4.5). They are granted by name: `*` does not request them, since what somebody
# deleted is not what a client means that asks for all of a repository.
ACTION_OF_DELETED: Final = {
    "deleted/read": DELETED_READ,
    "deleted/restore": DELETED_RESTORE,
}

# Ours: who may use /management/v1. Anyone who may write there can grant themselves the rest.
ACTION_OF_MANAGEMENT: Final = {"management/read": READ, "management/write": WRITE}

# Ours: who may read /metrics, and nothing else. Whoever manages accounts may give it to one.
ACTION_OF_METRICS: Final = {"metrics/read": READ}

# By what a scope names: `registry:management:read`.
PERMISSIONS_ON_REGISTRY: Final = {MANAGEMENT: ACTION_OF_MANAGEMENT, METRICS: ACTION_OF_METRICS}

_ACTION_ON_REGISTRY: Final = {**ACTION_OF_MANAGEMENT, **ACTION_OF_METRICS}
_ON_REGISTRY: Final = frozenset(_ACTION_ON_REGISTRY)

# acr-protocol.md §4.3: 5 to 50 letters, digits, hyphens and underscores. Names that begin with an
# underscore are reserved for built-in scope maps.
NAME = re.compile(r"[a-zA-Z0-9-][a-zA-Z0-9_-]{4,49}")

MAX_DESCRIPTION_CHARACTERS: Final = 256
MAX_PERMISSIONS: Final = 500

ONLY_BY_NAME: Final = frozenset(ACTION_OF_DELETED.values())
_EVERY_ACTION: Final = frozenset({EVERYTHING})


class Rule(Struct, frozen=True):
    """A parsed permission: a pattern of repositories, and a kind such as `content/read`."""

    repositories: RepositoryPattern
    kind: str

    @property
    def action(self) -> str:
        """The action of a token that it grants."""
        return ACTION_OF_KIND[self.kind]

    def covers(self, other: Self) -> bool:
        """Whether it grants all that the other rule grants."""
        return self.kind == other.kind and self.repositories.covers_every(other.repositories)


ACTION_OF_KIND: Final = {**ACTION_OF_PERMISSION, **ACTION_OF_DELETED}
KIND_OF_ACTION: Final = {action: kind for kind, action in ACTION_OF_KIND.items()}
_OF_EVERYTHING: Final = frozenset(ACTION_OF_KIND.values()) - ONLY_BY_NAME
_KINDS: Final = tuple(ACTION_OF_KIND)  # in the order in which they are shown


class ScopeMap(Struct, frozen=True):
    """A named set of rights that a principal may be granted; permissions add up.

    They are stored as text: a scope map may hold hundreds, and a request looks up a handful by
    their whole text. An empty scope map, the default, grants nothing.
    """

    name: str
    permissions: frozenset[str] = frozenset()
    catalog: bool = False

    @classmethod
    def parse(cls, name: str, permissions: Iterable[str], *, catalog: bool = False) -> Self:
        """Read permissions such as `repositories/team/*/content/read`; raise InvalidScope."""
        texts = frozenset(permissions)
        for text in texts - _ON_REGISTRY:
            _parse_permission(text)
        return cls(name, texts, catalog)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The permissions on repositories, parsed, in the order in which they are shown."""
        texts = self.permissions - _ON_REGISTRY
        return tuple(sorted(map(_parse_permission, texts), key=_shown_place))

    @property
    def ordered_permissions(self) -> tuple[str, ...]:
        """The permissions in the order in which they are shown."""
        return (
            *(permission(rule.repositories.text, rule.kind) for rule in self.rules),
            *(text for text in _ACTION_ON_REGISTRY if text in self.permissions),
        )

    def covers(self, other: Self) -> bool:
        """Whether it grants all that the other scope map grants."""
        left = other.permissions - self.permissions
        if (other.catalog and not self.catalog) or not left.isdisjoint(_ON_REGISTRY):
            return False
        held = self.rules
        return all(
            any(rule.covers(needed) for rule in held) for needed in map(_parse_permission, left)
        )

    @property
    def is_on_repositories(self) -> bool:
        """Whether it holds a permission on any repository."""
        return not self.permissions <= _ON_REGISTRY

    @property
    def for_anonymous(self) -> Self:
        """What of it an anonymous caller gets: nothing on the registry, and nothing deleted."""
        kept = (
            text
            for text in self.permissions - _ON_REGISTRY
            if not text.endswith(tuple(f"/{kind}" for kind in ACTION_OF_DELETED))
        )
        return type(self)(self.name, frozenset(kept), self.catalog)

    def joined(self, other: Self) -> Self:
        """What either of the two grants."""
        return type(self)(
            self.name, self.permissions | other.permissions, self.catalog or other.catalog
        )

    def on_registry(self, name: str) -> frozenset[str]:
        """The actions that it grants on MANAGEMENT or METRICS; none on any other name."""
        permissions = PERMISSIONS_ON_REGISTRY.get(name, {})
        return frozenset(action for text, action in permissions.items() if text in self.permissions)

    def patterns(self, *actions: str) -> tuple[RepositoryPattern, ...]:
        """The repositories on which it grants any of these actions."""
        held = (rule.repositories for rule in self.rules if rule.action in actions)
        return tuple(dict.fromkeys(held))

    def allowed_actions(self, name: str, asked: frozenset[str] = _EVERY_ACTION) -> frozenset[str]:
        """Which of the requested actions it grants on this repository; `*` stands for all of them.

        The action `*` requests every action that is granted (acr-protocol.md §7.8).
        """
        wanted = spelled_out(asked)
        return frozenset(
            [
                action
                for action, permissions in _permissions_on(name)
                if action in wanted and not permissions.isdisjoint(self.permissions)
            ]
        )


def spelled_out(asked: frozenset[str]) -> frozenset[str]:
    """The requested actions, with those that `*` stands for."""
    return asked | _OF_EVERYTHING if EVERYTHING in asked else asked


def _shown_place(rule: Rule) -> tuple[str, int]:
    return rule.repositories.text, _KINDS.index(rule.kind)


def permission(pattern: str, kind: str) -> str:
    """The text of a permission."""
    return f"repositories/{pattern}/{kind}"


def _permissions_of(name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    # Each action, with the permissions that each grant it on the repository with this name.
    patterns = _speaking_of(name)
    return tuple(
        (action, frozenset([permission(pattern, kind) for pattern in patterns]))
        for kind, action in ACTION_OF_KIND.items()
    )


# The texts never change; which of them are held is looked up each time.
_permissions_on = memoize(_permissions_of, 64, longest=128)


def _speaking_of(name: str) -> list[str]:
    # The reverse of RepositoryPattern.covers: every pattern that covers the name.
    if name == ANY_REPOSITORY:
        return [ANY_REPOSITORY]
    ends = [place for place, character in enumerate(name) if character == "/"]
    return [ANY_REPOSITORY, name, *[f"{name[:end]}/*" for end in ends]]


def _parse_permission(text: str) -> Rule:
    for kind in ACTION_OF_KIND:
        if text.startswith("repositories/") and text.endswith(f"/{kind}"):
            pattern = text[len("repositories/") : -len(f"/{kind}")]
            return Rule(RepositoryPattern.parse(pattern), kind)
    raise InvalidScope(
        "a permission is repositories/NAME/ followed by content/read, content/write, "
        "content/delete, metadata/read, metadata/write, deleted/read or deleted/restore; or "
        "management/read, management/write or metrics/read",
        permission=text[:160],
    )


NOTHING: Final = ScopeMap("_nothing")
ADMINISTRATOR: Final = ScopeMap.parse(
    "_admin",
    (
        *(f"repositories/*/{permission}" for permission in ACTION_OF_KIND),
        *_ACTION_ON_REGISTRY,
    ),
    catalog=True,
)


def check_name(name: str) -> None:
    """Raise InvalidScope if a custom scope map cannot have this name."""
    if NAME.fullmatch(name) is None:
        raise InvalidScope(
            "a scope map's name has 5 to 50 letters, digits, - and _, and does not begin with _",
            scope_map=name[:60],
        )


def default_name(holder: str) -> str:
    """The name of the scope map that is made for one account: `alice-scope-map`.

    A user's name may be longer, or hold characters that a scope map's name may not. Then part of
    its hash tells apart those that would look alike.
    """
    word = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in holder)
    if word != holder or len(word) > 40:
        word = f"{word[:33]}-{hashlib.sha256(holder.encode()).hexdigest()[:6]}"
    return f"{word}-scope-map"


def entity_tag(description: str, permissions: tuple[str, ...]) -> str:
    """What tells whether a scope map is still as it was (RFC 9110 §8.8.3)."""
    text = "\n".join((*permissions, description))  # no permission holds a line break
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def check_permissions(permissions: tuple[str, ...]) -> None:
    """Raise InvalidScope if one of them is invalid, or there are too many."""
    if len(permissions) > MAX_PERMISSIONS:
        raise InvalidScope(f"a scope map holds at most {MAX_PERMISSIONS} permissions")
    ScopeMap.parse("", permissions)
