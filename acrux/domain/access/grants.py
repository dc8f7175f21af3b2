"""Who asks, what they may have, and what they are granted."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from acrux.cache import memoize
from acrux.domain.access.federated import FederatedIdentity
from acrux.domain.access.scope import (
    CATALOG,
    DELETED_CATALOG,
    DELETED_READ,
    EVERYTHING,
    REGISTRY,
    REPOSITORY,
    Scope,
    merge,
)
from acrux.domain.access.scope_maps import (
    ACTION_OF_KIND,
    NOTHING,
    ONLY_BY_NAME,
    PERMISSIONS_ON_REGISTRY,
    ScopeMap,
    permission,
    spelled_out,
)
from acrux.domain.content.names import RepositoryName
from acrux.domain.content.patterns import ANY_REPOSITORY, RepositoryPattern
from acrux.errors import InvalidName

# The maximum size of a token's scopes, in characters: proxies allow 8 KiB of headers, base64 turns
# three bytes into four, and there are other claims. Scopes beyond it are left out.
MAX_SCOPE_CHARACTERS: Final = 5400
_CHARACTERS_AROUND_A_SCOPE: Final = len('{"type":"","name":"","actions":[]},')


class Principal(Struct, frozen=True):
    """Who a credential belongs to, and what they may be granted.

    `epoch` goes into their tokens: a token with an earlier epoch than the account's is revoked.
    `authentication_method` says how they were authenticated, such as `password1`. It decides
    nothing: it is for the audit log.
    `password` names the password that they logged in with, even if many tokens ago.
    If a token was their password, no access token of theirs lives beyond `access_until`, and no
    refresh token beyond `refresh_until`.
    `federated` is set if a trust accepted them; no token of theirs lives longer than `lifetime`.
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
        """The name under which their tokens are revoked: that of the account, or of the trust."""
        return self.name if self.federated is None else self.federated.holder

    @property
    def presented_token(self) -> bool:
        """Whether a token was their password: it expires, and keeping it helps only for a while."""
        return any(
            of_token is not None
            for of_token in (self.federated, self.access_until, self.refresh_until)
        )

    @property
    def may_refresh(self) -> bool:
        """Whether they may get a refresh token.

        Not if they presented an access token: a refresh token gives all that their account holds.
        """
        return bool(self.name) and self.access_until is None


ANONYMOUS: Final = Principal("", NOTHING)


class Grant(Struct, frozen=True):
    """What was requested and is allowed, in the name of a principal: what a token carries."""

    principal: str
    scopes: tuple[Scope, ...] = ()
    federated: FederatedIdentity | None = None

    @property
    def holder(self) -> str:
        """The name under which it is revoked: that of the account, or of the trust."""
        return self.principal if self.federated is None else self.federated.holder

    def patterns(self, action: str) -> tuple[RepositoryPattern, ...]:
        """The repositories on which it holds the action."""
        return tuple(
            RepositoryPattern(scope.name)
            for scope in self.scopes
            if scope.type == REPOSITORY and action in scope.actions
        )

    @property
    def scope_map(self) -> ScopeMap:
        """What it holds, as a scope map: for a token that is presented in place of a password."""
        on_repositories = (
            permission(scope.name, kind)
            for scope in self.scopes
            for kind, action in ACTION_OF_KIND.items()
            if scope.type == REPOSITORY and action in scope.actions
        )
        on_registry = (
            text
            for name, permissions in PERMISSIONS_ON_REGISTRY.items()
            for text, action in permissions.items()
            if self.permits(Scope(REGISTRY, name, frozenset({action})))
        )
        return ScopeMap(
            "",
            frozenset((*on_repositories, *on_registry)),
            catalog=self.permits(Scope(REGISTRY, CATALOG, frozenset({EVERYTHING}))),
        )

    def permits(self, required: Scope) -> bool:
        """Whether it holds every action of `required`; several scopes add up (rule 40).

        A requirement without an action is never permitted: a missing rule refuses.
        """
        held: frozenset[str] = frozenset()
        for scope in self.scopes:
            if _speaks_of(scope, required):
                held |= scope.actions
        if EVERYTHING in held and required.actions.isdisjoint(ONLY_BY_NAME):
            return bool(required.actions)
        return bool(required.actions) and required.actions <= held


def _speaks_of(held: Scope, required: Scope) -> bool:
    if held.type != required.type:
        return False
    if held.name == required.name:
        return True
    return held.type == REPOSITORY and RepositoryPattern(held.name).covers(required.name)


def narrow(principal: Principal, asked: Iterable[Scope]) -> Grant:
    """Grant what is requested and allowed. To grant less than requested is normal, not an error.

    What is not understood, and what is not allowed, is left out (acr-protocol.md §2.3). Who
    requests all repositories gets, beside those rights that they have on all, the others under the
    patterns of their scope map: acr-cli requests `repository:*:*` and nothing else (rule 15).
    """
    left = MAX_SCOPE_CHARACTERS - (principal.federated.size if principal.federated else 0)
    granted: list[Scope] = []
    for scope in merge(_granted(principal.scope_map, asked)):
        left -= _CHARACTERS_AROUND_A_SCOPE + len(scope.type) + len(scope.name)
        left -= sum(map(len, scope.actions)) + len('"",') * len(scope.actions)
        if left < 0:
            break
        granted.append(scope)
    return Grant(principal.name, tuple(granted), principal.federated)


def _granted(scope_map: ScopeMap, asked: Iterable[Scope]) -> Iterator[Scope]:
    wanted = merge([each.without_class for each in asked])
    for scope in wanted:
        if actions := _allowed(scope_map, scope):
            yield Scope(scope.type, scope.name, actions)
    # Last: a long scope map must not leave no room for what was asked for by its name.
    for scope in wanted:
        if scope.name == ANY_REPOSITORY and scope.type == REPOSITORY:
            yield from _under_patterns(scope_map, scope.actions)


def _under_patterns(scope_map: ScopeMap, asked: frozenset[str]) -> Iterator[Scope]:
    wanted = spelled_out(asked) - scope_map.allowed_actions(ANY_REPOSITORY)
    named: dict[str, set[str]] = {}
    for rule in scope_map.rules:
        if rule.action in wanted and not rule.repositories.covers_all:
            named.setdefault(rule.repositories.text, set()).add(rule.action)
    for pattern, actions in named.items():
        yield Scope(REPOSITORY, pattern, frozenset(actions))


def _allowed(scope_map: ScopeMap, asked: Scope) -> frozenset[str]:
    if asked.type == REGISTRY and asked.name == CATALOG:
        return asked.actions & {EVERYTHING} if scope_map.catalog else frozenset()
    if asked.type == REGISTRY and asked.name == DELETED_CATALOG:
        may_read = bool(scope_map.patterns(DELETED_READ))
        return asked.actions & {EVERYTHING} if may_read else frozenset()
    if asked.type == REGISTRY and asked.name in PERMISSIONS_ON_REGISTRY:
        held = scope_map.on_registry(asked.name)
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
