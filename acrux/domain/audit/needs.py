"""What a recorded request needed, and whether a scope map grants it."""

from collections.abc import Iterable, Iterator
from typing import Final

from acrux.domain.access.grants import Principal, narrow
from acrux.domain.access.scope import REGISTRY, REPOSITORY, Scope
from acrux.domain.access.scope_maps import (
    KIND_OF_ACTION,
    PERMISSIONS_ON_REGISTRY,
    ScopeMap,
    permission,
)
from acrux.domain.audit.decision import Decision, Outcome
from acrux.domain.content.patterns import RepositoryPattern

_OF_TOKENS: Final = "/oauth2/"


def is_of_token(decision: Decision) -> bool:
    """Whether it is about a token: what the caller got, not what they did with it."""
    return decision.request.partition(" ")[2].startswith(_OF_TOKENS)


def tells_needs(decision: Decision) -> bool:
    """Whether the record says what its request needed. Of changes, earlier versions did not."""
    return is_of_token(decision) or bool(decision.asked)


def needed(decision: Decision) -> tuple[Scope, ...]:
    """What the request needed, an action each: what a token got, or what another request asked."""
    is_issued = decision.outcome is Outcome.GRANTED and is_of_token(decision)
    scopes = decision.granted if is_issued else decision.asked
    return tuple(
        Scope(scope.type, scope.name, frozenset({action}))
        for scope in scopes
        for action in scope.ordered_actions
    )


def lacking(scope_map: ScopeMap, scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Those of the scopes, of one action each, that the scope map does not grant."""
    return tuple(scope for scope in scopes if not _grants(scope_map, scope))


def permissions(scopes: Iterable[Scope]) -> Iterator[str]:
    """The permission for each of the scopes; the catalog comes with any other one."""
    for scope in scopes:
        [action] = scope.actions
        if scope.type == REPOSITORY and action in KIND_OF_ACTION:
            yield permission(scope.name, KIND_OF_ACTION[action])
        elif scope.type == REGISTRY:
            on_registry = PERMISSIONS_ON_REGISTRY.get(scope.name, {})
            yield from (text for text, granted in on_registry.items() if granted == action)


def _grants(scope_map: ScopeMap, scope: Scope) -> bool:
    pattern = RepositoryPattern(scope.name)
    # A token for all repositories, or for all below a prefix, must be granted as a whole.
    if scope.type == REPOSITORY and (pattern.covers_all or pattern.prefix is not None):
        [action] = scope.actions
        return any(held.covers_every(pattern) for held in scope_map.patterns(action))
    return bool(narrow(Principal("", scope_map), [scope]).scopes)
