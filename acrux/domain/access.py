"""Who asks, what they hold, what they are granted, and why."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

from acrux.domain.names import RepositoryName
from acrux.domain.outside import Outside
from acrux.domain.scope import (
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

ANY_REPOSITORY: Final = "*"

# What a token's scopes may take, in characters: proxies allow 8 KiB of headers, base64 makes four
# of three, and there are other claims. What goes beyond is left out.
MAX_SCOPE_CHARACTERS: Final = 5400
_CHARACTERS_AROUND_A_SCOPE: Final = len('{"type":"","name":"","actions":[]},')


@dataclass(frozen=True, slots=True)
class RepositoryPattern:
    """Repositories a rule speaks of: one name, all below a prefix (`team/*`), or all (`*`).

    The only wildcard is a whole last component (acr-protocol.md §4.3), so `team/*` speaks of
    `team/app` and `team/app/x`, and not of `team` itself.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a pattern; raise InvalidScope where the wildcard stands anywhere else."""
        prefix = text.removesuffix("/*")
        if text != ANY_REPOSITORY:
            try:
                RepositoryName.parse(prefix)
            except InvalidName:
                raise InvalidScope(
                    "a rule names one repository, all below one (team/*), or all (*)",
                    repository=text[:160],
                ) from None
        return cls(text)

    @property
    def covers_all(self) -> bool:
        """Whether it speaks of every repository."""
        return self.text == ANY_REPOSITORY

    @property
    def prefix(self) -> str | None:
        """What the names below it begin with, None where it speaks of one name or of all."""
        return self.text.removesuffix("*") if self.text.endswith("/*") else None

    def covers(self, name: str) -> bool:
        """Whether the rule speaks of this repository; of `*` only where it speaks of all."""
        if self.covers_all:
            return True
        if self.prefix is not None:
            return name.startswith(self.prefix) and name != ANY_REPOSITORY
        return name == self.text


EVERY_REPOSITORY: Final = RepositoryPattern(ANY_REPOSITORY)


@dataclass(frozen=True, slots=True)
class Rule:
    """One permission, read: a pattern, and what kind it is, such as `content/read`."""

    repositories: RepositoryPattern
    kind: str

    @property
    def action(self) -> str:
        """The action of tokens that it grants."""
        return ACTION_OF_PERMISSION[self.kind]


_KINDS: Final = tuple(ACTION_OF_PERMISSION)  # in the order in which they are shown


@dataclass(frozen=True, slots=True)
class ScopeMap:
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
        for text in texts - frozenset(ACTION_OF_MANAGEMENT):
            _parse_permission(text)
        return cls(name, texts, catalog)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What it holds on repositories, permission by permission, in the order they are shown."""
        texts = self.permissions - frozenset(ACTION_OF_MANAGEMENT)
        return tuple(sorted(map(_parse_permission, texts), key=_shown_place))

    @property
    def ordered_permissions(self) -> tuple[str, ...]:
        """The permissions in the order in which they are shown."""
        return (
            *(_permission(rule.repositories.text, rule.kind) for rule in self.rules),
            *(text for text in ACTION_OF_MANAGEMENT if text in self.permissions),
        )

    @property
    def is_on_repositories(self) -> bool:
        """Whether it holds anything on any repository."""
        return bool(self.permissions - frozenset(ACTION_OF_MANAGEMENT))

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

    def allowed_actions(self, name: str) -> frozenset[str]:
        """All actions the map holds on this repository; `*` is all repositories at once."""
        patterns = _speaking_of(name)
        return frozenset(
            action
            for kind, action in ACTION_OF_PERMISSION.items()
            if any(_permission(pattern, kind) in self.permissions for pattern in patterns)
        )


def _shown_place(rule: Rule) -> tuple[str, int]:
    return rule.repositories.text, _KINDS.index(rule.kind)


def _permission(pattern: str, kind: str) -> str:
    return f"repositories/{pattern}/{kind}"


def _speaking_of(name: str) -> tuple[str, ...]:
    # What RepositoryPattern.covers says, turned round: every pattern that speaks of the name.
    if name == ANY_REPOSITORY:
        return (ANY_REPOSITORY,)
    ends = (place for place, character in enumerate(name) if character == "/")
    return (ANY_REPOSITORY, name, *(f"{name[:end]}/*" for end in ends))


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


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a credential turned out to be, and what they may be granted.

    `epoch` goes into their tokens: those of an earlier one than the account's are worth nothing.
    `proof` names by what they were known, such as `password1`: it decides nothing, it is told.
    Where a token was their password, no access token of theirs lives beyond `access_until` and no
    refresh token beyond `refresh_until`.
    `outside` is given where a trust let them in; no token of theirs lives longer than `lifetime`.
    """

    name: str
    scope_map: ScopeMap
    epoch: int = 0
    proof: str = ""
    access_until: datetime | None = None
    refresh_until: datetime | None = None
    outside: Outside | None = None
    lifetime: timedelta = timedelta.max

    @property
    def may_refresh(self) -> bool:
        """Whether a refresh token may stand for them.

        Not for whoever showed an access token: it would bring all that their account holds.
        """
        return bool(self.name) and self.access_until is None


ANONYMOUS: Final = Principal("", NOTHING)


@dataclass(frozen=True, slots=True)
class Grant:
    """What was asked and is allowed, in the name of a principal: what a token carries."""

    principal: str
    scopes: tuple[Scope, ...] = ()
    outside: Outside | None = None

    @property
    def holder(self) -> str:
        """The name under which it is revoked: the account's, or that of the trust."""
        return self.principal if self.outside is None else self.outside.holder

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
        held = frozenset[str]().union(
            *(scope.actions for scope in self.scopes if _speaks_of(scope, required))
        )
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
    granted = (
        Scope(scope.type, scope.name, _allowed(principal.scope_map, scope))
        for scope in merge(asked)
    )
    room = MAX_SCOPE_CHARACTERS - (principal.outside.size if principal.outside else 0)
    fitting = _fitting((scope for scope in granted if scope.actions), room)
    return Grant(principal.name, fitting, principal.outside)


def _fitting(scopes: Iterable[Scope], room: int) -> tuple[Scope, ...]:
    left, fitting = room, []
    for scope in scopes:
        actions = sum(len(action) + len('"",') for action in scope.actions)
        left -= _CHARACTERS_AROUND_A_SCOPE + len(scope.type) + len(scope.name) + actions
        if left < 0:
            break
        fitting.append(scope)
    return tuple(fitting)


def _allowed(scope_map: ScopeMap, asked: Scope) -> frozenset[str]:
    if asked.type == REGISTRY and asked.name == CATALOG:
        return asked.actions & {EVERYTHING} if scope_map.catalog else frozenset()
    if asked.type == REGISTRY and asked.name == MANAGEMENT:
        return _of(asked, scope_map.management)
    if asked.type != REPOSITORY or not _is_repository(asked.name):
        return frozenset()
    return _of(asked, scope_map.allowed_actions(asked.name))


def _of(asked: Scope, allowed: frozenset[str]) -> frozenset[str]:
    # `*` asks for every action the principal holds (acr-protocol.md §7.8).
    return allowed if EVERYTHING in asked.actions else asked.actions & allowed


def _is_repository(name: str) -> bool:
    if name == ANY_REPOSITORY:
        return True
    try:
        RepositoryName.parse(name)
    except InvalidName:
        return False
    return True
