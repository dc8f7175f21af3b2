"""Who asks, what they hold, what they are granted, and why."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Self

from msgspec import Struct

from acrux.cache import memoize
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.patterns import ANY_REPOSITORY, RepositoryPattern
from acrux.domain.access.scope import (
    CATALOG,
    DELETE,
    EVERYTHING,
    MANAGEMENT,
    METADATA_READ,
    METADATA_WRITE,
    PULL,
    PUSH,
    READ,
    REGISTRY,
    REPOSITORY,
    WRITE,
    Scope,
    merge,
    on_management,
)
from acrux.domain.content.names import RepositoryName
from acrux.errors import InvalidName, InvalidScope

# ACR has two vocabularies, the permissions of scope maps and the actions of tokens
# (acr-protocol.md §4.3). They meet here and nowhere else.
ACTION_OF_PERMISSION: Final = {
    "content/read": PULL,
    "content/write": PUSH,
    "content/delete": DELETE,
    "metadata/read": METADATA_READ,
    "metadata/write": METADATA_WRITE,
}

# Ours: who may use /management/v1. Whoever may write there may give themselves anything else.
ACTION_OF_MANAGEMENT: Final = {"management/read": READ, "management/write": WRITE}

_OF_MANAGEMENT: Final = frozenset(ACTION_OF_MANAGEMENT)

# What a token's scopes may take, in characters: proxies allow 8 KiB of headers, base64 makes four
# of three, and there are other claims. What goes beyond is left out.
MAX_SCOPE_CHARACTERS: Final = 5400
_CHARACTERS_AROUND_A_SCOPE: Final = len('{"type":"","name":"","actions":[]},')


_EVERY_ACTION: Final = frozenset({EVERYTHING})


class Rule(Struct, frozen=True):
    """One permission, read: a pattern, and what kind it is, such as `content/read`."""

    repositories: RepositoryPattern
    kind: str

    @property
    def action(self) -> str:
        """The action of tokens that it grants."""
        return ACTION_OF_PERMISSION[self.kind]

    def covers(self, other: Self) -> bool:
        """Whether it grants all that the other one grants."""
        return self.kind == other.kind and self.repositories.covers_every(other.repositories)


_KINDS: Final = tuple(ACTION_OF_PERMISSION)  # in the order in which they are shown


class ScopeMap(Struct, frozen=True):
    """The named set of rights that a principal may be granted; permissions add up.

    They stay as they are written: of the hundreds that a map may hold, a request asks after a
    handful, and finds each by its whole text. An empty map, the default, grants nothing.
    """

    name: str
    permissions: frozenset[str] = frozenset()
    catalog: bool = False

    @classmethod
    def parse(cls, name: str, permissions: Iterable[str], *, catalog: bool = False) -> Self:
        """Read permissions such as `repositories/team/*/content/read`; raise InvalidScope."""
        texts = frozenset(permissions)
        for text in texts - _OF_MANAGEMENT:
            _parse_permission(text)
        return cls(name, texts, catalog)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What it holds on repositories, permission by permission, in the order they are shown."""
        texts = self.permissions - _OF_MANAGEMENT
        return tuple(sorted(map(_parse_permission, texts), key=_shown_place))

    @property
    def ordered_permissions(self) -> tuple[str, ...]:
        """The permissions in the order in which they are shown."""
        return (
            *(_permission(rule.repositories.text, rule.kind) for rule in self.rules),
            *(text for text in ACTION_OF_MANAGEMENT if text in self.permissions),
        )

    def covers(self, other: Self) -> bool:
        """Whether whoever has this one holds all that the other one gives."""
        left = other.permissions - self.permissions
        if (other.catalog and not self.catalog) or not left.isdisjoint(_OF_MANAGEMENT):
            return False
        held = self.rules
        return all(
            any(rule.covers(needed) for rule in held) for needed in map(_parse_permission, left)
        )

    @property
    def is_on_repositories(self) -> bool:
        """Whether it holds anything on any repository."""
        return not self.permissions <= _OF_MANAGEMENT

    @property
    def management(self) -> frozenset[str]:
        """What it holds on the registry's own accounts and all that belongs to them."""
        return frozenset(
            action for text, action in ACTION_OF_MANAGEMENT.items() if text in self.permissions
        )

    def patterns(self, *actions: str) -> tuple[RepositoryPattern, ...]:
        """Of which repositories the map holds any of these actions."""
        held = (rule.repositories for rule in self.rules if rule.action in actions)
        return tuple(dict.fromkeys(held))

    def allowed_actions(self, name: str, asked: frozenset[str] = _EVERY_ACTION) -> frozenset[str]:
        """What the map holds of what is asked on this repository; `*` is all of them at once.

        The action `*` asks for every action the map holds (acr-protocol.md §7.8).
        """
        return frozenset(
            [
                action
                for action, permissions in _permissions_on(name)
                if (action in asked or EVERYTHING in asked)
                and not permissions.isdisjoint(self.permissions)
            ]
        )


def _shown_place(rule: Rule) -> tuple[str, int]:
    return rule.repositories.text, _KINDS.index(rule.kind)


def _permission(pattern: str, kind: str) -> str:
    return f"repositories/{pattern}/{kind}"


def _permissions_of(name: str) -> tuple[tuple[str, frozenset[str]], ...]:
    # Each action, and the permissions any of which grants it on what has this name.
    patterns = _speaking_of(name)
    return tuple(
        (action, frozenset([_permission(pattern, kind) for pattern in patterns]))
        for kind, action in ACTION_OF_PERMISSION.items()
    )


# How they are written never changes; which are held is asked each time.
_permissions_on = memoize(_permissions_of, 64, longest=128)


def _speaking_of(name: str) -> list[str]:
    # What RepositoryPattern.covers says, turned round: every pattern that speaks of the name.
    if name == ANY_REPOSITORY:
        return [ANY_REPOSITORY]
    ends = [place for place, character in enumerate(name) if character == "/"]
    return [ANY_REPOSITORY, name, *[f"{name[:end]}/*" for end in ends]]


def _parse_permission(text: str) -> Rule:
    for kind in ACTION_OF_PERMISSION:
        if text.startswith("repositories/") and text.endswith(f"/{kind}"):
            pattern = text[len("repositories/") : -len(f"/{kind}")]
            return Rule(RepositoryPattern.parse(pattern), kind)
    raise InvalidScope(
        "a permission is repositories/NAME/ and content/read, content/write, content/delete, "
        "metadata/read or metadata/write; or management/read or management/write",
        permission=text[:160],
    )


NOTHING: Final = ScopeMap("_nothing")
ADMINISTRATOR: Final = ScopeMap.parse(
    "_admin",
    (
        *(f"repositories/*/{permission}" for permission in ACTION_OF_PERMISSION),
        *ACTION_OF_MANAGEMENT,
    ),
    catalog=True,
)


class Principal(Struct, frozen=True):
    """Who a credential turned out to be, and what they may be granted.

    `epoch` goes into their tokens: those of an earlier one than the account's are worth nothing.
    `authentication_method` names by what they were known, such as `password1`: it decides nothing,
    it is told.
    `password` names the password that all this goes back to, be it over many tokens.
    Where a token was their password, no access token of theirs lives beyond `access_until` and no
    refresh token beyond `refresh_until`.
    `federated` is given where a trust let them in; no token of theirs lives longer than `lifetime`.
    """

    name: str
    scope_map: ScopeMap
    epoch: int = 0
    authentication_method: str = ""
    password: str = ""
    access_until: datetime | None = None
    refresh_until: datetime | None = None
    federated: FederatedIdentity | None = None
    lifetime: timedelta = timedelta.max

    @property
    def holder(self) -> str:
        """The name under which their tokens are revoked: the account's, or that of the trust."""
        return self.name if self.federated is None else self.federated.holder

    @property
    def may_refresh(self) -> bool:
        """Whether a refresh token may stand for them.

        Not for whoever showed an access token: it would bring all that their account holds.
        """
        return bool(self.name) and self.access_until is None


ANONYMOUS: Final = Principal("", NOTHING)


class Grant(Struct, frozen=True):
    """What was asked and is allowed, in the name of a principal: what a token carries."""

    principal: str
    scopes: tuple[Scope, ...] = ()
    federated: FederatedIdentity | None = None

    @property
    def holder(self) -> str:
        """The name under which it is revoked: the account's, or that of the trust."""
        return self.principal if self.federated is None else self.federated.holder

    def patterns(self, action: str) -> tuple[RepositoryPattern, ...]:
        """Of which repositories the action is held."""
        return tuple(
            RepositoryPattern(scope.name)
            for scope in self.scopes
            if scope.type == REPOSITORY and action in scope.actions
        )

    @property
    def scope_map(self) -> ScopeMap:
        """What it holds as a scope map, for whoever shows it in the place of a password."""
        on_repositories = (
            _permission(scope.name, kind)
            for scope in self.scopes
            for kind, action in ACTION_OF_PERMISSION.items()
            if scope.type == REPOSITORY and action in scope.actions
        )
        of_management = (
            text
            for text, action in ACTION_OF_MANAGEMENT.items()
            if self.permits(on_management(action))
        )
        return ScopeMap(
            "",
            frozenset((*on_repositories, *of_management)),
            catalog=self.permits(Scope(REGISTRY, CATALOG, frozenset({EVERYTHING}))),
        )

    def permits(self, required: Scope) -> bool:
        """Whether every action of `required` is held; several entries add up (rule 40).

        A requirement without an action is permitted by nothing: absence of a rule refuses.
        """
        held: frozenset[str] = frozenset()
        for scope in self.scopes:
            if _speaks_of(scope, required):
                held |= scope.actions
        return bool(required.actions) and (EVERYTHING in held or required.actions <= held)


def _speaks_of(held: Scope, required: Scope) -> bool:
    if held.type != required.type:
        return False
    # Rule 15: acr-cli asks for repository:*:* and nothing else.
    return held.name == required.name or (held.type == REPOSITORY and held.name == ANY_REPOSITORY)


def narrow(principal: Principal, asked: Iterable[Scope]) -> Grant:
    """Grant what is asked and allowed. Less than asked is normal, not an error.

    What is not understood, and what is not allowed, is left out (acr-protocol.md §2.3).
    """
    left = MAX_SCOPE_CHARACTERS - (principal.federated.size if principal.federated else 0)
    granted: list[Scope] = []
    for scope in merge(asked):
        actions = _allowed(principal.scope_map, scope)
        if not actions:
            continue
        left -= _CHARACTERS_AROUND_A_SCOPE + len(scope.type) + len(scope.name)
        left -= sum(map(len, actions)) + len('"",') * len(actions)
        if left < 0:
            break
        granted.append(Scope(scope.type, scope.name, actions))
    return Grant(principal.name, tuple(granted), principal.federated)


def _allowed(scope_map: ScopeMap, asked: Scope) -> frozenset[str]:
    if asked.type == REGISTRY and asked.name == CATALOG:
        return asked.actions & {EVERYTHING} if scope_map.catalog else frozenset()
    if asked.type == REGISTRY and asked.name == MANAGEMENT:
        held = scope_map.management
        return held if EVERYTHING in asked.actions else asked.actions & held
    if asked.type != REPOSITORY or not _is_repository(asked.name):
        return frozenset()
    return scope_map.allowed_actions(asked.name, asked.actions)


def _names_repository(name: str) -> bool:
    if name == ANY_REPOSITORY:
        return True
    try:
        RepositoryName.parse(name)
    except InvalidName:
        return False
    return True


_is_repository = memoize(_names_repository, 1024, longest=256)
