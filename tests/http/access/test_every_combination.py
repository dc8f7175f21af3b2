"""By enumeration: scope map, request and route never add up to more."""

from collections.abc import Iterator
from itertools import chain, combinations
from typing import Final
from urllib.parse import urlencode

import pytest

from acrux.bootstrap.application import Registry
from tests.domain.grammar import (
    ACTION_OF_PERMISSION,
    PERMISSIONS,
    REPOSITORY_ACTIONS,
)
from tests.http.access.test_access import EXAMPLES, is_let_in
from tests.http.caller import HOST, Answer, Caller
from tests.http.identities import Holds, granted, only
from tests.http.oauth2.test_walk import claims

PATTERNS: Final = ("*", "team/*", "team/app")
NAMES: Final = ("team/app", "team", "other/x")
EVERY: Final = ",".join(REPOSITORY_ACTIONS)

# Each is one token request; together they request everything in every possible way.
REQUESTS: Final = (
    ("",),
    tuple(f"repository:{name}:{EVERY}" for name in NAMES),
    (" ".join(f"repository:{name}:*" for name in NAMES),),
    ("repository:*:*", "repository:*:pull", "registry:catalog:*"),
    ("repository:team/app:pull",),
    ("repository:team/app:push repository:team/app:push", "repository:team/app:delete"),
    ("repository:team/*:*", "repository:**:*", "repository:TEAM:*", "repository::*", ":::", "%"),
    ("registry:catalog:pull", "registry:*:*", "*:*:*", "registry:management:*", "x:team/app:*"),
)


def sets_of_permissions() -> Iterator[tuple[str, ...]]:
    """All thirty-two sets."""
    return chain.from_iterable(combinations(PERMISSIONS, size) for size in range(6))


def held(pattern: str, permissions: tuple[str, ...]) -> Holds:
    """What a scope map holds, naively; one that holds any right opens the catalog."""
    rights = [f"repository:{pattern}:{ACTION_OF_PERMISSION[one]}" for one in permissions]
    return only(*rights, *(["registry:catalog:*"] if rights else []))


class Routes:
    """Every route, called so that it changes nothing even if it is allowed."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._opened: dict[str, set[tuple[str, str, str]]] = {}

    async def opened_by(self, authorization: str, key: str = "") -> set[tuple[str, str, str]]:
        """Method, path and repository of every call that is accepted; each `key` is tried once."""
        if not key or key not in self._opened:
            self._opened[key] = await self._try(authorization)
        return self._opened[key]

    async def _try(self, authorization: str) -> set[tuple[str, str, str]]:
        opened = set()
        for path, method in EXAMPLES:
            for name in NAMES if "{repository}" in path else ("",):
                answer = await Caller(self._registry, "", "").call(
                    method,
                    self._harmless(path, name),
                    headers={"Authorization": authorization},
                    body=b"{",
                )
                assert answer.status < 500
                if answer.status not in (401, 403):
                    opened.add((method, path, name))
        return opened

    def _harmless(self, path: str, name: str) -> str:
        filled = path.format_map(
            {
                "repository": name,
                "reference": "nothing",
                "tag": "nothing",
                "digest": f"sha256:{'0' * 64}",
                "upload": "00000000-0000-4000-8000-000000000000",
                "name": "nothing",
                "password": "nothing",
            }
        )
        return f"{filled}?digest=none"  # no upload begins and none ends


def should_open(holds: Holds) -> set[tuple[str, str, str]]:
    """What these rights open, naively."""
    return {
        (method, path, name)
        for (path, method), example in EXAMPLES.items()
        for name in (NAMES if "{repository}" in path else ("",))
        if is_let_in(example.on(name), holds)
    }


async def by_get(caller: Caller, texts: tuple[str, ...]) -> Answer:
    """Ask for a token as docker does."""
    return await caller.token(*texts)


async def by_post(caller: Caller, texts: tuple[str, ...]) -> Answer:
    """Ask for a token as containerd does."""
    form = {
        "grant_type": "password",
        "service": HOST,
        "username": caller.username,
        "password": caller.password,
        "scope": texts,
    }
    return await caller.call(
        "POST",
        "/oauth2/token",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form, doseq=True).encode(),
    )


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_no_combination_of_scope_map_request_and_route_opens_what_the_map_does_not_hold(
    registry: Registry, pattern: str
) -> None:
    """32 scope maps, 8 requests, GET and POST and Basic, every route on three repositories."""
    created = await registry.services.accounts.create("somebody", "_repositories_pull")
    assert created.passwords[0].value is not None
    caller = Caller(registry, "somebody", created.passwords[0].value.reveal())
    routes = Routes(registry)

    for number, permissions in enumerate(sets_of_permissions()):
        name = f"map-{number:03}"
        texts = tuple(f"repositories/{pattern}/{permission}" for permission in permissions)
        await registry.services.scope_maps.create(name, texts)
        await registry.services.accounts.change("somebody", scope_map=name)
        holds = held(pattern, permissions)
        assert await routes.opened_by(caller.basic) == should_open(holds)
        for request in REQUESTS:
            for ask in (by_get, by_post):
                token = (await ask(caller, request)).json["access_token"]
                opened = await routes.opened_by(f"Bearer {token}", str(claims(token)["access"]))
                assert opened == should_open(granted(token))
                assert opened <= should_open(holds)


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_request_for_everything_gets_all_that_the_map_holds(
    registry: Registry, pattern: str
) -> None:
    """Nothing may be missing either: a refused push is a failed build."""
    for number, permissions in enumerate(sets_of_permissions()):
        texts = tuple(f"repositories/{pattern}/{permission}" for permission in permissions)
        await registry.services.scope_maps.create(f"map-{number:03}", texts)
        created = await registry.services.accounts.create(f"account-{number}", f"map-{number:03}")
        assert created.passwords[0].value is not None
        caller = Caller(registry, created.username, created.passwords[0].value.reveal())

        token = (await by_get(caller, (*REQUESTS[1], *REQUESTS[3]))).json["access_token"]

        assert should_open(granted(token)) == should_open(held(pattern, permissions))
