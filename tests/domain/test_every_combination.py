"""By enumeration: no request gets an action that its map does not hold."""

from collections.abc import Iterator
from itertools import chain, combinations, product
from typing import Final

import pytest

from acrux.domain.access.grants import Grant, Principal, narrow
from acrux.domain.access.scope import Scope, parse_all
from acrux.domain.access.scope_maps import ScopeMap
from tests.domain.grammar import ACTION_OF_PERMISSION, REPOSITORY_ACTIONS, covers

NAMES: Final = ("team", "team/app", "team/app/x", "teams/app", "other")
PATTERNS: Final = ("*", "team/*", "team/app", "other")
ALL: Final = "*"

# What a client may request, and the part of it that is understood, written by hand.
ASKED: Final[dict[tuple[str, ...], list[tuple[str, str]]]] = {
    (): [],
    ("",): [],
    ("repository:team/app:pull",): [("team/app", "pull")],
    ("repository:team/app:pull,push,delete,metadata_read,metadata_write",): [
        ("team/app", action) for action in REPOSITORY_ACTIONS
    ],
    ("repository:team/app:*",): [("team/app", ALL)],
    ("repository:*:*",): [("*", ALL)],
    ("repository:*:pull",): [("*", "pull")],
    ("repository:*:push,push repository:*:push",): [("*", "push")],
    ("repository:team:*", "repository:team/app/x:*"): [("team", ALL), ("team/app/x", ALL)],
    ("repository:teams/app:* repository:other:*",): [("teams/app", ALL), ("other", ALL)],
    ("repository:other:pull", "repository:other:push repository:other:pull"): [
        ("other", "pull"),
        ("other", "push"),
    ],
    ("repository:team/*:*", "repository:team/:*", "repository:/team:*", "repository:**:*"): [],
    ("repository:TEAM/app:*", "repository:team//app:*", "repository:team/../other:*"): [],
    ("repository:team/app", "repository:team/app:", "repository::*", ":team/app:*", "::*"): [],
    ("repository:team/app:PULL,Pull,pull%20,pu,configure,**",): [],
    ("Repository:team/app:*", "repositories:team/app:*", "(repository):team/app:*"): [],
    ("repository(plugin):team/app:*", "plugin(repository):other:*"): [("team/app", ALL)],
    ("artifact-repository:team/app:*", "*:team/app:*", "*:*:*", "registry:*:*"): [],
    ("registry:team/app:*", "registry:catalog:pull", "repository:catalog:*"): [("catalog", ALL)],
    ("registry:catalog:*",): [("registry:catalog", ALL)],
    ("registry:catalog:*,pull registry:management:*", "registry:catalogs:*"): [
        ("registry:catalog", ALL)
    ],
    ("repository:host:5000/team/app:*", "repository:team/app:x:pull"): [],
}


def subsets(of: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    """All subsets."""
    return chain.from_iterable(combinations(of, size) for size in range(len(of) + 1))


def maps() -> Iterator[tuple[tuple[str, str], ...]]:
    """Every set of rules over four patterns and three permissions, and over one pattern and all."""
    within_bounds = ("content/read", "content/write", "metadata/write")
    yield from subsets(list(product(PATTERNS, within_bounds)))
    for pattern in PATTERNS:
        yield from subsets(list(product([pattern], ACTION_OF_PERMISSION)))


def held(rules: tuple[tuple[str, str], ...], name: str) -> set[str]:
    """What the map holds on a repository, naively; on `*`, only what it holds on all."""
    return {
        ACTION_OF_PERMISSION[permission] for pattern, permission in rules if covers(pattern, name)
    }


def expected(
    rules: tuple[tuple[str, str], ...], asked: list[tuple[str, str]], *, catalog: bool
) -> set[tuple[str, str]]:
    """Name and action of each right that should be granted."""
    granted: set[tuple[str, str]] = set()
    for name, action in asked:
        holds = ({ALL} if catalog else set()) if ":" in name else held(rules, name)
        wanted = holds if action == ALL else holds & {action}
        granted.update((name, one) for one in wanted)
        if name == "*":  # and what is held on some of them, under their own pattern
            granted.update(
                (pattern, ACTION_OF_PERMISSION[permission])
                for pattern, permission in rules
                if action in (ALL, ACTION_OF_PERMISSION[permission])
                and pattern != "*"
                and ACTION_OF_PERMISSION[permission] not in holds
            )
    return granted


def named(grant: Grant) -> set[tuple[str, str]]:
    """Name and action of each right that was granted."""
    return {
        (scope.name if scope.type == "repository" else f"{scope.type}:{scope.name}", action)
        for scope in grant.scopes
        for action in scope.actions
    }


REQUIRED: Final = [
    *(Scope("repository", name, frozenset({one})) for name in NAMES for one in REPOSITORY_ACTIONS),
    Scope("registry", "catalog", frozenset({ALL})),
    Scope("registry", "management", frozenset({"read"})),
]


def permitted(grants: set[tuple[str, str]], required: Scope) -> bool:
    """Whether the named rights suffice, naively."""
    (action,) = required.actions
    if required.type == "repository":
        return any(covers(name, required.name) and one == action for name, one in grants)
    return (f"{required.type}:{required.name}", action) in grants


@pytest.mark.parametrize("catalog", [True, False])
@pytest.mark.parametrize("texts", ASKED)
def test_every_map_grants_exactly_what_is_asked_and_held(
    texts: tuple[str, ...], catalog: bool
) -> None:
    """4,224 scope maps, requested in every way: one action too many opens somebody's registry."""
    asked = parse_all(texts)

    for rules in maps():
        permissions = [f"repositories/{pattern}/{permission}" for pattern, permission in rules]
        scope_map = ScopeMap.parse("a-map", permissions, catalog=catalog)
        grant = narrow(Principal("somebody", scope_map), asked)
        should = expected(rules, ASKED[texts], catalog=catalog)
        assert named(grant) == should, rules


@pytest.mark.parametrize("texts", ASKED)
def test_what_was_granted_opens_exactly_what_it_names(texts: tuple[str, ...]) -> None:
    """The other half of the path: from the token to the route."""
    asked = parse_all(texts)
    grants = set()
    for rules in maps():
        permissions = [f"repositories/{pattern}/{permission}" for pattern, permission in rules]
        scope_map = ScopeMap.parse("a-map", permissions, catalog=True)
        grants.add(narrow(Principal("somebody", scope_map), asked))

    for grant in grants:
        for required in REQUIRED:
            assert grant.permits(required) is permitted(named(grant), required)


@pytest.mark.parametrize("texts", ASKED)
def test_a_token_as_a_password_gets_exactly_what_it_holds(
    texts: tuple[str, ...],
) -> None:
    """Repeated requests with the last token must never add up to more."""
    everything = [Scope.parse(f"repository:{name}:*") for name in (*NAMES, "*", "catalog")]
    for rules in maps():
        permissions = [f"repositories/{pattern}/{permission}" for pattern, permission in rules]
        scope_map = ScopeMap.parse("a-map", permissions, catalog=True)
        first = narrow(Principal("somebody", scope_map), parse_all(texts))

        second = narrow(Principal("somebody", first.scope_map), [*everything, REQUIRED[-2]])

        for required in REQUIRED:
            assert second.permits(required) is first.permits(required)


MANAGEMENT: Final = ("management/read", "management/write")


@pytest.mark.parametrize(
    "asked", ["read", "write", "read,write", "*", "read,*", "READ", "pull", ""]
)
@pytest.mark.parametrize("name", ["management", "catalog", "*", "Management"])
def test_management_is_granted_only_if_held_and_grants_nothing_else(asked: str, name: str) -> None:
    """It is by far the greatest right: no other grants it, and it grants no other directly."""
    scopes = parse_all([f"registry:{name}:{asked}", f"repository:management:{asked or '*'}"])
    for held_here in subsets([(text, "") for text in (*MANAGEMENT, "repositories/a/content/read")]):
        permissions = [text for text, _ in held_here]
        scope_map = ScopeMap.parse("a-map", permissions, catalog=False)

        granted = named(narrow(Principal("somebody", scope_map), scopes))

        should = {
            ("registry:management", text.removeprefix("management/"))
            for text in permissions
            if name == "management" and text in MANAGEMENT
            if {ALL, text.removeprefix("management/")} & set(asked.split(","))
        }
        assert granted == should
