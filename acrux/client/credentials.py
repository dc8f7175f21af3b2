"""Find, store and erase credentials where docker and its helpers do."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from acrux.client import docker_config
from acrux.client.credential_helper import CredentialHelper
from acrux.client.docker_config import Configuration, section
from acrux.client.errors import CredentialsUnavailable
from acrux.client.login import RefreshToken
from acrux.domain.access.credential import Credential, Secret

# Docker Hub has several names; docker stores its credentials under this one.
DOCKER_HUB: Final = "https://index.docker.io/v1/"
_DOCKER_HUB_NAMES: Final = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


def find(host: str, environ: Mapping[str, str]) -> Credential | RefreshToken | None:
    """What is configured for a registry, `host` or `host:port`; None if there is nothing.

    Asks the registry's own helper (`credHelpers`), or the common one (`credsStore`), then the file
    (`auths`). Raises CredentialsUnavailable if a file cannot be read or a helper fails.
    """
    server = _key(host)
    for path in docker_config.files(environ):
        configuration = docker_config.read(path)
        helper = _helper(server, configuration, environ, path)
        found = (helper and helper.get(server)) or _from_file(server, configuration, path)
        if found is not None:
            return found
    return None


def store(host: str, login: Credential | RefreshToken, environ: Mapping[str, str]) -> Path | str:
    """Store a login for a registry as `docker login` does. Return the file, or the helper's name.

    It is stored with the configuration that `find` asks first, in its helper if it names one. In a
    file a password can be read by anyone who can read the file. Raises CredentialsUnavailable.
    """
    server, path = _key(host), _first_file(environ)
    configuration = docker_config.read(path)
    helper = _helper(server, configuration, environ, path)
    if helper is not None:
        helper.store(server, login)
    # By an empty entry docker knows that the login is stored with a helper.
    entry = {} if helper is not None else _entry(login)
    auths = {**section(configuration, "auths"), server: entry}
    docker_config.write(path, {**configuration, "auths": auths})
    return path if helper is None else helper.program


def erase(host: str, environ: Mapping[str, str]) -> bool:
    """Remove what `store` stored for a registry. Return whether there was anything.

    Raises CredentialsUnavailable.
    """
    server, path = _key(host), _first_file(environ)
    configuration = docker_config.read(path)
    helper = _helper(server, configuration, environ, path)
    was_kept = helper is not None and helper.get(server) is not None
    if helper is not None and was_kept:
        helper.erase(server)
    auths = section(configuration, "auths")
    remaining = {key: entry for key, entry in auths.items() if not _is_of(key, server)}
    if remaining != auths:
        docker_config.write(path, {**configuration, "auths": remaining})
    return was_kept or remaining != auths


def _key(host: str) -> str:
    return DOCKER_HUB if host in _DOCKER_HUB_NAMES else host


def _first_file(environ: Mapping[str, str]) -> Path:
    for path in docker_config.files(environ):
        return path
    raise CredentialsUnavailable("there is no place to store a login: set HOME or DOCKER_CONFIG")


def _helper(
    server: str, configuration: Configuration, environ: Mapping[str, str], path: Path
) -> CredentialHelper | None:
    # As in docker, an empty name in credHelpers means the file, whatever credsStore says.
    name = section(configuration, "credHelpers").get(server, configuration.get("credsStore"))
    if not name:
        return None
    try:
        return CredentialHelper.named(name, environ)
    except CredentialsUnavailable as refused:
        raise CredentialsUnavailable(f"{path}: {refused}") from None


def _from_file(
    server: str, configuration: Configuration, path: Path
) -> Credential | RefreshToken | None:
    auths = section(configuration, "auths")
    alike = [auths[server]] if server in auths else []
    alike += [entry for key, entry in auths.items() if _is_of(key, server)]
    entry: dict[str, Any] = next((entry for entry in alike if isinstance(entry, dict)), {})
    if entry.get("identitytoken"):
        return RefreshToken(Secret(str(entry["identitytoken"])))
    if entry.get("username"):
        return Credential(str(entry["username"]), Secret(str(entry.get("password", ""))))
    return _decode(str(entry["auth"]), server, path) if entry.get("auth") else None


def _is_of(key: str, server: str) -> bool:
    return _server_of(key) == _server_of(server)


def _server_of(key: str) -> str:
    """The server that a key of `auths` names. Old keys are URLs such as https://host/v1/."""
    return key if "://" not in key else key.partition("://")[2].partition("/")[0]


def _entry(login: Credential | RefreshToken) -> dict[str, str]:
    """What docker's file holds of a login."""
    if isinstance(login, Credential):
        return {"auth": _encode(login)}
    # docker, podman and Go's clients look for `identitytoken` first. For clients that know only
    # `auth`, the same token is there as a password; docker itself leaves that empty.
    return {"auth": _encode(login.as_password), "identitytoken": login.secret.reveal()}


def _encode(credential: Credential) -> str:
    pair = f"{credential.name}:{credential.secret.reveal()}"
    return base64.b64encode(pair.encode()).decode("ascii")


def _decode(auth: str, server: str, path: Path) -> Credential:
    try:
        pair = base64.b64decode(auth, validate=True).decode().strip("\x00")
    except (binascii.Error, ValueError):
        pair = ""
    name, colon, secret = pair.partition(":")
    if not colon:
        raise CredentialsUnavailable(
            f"auths.{server}.auth in {path} is not the base64 of user:password: log in again"
        )
    return Credential(name, Secret(secret))
