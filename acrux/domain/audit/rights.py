"""Why something was refused, and what would let it pass."""

import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, field

from acrux.domain.access.grants import Principal, narrow
from acrux.domain.access.scope import REGISTRY, REPOSITORY, Scope
from acrux.domain.access.scope_maps import KIND_OF_ACTION, PERMISSIONS_ON_REGISTRY, ScopeMap


class Right(Struct, frozen=True):
    """One action on one resource, and the permission of a scope map that grants it, if any."""

    resource: str
    action: str
    is_held: bool
    permission: str = ""


class Explanation(Struct, frozen=True):
    """What was requested, why it was refused, what has changed since, and what would help.

    `rights` lists what the request needed, and whether the account's scope map grants it now.
    `fixes` are commands, each of which may be enough. Nothing in it is secret.
    """

    case: str
    at: datetime
    reason: str
    why: str
    request: str = ""
    status: int = 401
    account: str = ""
    authentication_method: str = ""
    peer: str = ""
    message: str = ""
    scope_map: str = ""
    needed: tuple[Scope, ...] = ()
    held: tuple[Scope, ...] = ()
    rights: tuple[Right, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    changes: str = ""
    fixes: tuple[str, ...] = ()


def rights(scope_map: ScopeMap, asked: Iterable[Scope]) -> tuple[Right, ...]:
    """For each requested action, whether the scope map grants it, and by which permission."""
    return tuple(
        Right(
            scope.name if scope.type == REPOSITORY else f"{scope.type}:{scope.name}",
            action,
            _is_held(scope_map, Scope(scope.type, scope.name, frozenset({action}))),
            _permission(scope_map, scope, action),
        )
        for scope in asked
        for action in scope.ordered_actions
    )


def _is_held(scope_map: ScopeMap, asked: Scope) -> bool:
    return bool(narrow(Principal("", scope_map), [asked]).scopes)


def _permission(scope_map: ScopeMap, scope: Scope, action: str) -> str:
    if scope.type == REGISTRY and action in scope_map.on_registry(scope.name):
        permissions = PERMISSIONS_ON_REGISTRY[scope.name]
        return next(text for text, granted in permissions.items() if granted == action)
    for rule in scope_map.rules if scope.type == REPOSITORY else ():
        if action == rule.action and rule.repositories.covers(scope.name):
            return f"repositories/{rule.repositories.text}/{rule.kind}"
    return ""


_ON_REGISTRY = {f"{REGISTRY}:{name}": name for name in PERMISSIONS_ON_REGISTRY}


def repository_options(option: str, scope_map: ScopeMap, lacking: Iterable[Right]) -> str:
    """Options for the permissions of the scope map and for those that are lacking, by repository.

    Permissions on the registry have options of their own, named like `option` with another noun.
    """
    named: dict[str, list[str]] = {}
    for rule in scope_map.rules:
        named.setdefault(rule.repositories.text, []).append(rule.kind)
    on_registry = {name: set(scope_map.on_registry(name)) for name in PERMISSIONS_ON_REGISTRY}
    for right in lacking:
        if right.action in KIND_OF_ACTION:
            named.setdefault(right.resource, []).append(KIND_OF_ACTION[right.action])
        elif right.resource in _ON_REGISTRY:
            on_registry[_ON_REGISTRY[right.resource]].add(right.action)
    return " ".join(
        (
            *(
                f"{option} {shlex.quote(repository)} {' '.join(dict.fromkeys(permissions))}"
                for repository, permissions in named.items()
            ),
            *(
                f"{option.replace(REPOSITORY, name)} {action}"
                for name, actions in on_registry.items()
                for action in sorted(actions)
            ),
        )
    )
