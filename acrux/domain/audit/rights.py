"""Why something was refused, and what would let it pass."""

import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec import Struct, field

from acrux.domain.access.grants import Principal, narrow
from acrux.domain.access.scope import MANAGEMENT, REGISTRY, REPOSITORY, Scope
from acrux.domain.access.scope_maps import ACTION_OF_KIND, ACTION_OF_MANAGEMENT, ScopeMap


class Right(Struct, frozen=True):
    """One action on one resource, and the permission of a scope map that grants it, if any."""

    resource: str
    action: str
    is_held: bool
    permission: str = ""


class Explanation(Struct, frozen=True):
    """What was requested, why it was refused, what has changed since, and what would help.

    `rights` lists what the request needed, and whether the account's scope map grants it now.
    `fixes` are commands, one of which may be enough. Nothing in it is secret.
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
    if scope.type == REGISTRY and scope.name == MANAGEMENT and action in scope_map.management:
        return _PERMISSION_OF_MANAGEMENT[action]
    for rule in scope_map.rules if scope.type == REPOSITORY else ():
        if action == rule.action and rule.repositories.covers(scope.name):
            return f"repositories/{rule.repositories.text}/{rule.kind}"
    return ""


_PERMISSION_OF_ACTION = {action: name for name, action in ACTION_OF_KIND.items()}
_PERMISSION_OF_MANAGEMENT = {action: name for name, action in ACTION_OF_MANAGEMENT.items()}


def repository_options(option: str, scope_map: ScopeMap, lacking: Iterable[Right]) -> str:
    """Options for the permissions of the scope map and for those that are lacking, by repository.

    Permissions of management have their own option, named like `option` with another noun.
    """
    named: dict[str, list[str]] = {}
    for rule in scope_map.rules:
        named.setdefault(rule.repositories.text, []).append(rule.kind)
    managed = set(scope_map.management)
    for right in lacking:
        if right.action in _PERMISSION_OF_ACTION:
            named.setdefault(right.resource, []).append(_PERMISSION_OF_ACTION[right.action])
        elif right.action in _PERMISSION_OF_MANAGEMENT:
            managed.add(right.action)
    return " ".join(
        (
            *(
                f"{option} {shlex.quote(repository)} {' '.join(dict.fromkeys(permissions))}"
                for repository, permissions in named.items()
            ),
            *(f"{option.replace(REPOSITORY, MANAGEMENT)} {action}" for action in sorted(managed)),
        )
    )
