"""Accounts for tests, each with just the scopes that a test names."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx2

from acrux.client import credentials
from acrux.client.tokens import basic
from acrux.domain.access.credential import Credential, Secret
from acrux.domain.access.scope import MANAGEMENT, REGISTRY, REPOSITORY, Scope
from acrux.domain.access.scope_maps import (
    ACTION_OF_MANAGEMENT,
    KIND_OF_ACTION,
    default_name,
    permission,
    spelled_out,
)
from acrux.testing.pushing import checked


@dataclass(frozen=True, slots=True)
class Account:
    """A user name and a password, in the forms in which clients take them.

    `docker_config` is a folder for the variable DOCKER_CONFIG. Its `config.json` serves podman and
    skopeo as REGISTRY_AUTH_FILE.
    """

    username: str
    password: str = field(repr=False)
    docker_config: Path

    @property
    def authorization(self) -> str:
        """The value of the Authorization header (RFC 7617)."""
        return basic(Credential(self.username, Secret(self.password)))


def create(client: httpx2.Client, scopes: Iterable[str], name: str) -> tuple[str, str]:
    """Create an account with these scopes; return its name and its password.

    Raises ValueError for a scope that no account can have, and Refused.
    """
    permissions = sorted({text for scope in scopes for text in permissions_of(scope)})
    name = name or f"test-{token_hex(4)}"
    scope_map = default_name(name)
    _post(client, "scopeMaps", {"name": scope_map, "actions": permissions})
    created = _post(client, "tokens", {"name": name, "scopeMapId": scope_map})
    return name, created["credentials"]["passwords"][0]["value"]


def permissions_of(text: str) -> tuple[str, ...]:
    """The permissions that grant a scope such as `repository:app:pull,push`.

    Raises ValueError if nothing grants it, InvalidScope if it is not a scope.
    """
    scope = Scope.parse(text)
    if scope.type == REPOSITORY:
        wanted = spelled_out(scope.actions) - {"*"}
        granted = {action: permission(scope.name, kind) for action, kind in KIND_OF_ACTION.items()}
    elif (scope.type, scope.name) == (REGISTRY, MANAGEMENT):
        wanted = scope.actions
        granted = {action: kind for kind, action in ACTION_OF_MANAGEMENT.items()}
    else:
        raise ValueError(
            f"no account can be given the scope {text!r}: give repository:NAME:ACTIONS or "
            "registry:management:ACTIONS; whoever may use a repository may list the catalog"
        )
    if unknown := wanted - granted.keys():
        raise ValueError(
            f"unknown actions in the scope {text!r}: {', '.join(sorted(unknown))}; "
            f"known are {', '.join(granted)}"
        )
    return tuple(granted[action] for action in wanted)


def write_docker_config(folder: Path, host: str, username: str, password: str) -> Path:
    """Write the file that `docker login` would write; return its folder."""
    login = Credential(username, Secret(password))
    credentials.store(host, login, {"DOCKER_CONFIG": str(folder)})
    return folder


def _post(client: httpx2.Client, path: str, body: dict[str, object]) -> Any:
    return checked(client.post(f"/management/v1/{path}", json=body)).json()
